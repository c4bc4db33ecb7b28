"""When and for whom: the Dagster definitions, the schedule, alerts, the command line.

Belongs here: starting runs, and reporting to people. Does not belong here: what a run does (`assets`).
"""
