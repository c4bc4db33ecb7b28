"""The steps from a provider to history, as plain functions: ship, collect, admit, and a person's accept and pin.

Belongs here: their order and what each failure means for one dataset. Does not belong here: Dagster (`factory.py`)
and the parts themselves (`sources`, `warehouse`). A failure here is one dataset's own and stops no other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import duckdb

from sources import shipped
from sources.errors import UNFORESEEN, DamagedSnapshot, DistrettoError, SourceError, Unforeseen
from sources.formats.staged import Staged
from sources.home import Home
from sources.http import Client
from sources.protocols import Fetched
from sources.protocols.download import Download
from sources.protocols.drop import Drop, Handed
from sources.protocols.eurostat import Eurostat
from sources.protocols.istat import Istat
from sources.protocols.oecd import Oecd
from sources.protocols.ops import Ops
from sources.snapshots import Snapshot, SnapshotStore
from sources.spec import Catalogue, Dataset, Provider, load_catalogue, load_providers
from sources.staging import discard_staged, fresh_workdir, stage
from warehouse.status import note, read_status, record
from warehouse.store import replay, warehouse

PROTOCOLS = {
    "download": Download,
    "drop": Drop,
    "eurostat": Eurostat,
    "istat": Istat,
    "oecd": Oecd,
    "ops": Ops,
}
CHECKS = "checks"
# history cannot do without these, whatever a person says: else the gate stops every dataset
NEEDED = ("unique_keys", "units")
UNUSABLE = (
    "complete `unit` in the catalogue entry, and the body is judged again; or wait for the provider, or pin an "
    "earlier snapshot."
)
REFUSED_FILE = (
    "correct the file, or take it out of the folder; if it is right: distretto accept (docs/hand-drops.md)."
)
log = logging.getLogger("distretto")


class ChecksFailed(DistrettoError):
    """The staged figures break checks of their catalogue entry; the body waits in quarantine."""


@dataclass
class Workshop:
    """Everything a run works with, for one data folder. Use within `home.writing()` when writing."""

    home: Home
    catalogue: Catalogue = field(default_factory=load_catalogue)
    providers: dict[str, Provider] = field(default_factory=load_providers)

    @cached_property
    def store(self) -> SnapshotStore:
        return SnapshotStore(self.home)

    def stage(self, snapshot: Snapshot) -> Staged:
        dataset = self.catalogue[snapshot.dataset]
        return stage(self.home, self.store, dataset, self.providers[dataset.provider], snapshot)

    def warehouse(self):
        return warehouse(self.home, self.catalogue.dimensions)


def collect(shop: Workshop, datasets: Iterable[str]) -> None:
    """Ask the providers for `datasets`, one thread a host, and keep what they serve; each outcome goes into status.json."""
    workdir = fresh_workdir(shop.home)
    by_host: dict[str | None, list[Dataset]] = {}
    for dataset in (shop.catalogue[name] for name in datasets):
        by_host.setdefault(urlsplit(shop.providers[dataset.provider].base_url).hostname, []).append(dataset)
    stamps = read_status(shop.home)["datasets"]
    known = {name: _known_stamp(shop, name, stamps.get(name, {})) for name in shop.catalogue}
    arrived: list[Future[None]] = []
    keeping, interrupted = threading.Lock(), threading.Event()

    def ask(host_datasets: list[Dataset]) -> None:
        protocols: dict[str, Any] = {}
        for dataset in host_datasets:
            if interrupted.is_set():
                return
            provider = shop.providers[dataset.provider]
            if provider.unset:
                with keeping:
                    record(shop.home, dataset.id, "not configured", unset=provider.unset)
                log.info("%s: not configured", dataset.id, extra={"done": dataset.id})
                continue
            log.info("%s: asking %s", dataset.id, provider.title)
            protocol = protocols.setdefault(
                provider.id, PROTOCOLS[provider.protocol](Client(provider, shop.home.pace), workdir)
            )
            try:
                found = protocol.fetch(dataset, known[dataset.id])
            except SourceError as failure:
                found = failure
            except UNFORESEEN as failure:
                log.exception("%s: reading what %s said failed", dataset.id, provider.title)
                found = Unforeseen(failure)
            with keeping:
                log.info("%s: %s", dataset.id, _keep(shop, dataset, found), extra={"done": dataset.id})
                if hasattr(protocol, "twin") and (twin := protocol.twin(dataset)) is not None:
                    note(shop.home, dataset.id, twin=twin)

    with ThreadPoolExecutor(max_workers=max(len(by_host), 1)) as pool:
        arrived = [pool.submit(ask, host_datasets) for host_datasets in by_host.values()]
        try:
            for future in as_completed(arrived):
                future.result()
        except BaseException:
            interrupted.set()
            raise


def _known_stamp(shop: Workshop, dataset: str, entry: dict[str, Any]) -> datetime | None:
    """The provider's stamp under which the newest body was seen, if that body was decided on, stands, and answers what
    the catalogue entry asks for now."""
    snapshot = shop.store.current(dataset)
    if snapshot is None or snapshot.origin == "shipped" or not entry.get("known_stamp"):
        return None
    if snapshot.coverage != shop.catalogue[dataset].query:
        return None
    return datetime.fromisoformat(entry["known_stamp"])


def _keep(shop: Workshop, dataset: Dataset, found: Fetched | list[Handed] | SourceError | None) -> str:
    """Store what came and note the outcome."""
    store, home = shop.store, shop.home
    if isinstance(found, SourceError):
        record(home, dataset.id, "failed", found)
        return "failed"
    if not found:
        if shop.providers[dataset.provider].protocol == "drop" and not store.newest(dataset.id, "live"):
            record(home, dataset.id, "not configured", folder=shop.providers[dataset.provider].base_url)
            return "not configured"
        return _standing(shop, dataset.id)
    if isinstance(found, list):
        return _keep_each(shop, dataset, found)
    stamp = {"known_stamp": found.provider_updated_at.isoformat()} if found.provider_updated_at else {}
    for snapshot in (store.current(dataset.id), store.newest(dataset.id, "live")):
        if snapshot and snapshot.origin == "live" and snapshot.sha256 == found.body.sha256:
            store.restore(snapshot, found.body)
            return _standing(shop, dataset.id, seen=snapshot.id, **stamp)
    new = _add(shop, dataset, found)
    record(home, dataset.id, "arrived", seen=new.id, **stamp)
    return "arrived"


def _keep_each(shop: Workshop, dataset: Dataset, found: list[Handed]) -> str:
    """Store every file that is not kept under its name yet; a refused one counts for as long as it lies there."""
    store = shop.store
    kept = {(s.sha256, s.url): s for s in store.snapshots.values() if s.dataset == dataset.id}
    for file in found:
        if (file.sha256, file.place) not in kept:
            _add(shop, dataset, file.take())
    entry = shop.catalogue[dataset.id].sha256
    present = {kept[file.sha256, file.place].id for file in found if (file.sha256, file.place) in kept}
    accepted = {event.snapshot_id for event in store.acceptances}
    refused = [r for r in store.refusals if r.snapshot_id in present - accepted]
    if store.waiting(dataset.id, entry):
        record(shop.home, dataset.id, "arrived")
        return "arrived"
    if refused:
        failure = ChecksFailed("; ".join(refused[-1].reasons), hint=REFUSED_FILE)
        record(shop.home, dataset.id, "quarantined", failure)
        return "quarantined"
    record(shop.home, dataset.id, "unchanged")
    return "unchanged"


def _add(shop: Workshop, dataset: Dataset, found: Fetched) -> Snapshot:
    return shop.store.add(
        found.body,
        dataset=dataset.id,
        provider=dataset.provider,
        code=dataset.code,
        format=found.format,
        origin="live",
        provider_updated_at=found.provider_updated_at,
        coverage=dataset.query,
        note=found.note,
        licence=dataset.licence or shop.providers[dataset.provider].licence,
    )


def _standing(shop: Workshop, dataset: str, **facts: str) -> str:
    """The outcome where the provider serves what it served before: the decision on that body stands.

    A provider that takes a refused body back and serves the accepted one again is in no trouble any more.
    """
    now, seen = shop.store.current(dataset), facts.get("seen") or _seen(shop, dataset)
    if shop.store.undecided(dataset, "live", shop.catalogue[dataset].sha256):
        outcome = "arrived"
    elif shop.store.quarantined(dataset) and not (now and now.id == seen):
        outcome = "quarantined"
    else:
        outcome = "unchanged"
    record(shop.home, dataset, outcome, **facts)
    return outcome


def _seen(shop: Workshop, dataset: str) -> str | None:
    """The snapshot whose body the provider served last."""
    return read_status(shop.home)["datasets"].get(dataset, {}).get("seen")


def ship(shop: Workshop, datasets: Iterable[str]) -> None:
    """Put the figures that ship into the store of every dataset that has none of its own yet."""
    for dataset in (shop.catalogue[name] for name in datasets):
        now = shop.store.current(dataset.id)
        if now is None or now.origin == "shipped":
            shipped.add(shop.home, shop.store, dataset, shop.providers[dataset.provider])


def admit(shop: Workshop, con: duckdb.DuckDBPyConnection, name: str) -> str:
    """Let the newest body of dataset `name` into history, or refuse it; figures that ship only where none are live.

    Where files accumulate none overtakes another: each that waits is let in or refused, in the order they came.
    Returns the outcome, which is in status.json too: `updated`, `quarantined`, `failed`, `held`, or what stood.
    """
    store, dataset = shop.store, shop.catalogue[name]
    entry = dataset.sha256
    try:
        replay(con, shop.catalogue, store, shop.stage, only=name)
        newest = store.undecided(name, "live", entry)
        arrived = store.waiting(name, entry) if dataset.accumulates else [newest] if newest else []
        if name in store.pins:
            if arrived:
                record(shop.home, name, "held")
        elif refused := [failure for live in arrived if (failure := _let_in(shop, con, live))]:
            record(shop.home, name, "quarantined", refused[-1])
        elif arrived:
            record(shop.home, name, "updated")
    except DamagedSnapshot as failure:
        # without its stamp the provider is asked for the body again
        record(shop.home, name, "failed", failure, known_stamp=None)
    now, waiting = store.current(name), store.undecided(name, "shipped", entry)
    if waiting and (now is None or now.origin == "shipped"):
        _enter(shop, con, waiting)
    return read_status(shop.home)["datasets"].get(name, {}).get("outcome", "not checked")


def _let_in(shop: Workshop, con: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> DistrettoError | None:
    """Enter `snapshot` into history, or refuse it and return why. Raises DamagedSnapshot."""
    dataset = shop.catalogue[snapshot.dataset]
    try:
        _enter(shop, con, snapshot)
    except (SourceError, ChecksFailed) as failure:
        if dataset.accumulates:
            failure.message = f"{snapshot.url}: {failure.message}"
        shop.store.refuse(snapshot, [failure.message], dataset.sha256)
        return failure
    return None


def _enter(shop: Workshop, con: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    """Stage, check, accept and append. Raises DamagedSnapshot, SourceError or ChecksFailed, and then nothing has changed."""
    name = snapshot.dataset
    log.info("%s: decoding %s", name, snapshot.id)
    staged = shop.stage(snapshot)
    log.info("%s: checking", name)
    failed = [result for result in run_checks(shop, con, snapshot, staged) if not result.passed]
    if failed:
        raise ChecksFailed(
            "; ".join(f"{r.name}: {r.observed} (expected {r.expected})" for r in failed),
            hint=UNUSABLE
            if any(result.name in NEEDED for result in failed)
            else f"if the provider is right: distretto accept {name} {snapshot.id} --because TEXT.",
        )
    log.info("%s: entering history", name)
    shop.store.accept(snapshot, by=CHECKS, stamp=staged.provider_updated_at)
    replay(con, shop.catalogue, shop.store, shop.stage, only=name)


def run_checks(shop: Workshop, con: duckdb.DuckDBPyConnection, snapshot: Snapshot, staged: Staged):
    """The results of the entry's checks on `staged`, kept in the warehouse's `check_results` too."""
    from assets import checks

    dataset, store = shop.catalogue[snapshot.dataset], shop.store
    now = store.current(dataset.id)
    like = now if now and now.id != snapshot.id and now.origin == snapshot.origin else None
    shipped_rows = shipped.load()[dataset.id].rows if snapshot.origin == "shipped" else None
    results = checks.check(con, dataset, snapshot, staged, shop.stage(like) if like else None, shipped_rows)
    con.executemany(
        "insert into check_results values (?, ?, ?, ?, ?, ?, now())",
        [(dataset.id, snapshot.id, r.name, r.passed, r.observed, r.expected) for r in results],
    )
    return results


def accept(
    shop: Workshop, con: duckdb.DuckDBPyConnection, name: str, snapshot_id: str, by: str, because: str
) -> Snapshot:
    """A person lets a quarantined snapshot in. Raises where its body is gone or cannot be decoded."""
    snapshot = shop.store.find(name, snapshot_id)
    if snapshot == shop.store.current(name):
        raise DistrettoError(f"{snapshot.id} stands already.", hint="nothing to do.")
    staged = shop.stage(snapshot)
    _refuse_unusable(shop, con, snapshot, staged)
    shop.store.accept(snapshot, by=by, because=because, stamp=staged.provider_updated_at)
    replay(con, shop.catalogue, shop.store, shop.stage, only=name)
    record(shop.home, name, "updated")
    return snapshot


def withdraw(
    shop: Workshop, con: duckdb.DuckDBPyConnection, name: str, snapshot_id: str, by: str, because: str
) -> Snapshot:
    """Take back the figures of a file that was handed in by mistake, where files add up."""
    snapshot = shop.store.find(name, snapshot_id)
    last = [event for event in shop.store.acceptances if event.snapshot_id == snapshot.id][-1:]
    if not shop.catalogue[name].accumulates:
        raise DistrettoError(
            f"{name} is one table, not files that add up.",
            hint="distretto pin holds it at an earlier snapshot.",
        )
    if not last or last[0].kind == "withdrawal":
        raise DistrettoError(f"{snapshot.id} is not in history.", hint="nothing to do.")
    shop.store.withdraw(snapshot, by=by, because=because)
    replay(con, shop.catalogue, shop.store, shop.stage, only=name)
    return snapshot


def pin(
    shop: Workshop, con: duckdb.DuckDBPyConnection, name: str, snapshot_id: str, by: str, because: str
) -> Snapshot:
    """Hold the dataset at a snapshot until `unpin`; newer bodies are kept and wait."""
    snapshot = shop.store.find(name, snapshot_id)
    _refuse_unusable(shop, con, snapshot, shop.stage(snapshot))
    shop.store.pin(snapshot, by=by, because=because)
    replay(con, shop.catalogue, shop.store, shop.stage, only=name)
    record(shop.home, name, "held")
    return snapshot


def _refuse_unusable(
    shop: Workshop, con: duckdb.DuckDBPyConnection, snapshot: Snapshot, staged: Staged
) -> None:
    """Raise where a check fails that nobody can overrule."""
    unusable = [r for r in run_checks(shop, con, snapshot, staged) if r.name in NEEDED and not r.passed]
    if unusable:
        raise DistrettoError(
            f"{snapshot.id} cannot enter history: "
            + "; ".join(f"{r.name}: {r.observed}" for r in unusable)
            + ".",
            hint=UNUSABLE,
        )


def tidy(shop: Workshop) -> None:
    """Keep the staged folders of the current snapshots only."""
    discard_staged(shop.home, {now.id for name in shop.catalogue if (now := shop.store.current(name))})
