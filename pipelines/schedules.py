"""When runs start."""

from __future__ import annotations

import dagster as dg

from warehouse.reference.territory import timezone

# Eurostat publishes at 11:00 and 23:00; clocks change between 02:00 and 03:00, so 05:15 comes once every night
NIGHTLY = "15 5 * * *"


def nightly_schedule(job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """The schedule of `job`, in the territory's time zone; it is on by default."""
    return dg.ScheduleDefinition(
        name="nightly",
        job=job,
        cron_schedule=NIGHTLY,
        execution_timezone=timezone().key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks every provider once a night, after the evening publications of Eurostat.",
    )
