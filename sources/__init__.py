"""Where data comes from: catalogue, providers, HTTP, snapshots, wire formats.

Belongs here: everything from a provider's bytes to staged Parquet. Does not belong here: Dagster, and any
database file. Imports nothing to its right (`warehouse`, `assets`, `pipelines`).
"""
