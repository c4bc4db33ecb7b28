"""Before anything is written: check the data folder and the clock, and remove leftovers of killed runs.

Belongs here: checks that come before the first step of a run or a decision. Does not belong here: checks of figures.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from assets.run import RunContext
from sources import clock
from sources.errors import DamagedFolder
from warehouse.history.migration import RESTORE
from warehouse.publishing import release


def prepare(run: RunContext) -> None:
    """Sweep leftovers, then raise ImplausibleClock or DamagedFolder where writing would lose or falsify something."""
    run.home.sweep()
    check_past(run)


def check_past(run: RunContext) -> None:
    """Raise ImplausibleClock or DamagedFolder where what is there contradicts the clock or the last release."""
    clock.check_against_past(run.home, last_written(run))
    _check_manifest(run)


def last_written(run: RunContext) -> datetime | None:
    """The moment of the last acceptance or of the last release, whichever is later."""
    moments = [event.accepted_at for event in run.store.acceptances[-1:]]
    moments += [last.built_at for last in release.releases(run.home)[-1:]]
    return max(moments, default=None)


def _check_manifest(run: RunContext) -> None:
    """The manifest lists every vintage and snapshot of the last release."""
    for last in release.releases(run.home)[-1:]:
        try:
            with release.reading(last) as con:
                vintages = con.execute("select dataset, snapshot_id, known_from from vintages").fetchall()
                snapshots = con.execute("select snapshot_id from snapshots").fetchall()
        except (release.OtherVersion, duckdb.CatalogException):
            return
        listed = {(event.dataset, event.snapshot_id, event.accepted_at) for event in run.store.acceptances}
        missing = [
            f"the acceptance of {name}" for dataset, name, at in vintages if (dataset, name, at) not in listed
        ]
        missing += [f"snapshot {name}" for (name,) in snapshots if name not in run.store.snapshots]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise DamagedFolder(
                f"{run.home.manifest} lacks what release {last.id} was built from: {', '.join(missing[:3])}{more}.",
                hint=RESTORE,
            )
