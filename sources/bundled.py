"""Bundled sample data: real figures that ship with the project, as snapshots of origin `shipped`.

Belongs here: reading `starter/starter.yml` and putting a file into the store. The files and the script that writes them are
in `starter/`. Does not belong here: deciding when they enter history (`assets`).
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from sources.catalogue import Dataset
from sources.common import config
from sources.data_folder import DataFolder, utc_now
from sources.providers import Provider
from sources.snapshots import SnapshotStore

FOLDER = Path(__file__).parent / "starter"


class _Entry(BaseModel):
    """The keys of an extract in starter.yml that the program reads; build.py writes more, for readers."""

    file: str
    rows: int
    archived_by: date
    provider_updated_at: str | None
    coverage: dict[str, list[str]]
    licence: str
    note: str


@dataclass(frozen=True)
class Extract:
    """A bundled extract: its file, exact number of data rows, and where it comes from."""

    file: Path
    rows: int
    archived_by: date
    provider_updated_at: datetime | None
    coverage: dict[str, list[str]]
    licence: str
    note: str


@cache
def load() -> dict[str, Extract]:
    """Bundled extracts by dataset."""
    entries = config.read(FOLDER / "starter.yml").validate(dict[str, _Entry])
    return {
        name: Extract(
            FOLDER / entry.file,
            entry.rows,
            entry.archived_by,
            datetime.fromisoformat(entry.provider_updated_at) if entry.provider_updated_at else None,
            entry.coverage,
            entry.licence,
            entry.note,
        )
        for name, entry in entries.items()
    }


def add(home: DataFolder, store: SnapshotStore, dataset: Dataset, provider: Provider) -> None:
    """Add the bundled extract of `dataset` to the store, unless there is none or the store already has it."""
    # requests is slow to import, and reading needs none of it
    from sources.http.client import Body

    extract = load().get(dataset.id)
    if extract is None:
        return
    data = extract.file.read_bytes()
    gzipped = extract.file.suffix == ".gz"
    decoded = gzip.decompress(data) if gzipped else data
    digest = hashlib.sha256(decoded).hexdigest()
    if any(s.dataset == dataset.id and s.sha256 == digest for s in store.snapshots.values()):
        return
    home.root.mkdir(parents=True, exist_ok=True)
    copy = home.root / f".{extract.file.name}"
    shutil.copyfile(extract.file, copy)
    body = Body(
        copy,
        f"sources/starter/{extract.file.name}",
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
        provider_updated_at=extract.provider_updated_at,
        coverage=extract.coverage,
        licence=extract.licence,
        note=extract.note,
    )
