"""Moving between a data folder and a lake: `python -m pipelines.lake import|export FOLDER`.

With DISTRETTO_LAKE set, `import` fills an empty lake from a data folder, and `export` an empty folder from the lake: manifest,
bodies, status, releases, results of checks, and history, built again from the bodies. Does not belong here: backups of a
folder (`warehouse/publishing/restore.py`).
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from pathlib import Path

from assets.run import RunContext
from pipelines import console
from sources.common.sql import row_literal
from sources.data_folder import DataFolder
from sources.errors import DamagedSnapshot, DistrettoError
from sources.manifest import ManifestFile
from sources.snapshots import SnapshotStore
from warehouse.history.dataset_state import read_status, write_status
from warehouse.publishing import release
from warehouse.publishing.releases import mirror
from warehouse.publishing.restore import LEFT_OUT

log = logging.getLogger("distretto")
# copied otherwise than as a file of the folder
OTHERWISE = {*LEFT_OUT, "snapshots", "releases", "status.json", "rolled-back", "pace"}


def move(source: DataFolder, target: DataFolder) -> int:
    """Copy everything from `source` to the empty `target`, of which one is a lake; returns the number of snapshots."""
    with source.writing(), target.writing():
        before = SnapshotStore(source)
        if SnapshotStore(target).snapshots:
            raise DistrettoError(
                f"{target.lake.database.address if target.lake else target.root} has figures already.",
                hint="name an empty one; nothing was changed.",
            )
        _copy_files(source.root, target.root)
        _copy_bodies(before, SnapshotStore(target), target)
        lines = (source.lake or ManifestFile(source.manifest)).read()
        numbers = iter([event.sequence for event in before.acceptances])
        (target.lake or ManifestFile(target.manifest)).append(
            [
                (
                    next(numbers) if json.loads(line)["event"] == "accepted" else None,
                    line.decode() if isinstance(line, bytes) else line,
                )
                for _, line, held in lines
                if not held
            ]
        )
        write_status(target, read_status(source))
        _copy_releases(source, target)
        _copy_history(source, target)
    return len(before.snapshots)


def _copy_files(source: Path, target: Path) -> None:
    """The ledger of targets, confirmations of the clock and whatever else people keep in a data folder."""
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.name in OTHERWISE or path.name.startswith(".") or (target / path.name).exists():
            continue
        if path.is_dir():
            shutil.copytree(path, target / path.name)
        else:
            shutil.copy2(path, target / path.name)


def _copy_bodies(before: SnapshotStore, after: SnapshotStore, target: DataFolder) -> None:
    for snapshot in before.snapshots.values():
        try:
            body = before.bodies.verified(snapshot)
        except DamagedSnapshot as failure:
            # refused bodies are not kept for ever; a lost one is lost here too
            log.warning(failure.message)
            continue
        if body != after.bodies.path(snapshot):
            copy = target.root / f".{body.name}.tmp"
            shutil.copy2(body, copy)
            after.bodies.keep(snapshot, copy)


def _copy_releases(source: DataFolder, target: DataFolder) -> None:
    mirror(source)
    shown = release.current(source)
    for folder in sorted(source.releases.glob("[0-9]*")):
        place = target.releases / folder.name
        if not place.exists():
            shutil.copytree(folder, place)
        if target.lake:
            target.lake.upload(folder.name, place)
            if not (folder / "distretto.duckdb").exists():
                target.lake.retire(folder.name, release.KEPT)
    if shown:
        release.show(
            target,
            release.Release(shown.id, target.releases / shown.id),
            None,
            release.rolled_back_from(source),
        )


def _copy_history(source: DataFolder, target: DataFolder) -> None:
    """History follows from the manifest and the bodies; what checks found does not."""
    old, new = RunContext(source), RunContext(target)
    with old.warehouse() as con:
        results = con.execute("select * from check_results order by all").fetchall()
    with new.warehouse() as con:
        new.replay(con)
        if results:
            con.execute(f"insert into check_results values {', '.join(map(row_literal, results))}")


def main(words: list[str]) -> None:
    """`import FOLDER` or `export FOLDER`."""
    here = DataFolder.from_env()
    if len(words) != 2 or words[0] not in ("import", "export") or here.lake is None:
        raise SystemExit("Usage, with DISTRETTO_LAKE set: python -m pipelines.lake import|export FOLDER")
    folder = DataFolder(Path(words[1]).resolve())
    source, target = (folder, here) if words[0] == "import" else (here, folder)
    try:
        count = move(source, target)
    except DistrettoError as failure:
        console.failed(failure.message, failure.hint)
        raise SystemExit(1) from None
    console.done(f"{count} snapshots are in {words[1] if target is folder else 'the lake'}.")


if __name__ == "__main__":
    main(sys.argv[1:])
