"""When and for whom: the Dagster definitions, the schedule, alerts, the command line.

Belongs here: what starts a run and what tells people. Does not belong here: what a run does (`assets`).
"""
