"""The steps from a provider to history, as plain functions: bundled figures, collect, admit.

Belongs here: their order and what each failure means for one dataset. Does not belong here: Dagster (`factory.py`)
and the parts themselves (`sources`, `warehouse`). A failure here affects one dataset and stops no other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import duckdb

from assets.run import CHECKS, RunContext
from sources import bundled
from sources.catalogue import Dataset
from sources.common.phases import Phase
from sources.common.sql import row_literal
from sources.data_folder import utc_now
from sources.errors import (
    UNFORESEEN,
    ChecksFailed,
    DamagedSnapshot,
    DistrettoError,
    NotReplayable,
    SourceError,
    Unforeseen,
)
from sources.formats.staged import Staged
from sources.http.client import Client
from sources.http.stopping import Stop
from sources.protocols.interface import Fetched, NamesSuccessors, Offered, Protocol, implementation
from sources.snapshots import Snapshot
from sources.staging import discard_staged, fresh_workdir
from warehouse.history.dataset_state import Check, Outcome, note, read_status, record
from warehouse.history.store import confirm

# checks that an operator may not override: with such figures in history, the release checks stop every dataset
NEEDED = ("unique_keys", "no_empty_keys", "units")
UNUSABLE = (
    "complete `unit` in the catalogue entry, and the body is judged again; or wait for the provider, or pin an "
    "earlier snapshot."
)
REFUSED_FILE = (
    "correct the file, or take it out of the folder; if it is right: distretto accept (docs/hand-drops.md)."
)
log = logging.getLogger("distretto")


def collect(run: RunContext, datasets: Iterable[str]) -> None:
    """Ask the providers for `datasets`, one thread per host, and store their responses; each outcome goes into status.json."""
    workdir = fresh_workdir(run.home)
    by_host: dict[str | None, list[Dataset]] = {}
    for dataset in (run.catalogue[name] for name in datasets):
        by_host.setdefault(urlsplit(run.providers[dataset.provider].base_url).hostname, []).append(dataset)
    for host_datasets in by_host.values():
        # tables that take minutes must not delay the others
        host_datasets.sort(key=lambda dataset: dataset.slow)
    checks = read_status(run.home).datasets
    known = {name: _known_stamp(run, name, checks.get(name, Check())) for name in run.catalogue}
    arrived: list[Future[None]] = []
    keeping, stop = threading.Lock(), Stop()

    def ask(host_datasets: list[Dataset]) -> None:
        protocols: dict[str, Protocol] = {}
        for dataset in host_datasets:
            if stop.is_set():
                return
            provider = run.providers[dataset.provider]
            if provider.unset:
                with keeping:
                    record(run.home, dataset.id, Outcome.NOT_CONFIGURED, unset=provider.unset)
                log.info("%s: not configured", dataset.id, extra={"phase": Phase.COLLECT, "done": dataset.id})
                continue
            log.info("%s: asking %s", dataset.id, provider.title, extra={"phase": Phase.COLLECT})
            if provider.id not in protocols:
                client = Client(provider, run.home.pace, stop=stop, lake=run.home.lake)
                client.session.hooks["response"].append(run.clock.watch)
                protocols[provider.id] = implementation(provider.protocol)(client, workdir)
            protocol = protocols[provider.id]
            try:
                found: Sequence[Offered] | SourceError = protocol.fetch(dataset, known[dataset.id])
            except SourceError as failure:
                found = failure
            except UNFORESEEN as failure:
                log.exception("%s: reading what %s said failed", dataset.id, provider.title)
                found = Unforeseen(failure)
            # before a wrong clock dates anything
            run.clock.check(run.home)
            with keeping:
                log.info(
                    "%s: %s",
                    dataset.id,
                    _keep(run, dataset, found),
                    extra={"phase": Phase.COLLECT, "done": dataset.id},
                )
                named = protocol.successors(dataset) if isinstance(protocol, NamesSuccessors) else None
                if named is not None:
                    note(run.home, dataset.id, twin=vars(named[0]) if named else {})

    with ThreadPoolExecutor(max_workers=max(len(by_host), 1)) as pool:
        arrived = [pool.submit(ask, host_datasets) for host_datasets in by_host.values()]
        try:
            for future in as_completed(arrived):
                future.result()
        except BaseException:
            stop.set()
            raise


def _known_stamp(run: RunContext, dataset: str, check: Check) -> datetime | None:
    """The provider's stamp under which the newest body was seen, if that body is here and answers what the catalogue entry
    asks for now. A body that was refused counts too: it is not downloaded again until its stamp changes, and judged again
    when its entry does."""
    snapshot = run.store.snapshots.get(check.seen or "") or run.store.current(dataset)
    if snapshot is None or snapshot.origin == "shipped" or not run.store.bodies.has(snapshot):
        return None
    if snapshot.coverage != run.catalogue[dataset].query:
        return None
    return check.known_stamp


def _keep(run: RunContext, dataset: Dataset, found: Sequence[Offered] | SourceError) -> Outcome:
    """Store what came and note the outcome."""
    store = run.store
    if isinstance(found, SourceError):
        return _record(run, dataset.id, Outcome.FAILED, found)
    if not found:
        if run.providers[dataset.provider].protocol == "drop" and not store.newest(dataset.id, "live"):
            folder = run.providers[dataset.provider].base_url
            return _record(run, dataset.id, Outcome.NOT_CONFIGURED, folder=folder)
        return _unchanged_outcome(run, dataset.id)
    if dataset.accumulates:
        return _keep_each(run, dataset, found)
    return _keep_newest(run, dataset, found[-1].take())


def _keep_newest(run: RunContext, dataset: Dataset, found: Fetched) -> Outcome:
    """Store a body unless it is the current one."""
    store = run.store
    stamp: dict[str, Any] = {"known_stamp": found.provider_updated_at} if found.provider_updated_at else {}
    for snapshot in (store.current(dataset.id), store.newest(dataset.id, "live")):
        if snapshot and snapshot.origin == "live" and snapshot.sha256 == found.body.sha256:
            store.bodies.replace(snapshot, found.body.path)
            return _unchanged_outcome(run, dataset.id, seen=snapshot.id, **stamp)
    new = _add(run, dataset, found)
    return _record(run, dataset.id, Outcome.ARRIVED, seen=new.id, **stamp)


def _keep_each(run: RunContext, dataset: Dataset, found: Sequence[Offered]) -> Outcome:
    """Store every file that is not stored under its name yet; a refused one counts for as long as it is in the folder."""
    store = run.store
    kept = {(s.sha256, s.url): s for s in store.snapshots.values() if s.dataset == dataset.id}
    for file in found:
        if (file.sha256, file.place) not in kept:
            _add(run, dataset, file.take())
    entry = run.catalogue[dataset.id].sha256
    present = {kept[file.sha256, file.place].id for file in found if (file.sha256, file.place) in kept}
    accepted = {event.snapshot_id for event in store.acceptances}
    refused = [r for r in store.refusals if r.snapshot_id in present - accepted]
    stamps = [f.provider_updated_at for f in found if isinstance(f, Fetched) and f.provider_updated_at]
    if stamps and run.providers[dataset.provider].protocol != "drop":
        note(run.home, dataset.id, known_stamp=max(stamps))
    if store.waiting(dataset.id, entry):
        return _record(run, dataset.id, Outcome.ARRIVED)
    if refused:
        failure = ChecksFailed("; ".join(refused[-1].reasons), hint=REFUSED_FILE)
        return _record(run, dataset.id, Outcome.QUARANTINED, failure)
    return _record(run, dataset.id, Outcome.UNCHANGED)


def _record(
    run: RunContext, dataset: str, outcome: Outcome, failure: DistrettoError | None = None, **facts: Any
) -> Outcome:
    record(run.home, dataset, outcome, failure, **facts)
    return outcome


def _add(run: RunContext, dataset: Dataset, found: Fetched) -> Snapshot:
    return run.store.add(
        found.body,
        dataset=dataset.id,
        provider=dataset.provider,
        code=dataset.code,
        format=found.format,
        origin="live",
        provider_updated_at=found.provider_updated_at,
        coverage=dataset.query,
        note=found.note,
        licence=dataset.licence or run.providers[dataset.provider].licence,
    )


def _unchanged_outcome(run: RunContext, dataset: str, **facts: Any) -> Outcome:
    """The outcome if the provider serves the same body as before: the decision on it remains in force.

    A provider that takes a refused body back and serves the accepted one again is in no trouble any more.
    """
    now, seen = run.store.current(dataset), facts.get("seen") or _seen(run, dataset)
    if run.store.undecided(dataset, "live", run.catalogue[dataset].sha256):
        outcome = Outcome.ARRIVED
    elif run.store.quarantined(dataset) and not (now and now.id == seen):
        outcome = Outcome.QUARANTINED
    else:
        outcome = Outcome.UNCHANGED
    return _record(run, dataset, outcome, **facts)


def _seen(run: RunContext, dataset: str) -> str | None:
    """The snapshot whose body the provider served last."""
    return read_status(run.home).datasets.get(dataset, Check()).seen


def add_bundled(run: RunContext, datasets: Iterable[str]) -> None:
    """Add the bundled figures of every dataset that has no snapshot yet to the store."""
    for dataset in (run.catalogue[name] for name in datasets):
        now = run.store.current(dataset.id)
        if now is None or now.origin == "shipped":
            bundled.add(run.home, run.store, dataset, run.providers[dataset.provider])


def admit(run: RunContext, con: duckdb.DuckDBPyConnection, name: str) -> Outcome | None:
    """Accept the newest body of dataset `name` into history permanently, or refuse it: `judge`, without the release checks."""
    outcome = judge(run, con, name)
    confirm(con, run.store)
    return outcome


def judge(run: RunContext, con: duckdb.DuckDBPyConnection, name: str) -> Outcome | None:
    """Accept the newest body of dataset `name` provisionally, until the release checks have run, or refuse it.

    Bundled figures are accepted only if there are no live ones. Of a dataset whose files accumulate, each waiting file is
    accepted or refused, in the order of arrival. Returns the outcome, which is also in status.json.
    """
    store, dataset = run.store, run.catalogue[name]
    entry = dataset.sha256
    doubts: list[str] = []
    try:
        if run.replay(con, only=name):
            # a new body must not supersede figures that may be restored
            return Outcome.FAILED
        newest = store.undecided(name, "live", entry)
        arrived = store.waiting(name, entry) if dataset.accumulates else [newest] if newest else []
        if name in store.pins:
            if arrived:
                record(run.home, name, Outcome.HELD)
        elif refused := [
            failure for live in arrived if (failure := _accept_or_refuse(run, con, live, doubts))
        ]:
            record(run.home, name, Outcome.QUARANTINED, refused[-1])
        elif arrived:
            record(run.home, name, Outcome.UPDATED, doubts=doubts or None)
        elif run.home.lake and read_status(run.home).datasets.get(name, Check()).outcome == Outcome.ARRIVED:
            # another machine accepted the same body meanwhile
            record(run.home, name, Outcome.UNCHANGED)
    except DamagedSnapshot as failure:
        # without its stamp the provider is asked for the body again
        record(run.home, name, Outcome.FAILED, failure, known_stamp=None)
    try:
        enter_bundled(run, con, name)
    except DamagedSnapshot as failure:
        record(run.home, name, Outcome.FAILED, failure)
    return read_status(run.home).datasets.get(name, Check()).outcome


def enter_bundled(run: RunContext, con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Accept the bundled figures of dataset `name` into history if it has no live ones.

    They may break the checks of an entry outside the project; then they are refused, which is not a failure.
    """
    now, waiting = run.store.current(name), run.store.undecided(name, "shipped", run.catalogue[name].sha256)
    if (
        waiting
        and (now is None or now.origin == "shipped")
        and (failure := _accept_or_refuse(run, con, waiting))
    ):
        log.warning("%s: the bundled figures do not fit its catalogue entry: %s", name, failure.message)


def _accept_or_refuse(
    run: RunContext, con: duckdb.DuckDBPyConnection, snapshot: Snapshot, doubts: list[str] | None = None
) -> DistrettoError | None:
    """Accept `snapshot` into history, adding to `doubts`, or refuse it and return why. Raises DamagedSnapshot."""
    dataset = run.catalogue[snapshot.dataset]
    try:
        found = _enter(run, con, snapshot)
        if doubts is not None:
            doubts += found
    except (SourceError, ChecksFailed, NotReplayable) as failure:
        if dataset.accumulates:
            failure.message = f"{snapshot.url}: {failure.message}"
        run.store.refuse(snapshot, [failure.message], dataset.sha256)
        return failure
    return None


def _enter(run: RunContext, con: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> list[str]:
    """Stage, check, append and accept; returns what an analyst should review. Raises DamagedSnapshot, SourceError,
    ChecksFailed or NotReplayable, and then nothing has changed."""
    name = snapshot.dataset
    log.info("%s: decoding %s", name, snapshot.id, extra={"phase": Phase.ADMIT})
    staged = run.stage(snapshot)
    log.info("%s: checking", name, extra={"phase": Phase.ADMIT})
    results = run_checks(run, con, snapshot, staged)
    failed = [result for result in results if result.refuses]
    if failed:
        raise ChecksFailed(
            "; ".join(f"{r.name}: {r.observed} (expected {r.expected})" for r in failed),
            hint=UNUSABLE
            if any(result.name in NEEDED for result in failed)
            else f"if the provider is right: distretto accept {name} {snapshot.id} --because TEXT.",
        )
    log.info("%s: entering history", name, extra={"phase": Phase.ADMIT})
    run.enter(con, snapshot, by=CHECKS, hold=True)
    return [f"{r.name}: {r.observed}" for r in results if r.doubts]


def run_checks(run: RunContext, con: duckdb.DuckDBPyConnection, snapshot: Snapshot, staged: Staged):
    """The results of the entry's checks on `staged`, kept in the warehouse's `check_results` too."""
    from assets import checks

    dataset, store = run.catalogue[snapshot.dataset], run.store
    now = store.current(dataset.id)
    like = now if now and now.id != snapshot.id and now.origin == snapshot.origin else None
    try:
        before = run.stage(like) if like else None
    except SourceError:
        # it was accepted because the decoder read it; a sound body need not be compared with it
        before = None
    shipped_rows = bundled.load()[dataset.id].rows if snapshot.origin == "shipped" else None
    results = checks.check(con, dataset, snapshot, staged, before, shipped_rows)
    # one time for all: the newest results are those with the newest time
    at = utc_now()
    rows = [
        (
            dataset.id,
            snapshot.id,
            r.name,
            r.passed,
            r.observed,
            r.expected,
            at,
            r.severity if r.passed is False else None,
        )
        for r in results
    ]
    if rows:
        # one statement: in a lake each is a file
        con.execute(f"insert into check_results values {', '.join(map(row_literal, rows))}")
    return results


def tidy(run: RunContext) -> None:
    """Keep the staged folders of the current snapshots only."""
    discard_staged(run.home, {now.id for name in run.catalogue if (now := run.store.current(name))})
