"""The data folder: its paths, its one-writer lock, atomic writes.

Belongs here: where things lie on disk and how a file is replaced. Does not belong here: what the files mean.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sources.errors import Busy


@dataclass(frozen=True)
class DataFolder:
    """Paths under `DISTRETTO_HOME` (default `./data`)."""

    root: Path

    @classmethod
    def from_env(cls) -> DataFolder:
        return cls(Path(os.environ.get("DISTRETTO_HOME") or "data").expanduser().resolve())

    @property
    def objects(self) -> Path:
        return self.root / "snapshots" / "objects"

    @property
    def manifest(self) -> Path:
        return self.root / "snapshots" / "manifest.jsonl"

    @property
    def staged(self) -> Path:
        return self.root / "staged"

    @property
    def pace(self) -> Path:
        return self.root / "pace"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def withheld(self) -> Path:
        """Figures that may not be redistributed: for the house, in no release."""
        return self.root / "withheld"

    @property
    def current(self) -> Path:
        return self.root / "current"

    @property
    def rolled_back(self) -> Path:
        """Holds the id of the release that a person rolled back from."""
        return self.root / "rolled-back"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    @property
    def ledger(self) -> Path:
        return self.root / "targets.yml"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one-writer lock, which ends with the process. Raises Busy at once if another holds it."""
        self.root.mkdir(parents=True, exist_ok=True)
        from filelock import FileLock, Timeout

        lock = FileLock(self.root / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise Busy(f"Another process is writing to {self.root}.") from None
        try:
            yield
        finally:
            lock.release()


def utc_now() -> datetime:
    return datetime.now(UTC)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by `data`: a reader sees the old file or the new one, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON with times in ISO 8601 and unicode kept."""
    return json.dumps(value, ensure_ascii=False, indent=indent, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def file_sha256(path: Path) -> str:
    import hashlib

    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
