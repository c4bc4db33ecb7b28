"""From a stored snapshot to its staged folder: verify, decode into a temporary folder, join slices, rename.

Belongs here: decoding stored bodies into staged folders. Does not belong here: wire formats (`formats/`).
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path, PurePosixPath

from sources import slices
from sources.catalogue import Dataset
from sources.concepts import ANY_TERRITORY, KnownTerritories, harmonise, provider_dimensions
from sources.data_folder import DataFolder, file_sha256, to_json
from sources.errors import UNFORESEEN, SourceError, Unforeseen, UnreadableBody
from sources.formats import REGISTRY, BodyFile, TableSpec, sdmx_csv
from sources.formats.staged import Staged
from sources.providers import Provider
from sources.snapshots import Origin, Snapshot, SnapshotStore

# of the Parquet files in a staged folder, by name
DIGESTS = "sha256.json"
log = logging.getLogger("distretto")


def stage(
    home: DataFolder,
    store: SnapshotStore,
    dataset: Dataset,
    provider: Provider,
    snapshot: Snapshot,
    known: KnownTerritories,
) -> Staged:
    """The staged folder of `snapshot`, decoded now unless it exists and is whole. Raises DamagedSnapshot or a SourceError."""
    folder = home.staged / snapshot.id
    if folder.exists():
        if _whole(folder):
            return Staged(folder)
        log.warning("%s: %s is damaged and is decoded again", dataset.id, folder)
        _discard(folder)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        body = BodyFile(store.bodies.verified(snapshot), snapshot.gzipped, PurePosixPath(snapshot.url).name)
        staged = decoded(body, snapshot.format, dataset, provider, aside, snapshot.origin, known)
        for note in staged.notes:
            log.warning("%s: %s", dataset.id, note)
        _seal(staged)
        os.rename(aside, folder)
    except (SourceError, *UNFORESEEN) as stumbled:
        failure = stumbled if isinstance(stumbled, SourceError) else Unforeseen(stumbled)
        failure.provider, failure.dataset, failure.url = snapshot.provider, dataset.id, snapshot.url
        raise failure from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Staged(folder, staged.provider_updated_at)


def _seal(staged: Staged) -> None:
    """Write the SHA-256 of each Parquet file beside it: Parquet itself shows no flipped byte."""
    digests = {path.name: file_sha256(path) for path in staged.files}
    (staged.folder / DIGESTS).write_text(to_json(digests), encoding="utf-8")


def _whole(folder: Path) -> bool:
    """Whether the Parquet files in `folder` are those that were written; not so where an older version wrote no digests."""
    try:
        digests = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
        return {path.name: file_sha256(path) for path in Staged(folder).files} == digests
    except (OSError, ValueError):
        return False


def _discard(path: Path) -> None:
    """Remove a staged folder, or what is in its place."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def decoded(
    body: BodyFile,
    format_: str,
    dataset: Dataset,
    provider: Provider,
    folder: Path,
    origin: Origin = "live",
    known: KnownTerritories = ANY_TERRITORY,
) -> Staged:
    """`body` staged into `folder`: its slices together, in the project's concepts. Raises a SourceError."""
    names = provider_dimensions(dataset, provider) if origin == "live" else dataset.dimensions
    if dataset.collect_rest and origin == "live":
        names = [*names, *sdmx_csv.others(body, names)]
    table = TableSpec(names, tuple(dataset.frequencies), provider.timezone, known.country, dataset.layout)
    format_, in_slices = format_.removesuffix(slices.SUFFIX), format_.endswith(slices.SUFFIX)
    if format_ not in REGISTRY:
        raise UnreadableBody(f"The format {format_!r} is not known.", hint=f"one of {', '.join(REGISTRY)}.")
    decode = REGISTRY[format_]
    served = folder / "served"
    if in_slices:
        parts = [
            (asked, decode(BodyFile(answer), table, folder / f"part{number}"))
            for number, (asked, answer) in enumerate(slices.unpack(body.path, folder / "answers"))
        ]
        staged = slices.merge(parts, names, served)
    else:
        staged = decode(body, table, served)
    if origin == "live":
        staged = harmonise(staged, dataset, provider, folder, known)
    notes = staged.notes
    for path in staged.files:
        os.replace(path, folder / path.name)
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
    final = Staged(folder, staged.provider_updated_at)
    final.notes_file.unlink(missing_ok=True)
    final.add_notes(notes)
    return final


def discard_staged(home: DataFolder, keep: set[str]) -> None:
    """Remove leftovers of a crash and all staged folders except those of the snapshots in `keep`."""
    for folder in home.staged.glob("*") if home.staged.exists() else ():
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)


def fresh_workdir(home: DataFolder) -> Path:
    """An empty folder for bodies under way, on the same disk as the objects."""
    folder = home.root / "incoming"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
