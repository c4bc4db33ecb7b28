"""From a stored snapshot to its staged folder: verify, decode aside, rename.

Belongs here: the one place where bodies meet decoders on disk. Does not belong here: wire formats (`formats/`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sources.errors import SourceError
from sources.formats import decode
from sources.formats.staged import Staged
from sources.home import Home
from sources.snapshots import Snapshot, SnapshotStore
from sources.spec import Dataset, Provider


def stage(
    home: Home, store: SnapshotStore, dataset: Dataset, provider: Provider, snapshot: Snapshot
) -> Staged:
    """The staged folder of `snapshot`, decoded now unless it stands. Raises DamagedSnapshot or a SourceError."""
    folder = home.staged / snapshot.id
    if folder.exists():
        return Staged(folder)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        staged = decode(
            snapshot.format,
            store.verified(snapshot),
            snapshot.gzipped,
            dataset.dimensions,
            aside,
            provider.timezone,
        )
        os.rename(aside, folder)
    except SourceError as failure:
        failure.provider, failure.dataset, failure.url = snapshot.provider, dataset.id, snapshot.url
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Staged(folder, staged.provider_updated_at)


def discard_staged(home: Home, keep: set[str]) -> None:
    """Remove staged folders but those of the snapshots in `keep`, and what a crash left behind."""
    for folder in home.staged.glob("*") if home.staged.exists() else ():
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)


def fresh_workdir(home: Home) -> Path:
    """An empty folder for bodies under way, on the same disk as the objects."""
    folder = home.root / "incoming"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
