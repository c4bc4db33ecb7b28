"""From a stored snapshot to its staged folder: verify, decode aside, put slices together, rename.

Belongs here: the one place where bodies meet decoders on disk. Does not belong here: wire formats (`formats/`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath

from sources import slices
from sources.catalogue import Dataset
from sources.concepts import harmonise, provider_dimensions
from sources.data_folder import DataFolder
from sources.errors import UNFORESEEN, SourceError, Unforeseen
from sources.formats import decode, sdmx_csv
from sources.formats.staged import Staged
from sources.providers import Provider
from sources.snapshots import Origin, Snapshot, SnapshotStore


def stage(
    home: DataFolder, store: SnapshotStore, dataset: Dataset, provider: Provider, snapshot: Snapshot
) -> Staged:
    """The staged folder of `snapshot`, decoded now unless it stands. Raises DamagedSnapshot or a SourceError."""
    folder = home.staged / snapshot.id
    if folder.exists():
        return Staged(folder)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        staged = decoded(
            store.verified(snapshot),
            snapshot.format,
            snapshot.gzipped,
            dataset,
            provider,
            aside,
            snapshot.origin,
            PurePosixPath(snapshot.url).name,
        )
        os.rename(aside, folder)
    except (SourceError, *UNFORESEEN) as stumbled:
        failure = stumbled if isinstance(stumbled, SourceError) else Unforeseen(stumbled)
        failure.provider, failure.dataset, failure.url = snapshot.provider, dataset.id, snapshot.url
        raise failure from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Staged(folder, staged.provider_updated_at)


def decoded(
    body: Path,
    format_: str,
    gzipped: bool,
    dataset: Dataset,
    provider: Provider,
    folder: Path,
    origin: Origin = "live",
    filename: str = "",
) -> Staged:
    """`body` staged into `folder`: its slices together, in the project's concepts; `filename` is what its provider calls
    it. Raises a SourceError."""
    names = provider_dimensions(dataset, provider) if origin == "live" else dataset.dimensions
    if dataset.collect_rest and origin == "live":
        names = [*names, *sdmx_csv.others(body, gzipped, names)]
    format_, in_slices = format_.removesuffix(slices.SUFFIX), format_.endswith(slices.SUFFIX)
    served = folder / "served"
    if in_slices:
        answers = slices.unpack(body, folder / "answers")
        parts = [
            (asked, decode(format_, answer, False, names, folder / f"part{number}", provider.timezone))
            for number, (asked, answer) in enumerate(answers)
        ]
        staged = slices.merge(parts, names, served)
    else:
        staged = decode(format_, body, gzipped, names, served, provider.timezone, dataset.layout, filename)
    if origin == "live":
        staged = harmonise(staged, dataset, provider, folder)
    for path in staged.files:
        os.replace(path, folder / path.name)
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
    return Staged(folder, staged.provider_updated_at)


def discard_staged(home: DataFolder, keep: set[str]) -> None:
    """Remove staged folders but those of the snapshots in `keep`, and what a crash left behind."""
    for folder in home.staged.glob("*") if home.staged.exists() else ():
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)


def fresh_workdir(home: DataFolder) -> Path:
    """An empty folder for bodies under way, on the same disk as the objects."""
    folder = home.root / "incoming"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
