"""What is kept and how it is queried: history, indicators, releases.

Belongs here: everything between staged Parquet and a published release, in SQL. Does not belong here: HTTP,
Dagster. Only this package opens the warehouse's DuckDB file for writing; it imports nothing of `assets` and `pipelines`.
"""
