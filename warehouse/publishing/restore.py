"""Restoring a backup: a data folder is copied beside its place, verified there, and put into place by one rename.

A restore that was killed can be started again. Does not belong here: what a backup should hold (`docs/operating.md`).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sources.data_folder import DataFolder, sync_folder
from sources.errors import DistrettoError
from sources.snapshots import SnapshotStore
from warehouse.publishing.release import releases, show
from warehouse.publishing.verification import verify

# rebuilt by a run, made by restoring, or useless without its process; everything else is copied
LEFT_OUT = {
    "warehouse.duckdb",
    "warehouse.duckdb.wal",
    "baselines",
    "staged",
    "incoming",
    "spill",
    "current",
    ".lock",
}
# what an empty folder may hold: made by commands that only look
NEARLY_EMPTY = {".lock", "pace", "spill", "incoming"}


@dataclass(frozen=True)
class Restored:
    """The number of accepted snapshots, the ids of intact releases, and the snapshots and releases that are damaged."""

    snapshots: int
    releases: list[str]
    damaged: list[str]


def restore(home: DataFolder, backup: Path) -> Restored:
    """Copy `backup` into the empty `home` and verify it. The newest intact release becomes current.

    Raises DistrettoError where `home` has figures already or `backup` has no manifest.
    """
    source = DataFolder(backup.resolve())
    # a mounted folder cannot be replaced, so the copy is made inside it
    mounted = home.root.is_mount()
    beside = home.root / ".restoring" if mounted else home.root.with_name(f".{home.root.name}.restoring")
    unfinished = mounted and beside.exists()
    present = {path.name for path in home.root.glob("*")} | {path.name for path in home.root.glob(".*")}
    if home.manifest.exists() or (present - NEARLY_EMPTY - {".restoring"} and not unfinished):
        raise DistrettoError(
            f"{home.root} has figures already." if home.manifest.exists() else f"{home.root} is not empty.",
            hint="set DISTRETTO_HOME to an empty folder; nothing was changed.",
        )
    if not source.manifest.exists():
        raise DistrettoError(
            f"{backup} has no snapshots/manifest.jsonl.",
            hint="give the path of the copied data folder itself.",
        )
    shutil.rmtree(beside, ignore_errors=True)
    _copy(source.root, beside)
    found = _verified(DataFolder(beside))
    _put_into_place(beside, home.root, mounted)
    return found


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if path.name in LEFT_OUT or path.name.endswith(".tmp"):
            continue
        if path.is_dir():
            shutil.copytree(
                path, target / path.name, symlinks=True, ignore=shutil.ignore_patterns(".building-*")
            )
        else:
            shutil.copy2(path, target / path.name)


def _verified(home: DataFolder) -> Restored:
    """Verify every accepted snapshot and every release in `home`, and make the newest intact release current."""
    store, damaged = SnapshotStore(home), []
    accepted = {acceptance.snapshot_id for acceptance in store.acceptances}
    for snapshot in store.snapshots.values():
        if snapshot.id not in accepted:
            continue
        try:
            store.bodies.verified(snapshot)
        except (DistrettoError, OSError):
            damaged.append(f"snapshot {snapshot.id}")
    whole = []
    for release in releases(home):
        if problems := verify(release):
            damaged.append(f"release {release.id} ({problems[0]})")
        else:
            whole.append(release)
    if whole:
        show(home, whole[-1])
    return Restored(len(accepted), [release.id for release in whole], damaged)


def _put_into_place(beside: Path, root: Path, mounted: bool) -> None:
    if not mounted:
        shutil.rmtree(root)
        os.rename(beside, root)
        sync_folder(root.parent)
        return
    # the manifest last: until it is there the restore can be started again
    for path in sorted(beside.iterdir(), key=lambda path: path.name == "snapshots"):
        target = root / path.name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
        os.rename(path, target)
    sync_folder(root)
    beside.rmdir()
