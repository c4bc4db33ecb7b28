"""The steps of a run as plain functions, and thin Dagster assets over them.

Belongs here: what runs in which order. Does not belong here: schedules, alerts, the command line (`pipelines`).
Imports nothing of `pipelines`.
"""
