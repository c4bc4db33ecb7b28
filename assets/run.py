"""What a run works with: one data folder, its catalogue, providers and snapshot store.

Belongs here: the run context. Does not belong here: the steps of a run (`observations.py`, `release.py`) and an
operator's decisions (`decisions.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from sources.catalogue import Catalogue, load_catalogue
from sources.data_folder import DataFolder
from sources.formats.staged import Staged
from sources.providers import Provider, load_providers
from sources.snapshots import Snapshot, SnapshotStore
from sources.staging import stage
from warehouse.history.store import warehouse


@dataclass
class RunContext:
    """Everything a run works with, for one data folder. Use within `home.writing()` when writing."""

    home: DataFolder
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
