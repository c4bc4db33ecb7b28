"""What a run works with: one data folder, its catalogue, providers and snapshot store.

Belongs here: the run context, and keeping history in step with the manifest. Does not belong here: the steps of a run
(`observations.py`, `release.py`) and an operator's decisions (`decisions.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property

import duckdb

from sources.catalogue import Catalogue, load_catalogue
from sources.clock import ProviderClock
from sources.concepts import KnownTerritories
from sources.data_folder import DataFolder
from sources.errors import DamagedSnapshot, DistrettoError, NotReplayable
from sources.formats.staged import Staged
from sources.providers import Provider, load_providers
from sources.snapshots import Acceptance, AcceptanceKind, Snapshot, SnapshotStore
from sources.staging import stage
from warehouse.history import store as history
from warehouse.history.dataset_state import Outcome, record
from warehouse.reference.territory import geography, territory
from warehouse.statistics import peers

CHECKS = "checks"
log = logging.getLogger("distretto")


@cache
def known_territories() -> KnownTerritories:
    """Every territory with a name, and those that no table may lose: ours and the members of peer groups shown."""
    ours = territory()
    watched = {ours.country, ours.region, *ours.provinces, *peers.shown()}
    return KnownTerritories(frozenset(geography()), frozenset(watched), ours.country)


@dataclass
class RunContext:
    """Run context of one data folder: paths, catalogue, providers, snapshot store. Use within `home.writing()` when writing."""

    home: DataFolder
    catalogue: Catalogue = field(default_factory=load_catalogue)
    providers: dict[str, Provider] = field(default_factory=load_providers)
    clock: ProviderClock = field(default_factory=ProviderClock)

    @cached_property
    def store(self) -> SnapshotStore:
        return SnapshotStore(self.home)

    def read_again(self) -> None:
        """Take into account what other processes wrote to a lake."""
        if self.home.lake:
            self.__dict__.pop("store", None)

    @contextmanager
    def writing(self, dataset: str | None = None) -> Iterator[None]:
        """Hold the lake's lock of `dataset`, or the one for all, knowing what is in the lake then. Raises Busy.

        Without a lake the run holds the only lock already.
        """
        if self.home.lake is None:
            yield
            return
        with self.home.lake.writing(dataset):
            self.read_again()
            yield

    def stage(self, snapshot: Snapshot) -> Staged:
        """The decoded figures of `snapshot`. Raises DamagedSnapshot or a SourceError."""
        dataset = self.catalogue[snapshot.dataset]
        provider = self.providers[dataset.provider]
        return stage(self.home, self.store, dataset, provider, snapshot, known_territories())

    def warehouse(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return history.warehouse(self.home, self.catalogue.dimensions, self.store.acceptances)

    def enter(
        self,
        con: duckdb.DuckDBPyConnection,
        snapshot: Snapshot,
        by: str,
        because: str = "",
        kind: AcceptanceKind | None = None,
        hold: bool = False,
    ) -> None:
        """Write the figures of `snapshot` into history together with the decision to accept them.

        With `hold` the decision waits for the release checks. Raises DamagedSnapshot, SourceError or NotReplayable, and then
        nothing has changed.
        """
        staged = self.stage(snapshot)
        decide: Callable[[Acceptance], None] = self.store.hold if hold else self.store.commit
        proposal = self.store.propose(snapshot, by, because, staged.provider_updated_at, kind)
        history.enter(
            con, self.catalogue[snapshot.dataset], snapshot, staged, proposal, decide, provisional=hold
        )

    def replay(self, con: duckdb.DuckDBPyConnection, only: str | None = None) -> set[str]:
        """Bring history in step with the manifest. A dataset whose acceptance cannot be replayed fails alone.

        Figures that do not fit into history are withdrawn and wait in quarantine, so that the snapshot before them counts
        again. Where a body is damaged the dataset stays as it is until the body is back; returns these datasets.
        """
        damaged, set_aside = set(), False
        for unplayed in history.replay(con, self.catalogue, self.store, self.stage, only):
            acceptance, failure = unplayed.acceptance, unplayed.failure
            log.error("%s: %s", acceptance.dataset, failure.message)
            if isinstance(failure, DamagedSnapshot):
                # without its stamp the provider is asked for the body again
                record(self.home, acceptance.dataset, Outcome.FAILED, failure, known_stamp=None)
                damaged.add(acceptance.dataset)
            else:
                self._set_aside(acceptance, failure)
                set_aside = True
        if set_aside:
            history.replay(con, self.catalogue, self.store, self.stage, only)
        return damaged

    def _set_aside(self, acceptance: Acceptance, failure: DistrettoError) -> None:
        store, name = self.store, acceptance.dataset
        if acceptance not in store.standing(name):
            return
        snapshot = store.snapshots[acceptance.snapshot_id]
        reason = f"accepted, but it cannot enter history: {failure.message}"
        last = store.last_acceptance(name)
        store.withdraw(snapshot, by=CHECKS, because=reason)
        store.refuse(snapshot, [reason], self.catalogue[name].sha256)
        if acceptance == last:
            record(self.home, name, Outcome.QUARANTINED, NotReplayable(reason, hint=failure.hint))
