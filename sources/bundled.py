"""The figures that ship with the project, as snapshots of origin `shipped`.

Belongs here: reading `starter/starter.yml` and putting a file into the store. The files and the script that
makes them are in `starter/`. Does not belong here: deciding when they enter (`assets`).
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sources.catalogue import Dataset
from sources.data_folder import DataFolder, utc_now
from sources.http.client import Body
from sources.providers import Provider
from sources.snapshots import SnapshotStore

FOLDER = Path(__file__).parent / "starter"


@dataclass(frozen=True)
class Starter:
    """One shipped extract: its file, exact number of data rows, and where it comes from."""

    file: Path
    rows: int
    provider_updated_at: datetime | None
    coverage: dict[str, list[str]]
    licence: str
    note: str


@cache
def load() -> dict[str, Starter]:
    """Shipped extracts by dataset."""
    given: dict[str, Any] = yaml.safe_load((FOLDER / "starter.yml").read_text(encoding="utf-8"))
    return {
        name: Starter(
            FOLDER / one["file"],
            one["rows"],
            datetime.fromisoformat(one["provider_updated_at"]) if one["provider_updated_at"] else None,
            one["coverage"],
            one["licence"],
            one["note"],
        )
        for name, one in given.items()
    }


def add(home: DataFolder, store: SnapshotStore, dataset: Dataset, provider: Provider) -> None:
    """Keep the shipped extract of `dataset` in the store, unless there is none or it is there already."""
    shipped = load().get(dataset.id)
    if shipped is None:
        return
    data = shipped.file.read_bytes()
    gzipped = shipped.file.suffix == ".gz"
    decoded = gzip.decompress(data) if gzipped else data
    digest = hashlib.sha256(decoded).hexdigest()
    if any(s.dataset == dataset.id and s.sha256 == digest for s in store.snapshots.values()):
        return
    home.root.mkdir(parents=True, exist_ok=True)
    copy = home.root / f".{shipped.file.name}"
    shutil.copyfile(shipped.file, copy)
    body = Body(
        copy,
        f"sources/starter/{shipped.file.name}",
        200,
        {},
        {"content-type": "text/csv"},
        utc_now(),
        len(data),
        len(decoded),
        digest,
        gzipped,
        decoded[:64],
    )
    store.add(
        body,
        dataset=dataset.id,
        provider=provider.id,
        code=dataset.code,
        format="sdmx-csv",
        origin="shipped",
        provider_updated_at=shipped.provider_updated_at,
        coverage=shipped.coverage,
        licence=shipped.licence,
        note=shipped.note,
    )
