"""The release step as a plain function: the datasets' states in, release and the run's record out.

Belongs here: what the step does around `warehouse/publishing/release.py`. Does not belong here: Dagster.
"""

from __future__ import annotations

from assets.observations import tidy
from assets.run import RunContext
from assets.site.build import render
from sources.data_folder import utc_now
from warehouse.history.dataset_state import Run, describe, read_status, remember, write_status
from warehouse.history.store import replay
from warehouse.publishing import release


def publish(run: RunContext) -> release.Release | None:
    """Publish what stands, or None where nothing changed since the last release. Raises GateClosed.

    Either way `status.json` then holds the run's record: when, which release, and which datasets got worse.
    """
    states = describe(run.home, run.catalogue, run.providers, run.store, utc_now())
    status = read_status(run.home)
    before = status.run.datasets
    remembered, worse = remember(before, states)
    status.run = Run(at=utc_now(), worse=worse, datasets=remembered)
    try:
        with run.warehouse() as con:
            replay(con, run.catalogue, run.store, run.stage)
            published = release.build(run.home, con, run.catalogue, run.providers, run.store, states, render)
        tidy(run)
        status.run.published = published.id if published else None
        return published
    except BaseException as failure:
        # what got worse tonight is not told: the next run is compared with the one before
        status.run.failed, status.run.datasets = str(failure) or "interrupted", before
        raise
    finally:
        write_status(run.home, status)
