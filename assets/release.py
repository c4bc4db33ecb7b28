"""The release step as a plain function: the datasets' states in, release and the run's record out.

Belongs here: what the step does around `warehouse/publishing/release.py`, and which figures it holds back. Does not belong
here: Dagster.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

import duckdb

from assets.observations import enter_bundled, tidy
from assets.run import RunContext
from assets.site.build import render
from assets.soundness import check_past
from sources.clock import SILENT
from sources.data_folder import utc_now
from sources.errors import HeldBack, OtherFolder
from sources.snapshots import Acceptance
from warehouse.history import store as history
from warehouse.history.dataset_state import (
    Outcome,
    Run,
    describe,
    read_status,
    record,
    remember,
    write_status,
)
from warehouse.publishing import release, releases
from warehouse.publishing.release_checks import ReleaseBlocked

RELEASE_CHECKS = "release checks"
log = logging.getLogger("distretto")


def publish(run: RunContext, materialised: Mapping[str, str]) -> release.Release | None:
    """Publish the current figures, or None where nothing changed since the last release. Raises ReleaseBlocked.

    `materialised`: the snapshot, or `none`, that the step of each dataset ended with in this run; raises OtherFolder where
    this data folder has others. In any case `status.json` then holds the run's record: when, which release, and which
    datasets got worse.
    """
    with run.writing():
        if run.home.lake:
            releases.mirror(run.home)
            check_past(run)
        return _publish(run, materialised)


def _publish(run: RunContext, materialised: Mapping[str, str]) -> release.Release | None:
    last = read_status(run.home).run
    before, last_run = last.datasets, last.at
    about = Run(at=utc_now())
    try:
        with run.warehouse() as con:
            _check_materialised(run, materialised)
            run.replay(con)
            published = _build_without_what_blocks(run, con, about)
        tidy(run)
        if _may_delete(run, last_run):
            release.retain(run.home)
        about.published = published.id if published else None
        return published
    except BaseException as failure:
        # what got worse is not reported tonight: the next run is compared with the one before
        about.failed, about.datasets = str(failure) or "interrupted", before
        raise
    finally:
        if not about.datasets:
            about.datasets = before
        status = read_status(run.home)
        status.run = about
        write_status(run.home, status)


def _check_materialised(run: RunContext, materialised: Mapping[str, str]) -> None:
    differing = []
    for dataset, snapshot in materialised.items():
        current = run.store.current(dataset)
        if (current.id if current else "none") != snapshot:
            differing.append(f"{dataset} ({snapshot}, here {current.id if current else 'none'})")
    if differing:
        raise OtherFolder(
            f"The steps of this run ended with other snapshots than {run.home.root} holds: {', '.join(differing)}."
        )


def _may_delete(run: RunContext, last_run: datetime | None) -> bool:
    """Whether the clock can be trusted about the age of releases: a provider agrees, or the last run was not long ago."""
    return run.clock.answered or last_run is None or utc_now() - last_run <= SILENT


def _build_without_what_blocks(
    run: RunContext, con: duckdb.DuckDBPyConnection, about: Run
) -> release.Release | None:
    """Build the release; where its checks fail because of new figures, without those: at most three attempts.

    First the datasets that the wrong rows come from are held back, then everything that is new. Raises what the first
    attempt raised where the checks fail without new figures too; then nothing was held back.
    """
    status, store = read_status(run.home), run.store
    new = _new_acceptances(run)
    try:
        return _build(run, con, about)
    except ReleaseBlocked as blocked:
        names = {acceptance.dataset for acceptance in new}
        attempts = [blocked.datasets & names, names]
        for held in [
            attempt for n, attempt in enumerate(attempts) if attempt and attempt not in attempts[:n]
        ]:
            log.warning(
                "release checks failed; trying without the new figures of %s", ", ".join(sorted(held))
            )
            _hold_back(run, con, [event for event in new if event.dataset in held], blocked)
            try:
                return _build(run, con, about)
            except ReleaseBlocked:
                continue
        # not because of what is new: it is judged again in the next run
        history.drop_held(con, store)
        write_status(run.home, status)
        about.worse = []
        raise


def _build(run: RunContext, con: duckdb.DuckDBPyConnection, about: Run) -> release.Release | None:
    status = read_status(run.home)
    states = describe(run.home, run.catalogue, run.providers, run.store, utc_now())
    about.datasets, about.worse = remember(status.run.datasets, states)
    return release.build(
        run.home,
        con,
        run.catalogue,
        run.providers,
        run.store,
        states,
        lambda built: about.undrawn.extend(render(built)),
        lambda: history.confirm(con, run.store),
    )


def _new_acceptances(run: RunContext) -> list[Acceptance]:
    """Acceptances that no release has been built from, but those of a person's pins."""
    last = release.releases(run.home)[-1:]
    until = last[0].known_until if last else None
    return [
        event
        for event in run.store.acceptances
        if event.dataset in run.catalogue
        and event.dataset not in run.store.pins
        and (until is None or event.accepted_at > until)
        and event in run.store.standing(event.dataset)
    ]


def _hold_back(
    run: RunContext, con: duckdb.DuckDBPyConnection, events: list[Acceptance], blocked: ReleaseBlocked
) -> None:
    """Take `events` out of history again and refuse their snapshots; decisions that are in the manifest are followed by
    others that go back to the figures before. All of it is held until the release is built."""
    store = run.store
    kept = [event for event in store.held_acceptances if event not in events]
    durable = [event for event in events if event not in store.held]
    history.drop_held(con, store)
    for event in kept:
        snapshot = store.snapshots[event.snapshot_id]
        proposal = store.renumbered(event)
        history.enter(
            con,
            run.catalogue[event.dataset],
            snapshot,
            run.stage(snapshot),
            proposal,
            store.hold,
            provisional=True,
        )
    for event in durable:
        _go_back(run, con, event)
    for event in events:
        snapshot = store.snapshots[event.snapshot_id]
        if snapshot.origin == "live":
            # before the refusal is held, so that both are in the manifest in the order they have here
            enter_bundled(run, con, event.dataset)
        rows = [row for result in blocked.failed for row in result.rows if event.dataset in result.datasets]
        reason = f"{RELEASE_CHECKS}: {'; '.join(rows) or blocked.message}"
        store.hold(store.refusal(snapshot, [reason], run.catalogue[event.dataset].sha256))
        hint = f"if the provider is right: distretto accept {event.dataset} {snapshot.id} --because TEXT."
        record(run.home, event.dataset, Outcome.QUARANTINED, HeldBack(reason, hint=hint))


def _go_back(run: RunContext, con: duckdb.DuckDBPyConnection, event: Acceptance) -> None:
    """Restore the figures that were in force before `event`, or none if there were none."""
    earlier = [e for e in run.store.standing(event.dataset) if e.sequence < event.sequence]
    because = f"undoes the acceptance of {event.snapshot_id}: the release checks fail with it"
    target, kind = _before(run, event, earlier)
    run.enter(con, target, RELEASE_CHECKS, because, kind=kind, hold=True)


def _before(run: RunContext, event: Acceptance, earlier: list[Acceptance]):
    if earlier and not run.catalogue[event.dataset].accumulates:
        return run.store.snapshots[earlier[-1].snapshot_id], "update"
    return run.store.snapshots[event.snapshot_id], "withdrawal"
