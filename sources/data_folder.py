"""The data folder: its paths, its one-writer lock, atomic writes.

Belongs here: where files are on disk and how a file is replaced. Does not belong here: what the files mean.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sources.errors import Busy

if TYPE_CHECKING:
    from sources.lake.lake import Lake


@dataclass(frozen=True)
class DataFolder:
    """Paths under `DISTRETTO_HOME` (default `./data`).

    Where DISTRETTO_LAKE is set, `lake` holds what is shared, and the folder is this machine's copy of some of it.
    """

    root: Path
    addresses: str = ""

    @classmethod
    def from_env(cls) -> DataFolder:
        root = Path(os.environ.get("DISTRETTO_HOME") or "data").expanduser().resolve()
        return cls(root, os.environ.get("DISTRETTO_LAKE") or "")

    @cached_property
    def lake(self) -> Lake | None:
        """The lake at `addresses`. Raises SpecError."""
        if not self.addresses:
            return None
        from sources.lake.lake import Lake

        return Lake(self.addresses)

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
        """Figures for internal use only; no release contains them."""
        return self.root / "withheld"

    @property
    def current(self) -> Path:
        return self.root / "current"

    @property
    def rolled_back(self) -> Path:
        """Holds the id of the release that a person rolled back from."""
        return self.root / "rolled-back"

    @property
    def busy(self) -> Path:
        """Exists while the last run found the folder locked by another process."""
        return self.root / ".busy"

    @property
    def clock(self) -> Path:
        """Operators' confirmations of the clock, one JSON line each."""
        return self.root / "clock.jsonl"

    @property
    def trash(self) -> Path:
        """Files of releases that retention removed; the next successful run empties it. On the disk of the releases."""
        return self.releases / ".trash"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    @property
    def ledger(self) -> Path:
        return self.root / "targets.yml"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one-writer lock, which ends with the process. Raises Busy if another holds it: at once, but where there is
        a lake, whose steps wait for each other."""
        with self.running(), self.lake.writing(patience=0) if self.lake else nullcontext():
            yield

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold the lock of this folder alone, for a run whose steps take the locks of the lake if there is one."""
        self.root.mkdir(parents=True, exist_ok=True)
        from filelock import FileLock, Timeout

        patience = 0
        if self.lake:
            # the steps of a distributed run come one by one to each machine
            from sources.lake.database import PATIENCE_S as patience
        lock = FileLock(self.root / ".lock")
        try:
            lock.acquire(timeout=patience)
        except Timeout:
            raise Busy(f"Another process is writing to {self.root}.") from None
        try:
            yield
        finally:
            lock.release()

    def sweep(self) -> None:
        """Remove incomplete files of killed runs, and make restricted data readable by its owner alone.

        Needs `writing()`. A name that begins with a dot is an incomplete file or folder.
        """
        left = [*self.root.glob(".*.tmp"), *self.root.glob(".current.*"), *self.root.glob(".*.csv*")]
        for folder in (self.pace, self.manifest.parent, self.releases):
            left += folder.glob(".*.tmp")
        for folder in (self.staged, self.withheld, self.root / "baselines"):
            left += folder.glob(".*")
        left += [*self.releases.glob(".building-*"), self.root / ".rebuild", self.busy]
        for path in left:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        for folder in (
            self.withheld,
            self.staged,
            self.manifest.parent,
            self.root / "baselines",
            self.root / "spill",
        ):
            keep_private(folder)
        for path in (self.warehouse, *self.withheld.glob("*")):
            keep_private(path)


def keep_private(path: Path) -> None:
    """Make `path` readable by its owner alone, if it exists and belongs to this user."""
    with suppress(FileNotFoundError, PermissionError):
        path.chmod(0o700 if path.is_dir() else 0o600)


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by `data`: a reader sees the old file or the new one, even after a power failure."""
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
    """The SHA-256 of the file's bytes, in hexadecimal."""
    import hashlib

    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
