"""The bodies of snapshots: one object a body, named by the sha256 of what it decodes to, never changed.

With a lake they are kept there, put only if absent; the data folder then has copies of those that this machine decoded.
Belongs here: what is known of a body, keeping, finding and verifying it. Does not belong here: which there are (`snapshots.py`).
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from sources.data_folder import DataFolder, sync_folder
from sources.errors import DamagedSnapshot

Origin = Literal["live", "shipped"]


@dataclass(frozen=True)
class Snapshot:
    """One body as served. `coverage` names the codes asked for by dimension; empty means the whole table."""

    id: str
    dataset: str
    provider: str
    code: str
    format: str
    origin: Origin
    url: str
    sha256: str
    size: int
    decoded_size: int
    gzipped: bool
    media_type: str
    fetched_at: datetime | None
    provider_updated_at: datetime | None
    licence: str
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    coverage: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""


class Bodies:
    """The bodies of one data folder, or of its lake."""

    def __init__(self, home: DataFolder):
        self._folder = home.objects
        self._shared = home.lake.objects if home.lake else None

    def path(self, snapshot: Snapshot) -> Path:
        """Where the body is in the data folder, if it is there."""
        return self._folder / snapshot.sha256[:2] / (snapshot.sha256 + (".gz" if snapshot.gzipped else ""))

    def _place(self, snapshot: Snapshot) -> str:
        return f"objects/{self.path(snapshot).relative_to(self._folder).as_posix()}"

    def has(self, snapshot: Snapshot) -> bool:
        """Whether the body is kept."""
        if self._shared:
            return self._shared.has(self._place(snapshot))
        return self.path(snapshot).exists()

    def verified(self, snapshot: Snapshot) -> Path:
        """The path of the body, once its sha256 is what the manifest says. Raises DamagedSnapshot."""
        path = self.path(snapshot)
        problem = _problem(path, snapshot)
        if problem and self._shared:
            try:
                self._shared.get(self._place(snapshot), path)
            except FileNotFoundError as failure:
                raise DamagedSnapshot(f"Snapshot {snapshot.id} is lost: there is no {failure}.") from None
            problem = _problem(path, snapshot)
            if problem:
                path.unlink()
        if problem:
            raise DamagedSnapshot(problem)
        return path

    def keep(self, snapshot: Snapshot, body: Path) -> None:
        """Move the file `body` in, durably."""
        target = self.path(snapshot)
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(body, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(body, target)
        sync_folder(target.parent)
        if self._shared:
            try:
                self._shared.put(self._place(snapshot), target)
            except FileExistsError:
                self._repair(snapshot, target)

    def replace(self, snapshot: Snapshot, body: Path) -> None:
        """Put the file `body` in the place of a lost or damaged object; of a sound one nothing changes."""
        try:
            self.verified(snapshot)
            body.unlink()
        except DamagedSnapshot:
            path = self.path(snapshot)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(body, path)
            if self._shared:
                self._shared.put(self._place(snapshot), path, replace=True)

    def discard(self, snapshot: Snapshot) -> None:
        """Remove the body of a snapshot that nothing needs any more."""
        self.path(snapshot).unlink(missing_ok=True)
        if self._shared:
            self._shared.delete(self._place(snapshot))

    def _repair(self, snapshot: Snapshot, body: Path) -> None:
        """Replace what the store has under this hash by `body`, unless it is what the hash says."""
        assert self._shared is not None
        served = body.with_name(f".{body.name}.{os.getpid()}.served")
        self._shared.get(self._place(snapshot), served)
        if _problem(served, snapshot):
            self._shared.put(self._place(snapshot), body, replace=True)
        served.unlink()


def _problem(path: Path, snapshot: Snapshot) -> str | None:
    """Why the file at `path` is not the body of `snapshot`."""
    try:
        opened = gzip.open(path, "rb") if snapshot.gzipped else open(path, "rb")
        with opened as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
    except (OSError, EOFError, ValueError, zlib.error) as failure:
        return f"Snapshot {snapshot.id} cannot be read: {failure}."
    if digest != snapshot.sha256:
        return f"Snapshot {snapshot.id} ({path}) has sha256 {digest}, not {snapshot.sha256}."
    return None
