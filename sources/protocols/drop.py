"""Manual file drops: files placed by hand in `DISTRETTO_HOME/drop`.

Belongs here: finding files and taking copies. Does not belong here: their layout (`sources/formats/`) and their checks.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sources.catalogue import Dataset
from sources.data_folder import utc_now
from sources.errors import TooLarge, UnreadableBody
from sources.http.client import Body, Client
from sources.protocols.interface import Fetched, Offered, PlannedRequest


@dataclass(frozen=True)
class DroppedFile:
    """A file in the folder: its path in the data folder, and its content's hash."""

    given: Path
    place: str
    sha256: str
    format: str
    copy: Path

    def take(self) -> Fetched:
        """A copy of the file, dated by its last change; the original stays in place."""
        try:
            changed = self.given.stat()
            shutil.copyfile(self.given, self.copy)
        except OSError as failure:
            raise _unreadable(self.place, failure) from failure
        size = self.copy.stat().st_size
        with open(self.copy, "rb") as handle:
            head = handle.read(64)
            handle.seek(0)
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        body = Body(
            self.copy, self.place, 200, {}, {"content-type": "application/octet-stream"}, utc_now(), size, size,
            digest, False, head,
        )  # fmt: skip
        return Fetched(
            body, self.format, datetime.fromtimestamp(changed.st_mtime, UTC).replace(microsecond=0)
        )


class Drop:
    """One look into the folder that the provider's `base_url` names, relative to the parent of `workdir`."""

    def __init__(self, client: Client, workdir: Path) -> None:
        self.client, self.workdir = client, workdir

    def plan(self, dataset: Dataset) -> list[PlannedRequest]:
        """No request: a folder is not a host."""
        return []

    def fetch(self, dataset: Dataset, known: datetime | None) -> list[Offered]:
        """A copy of `<code>.csv` or `<code>.zip`, if there is one; where files accumulate, all files in the folder
        `<code>`, in the order of their last change.

        Raises TooLarge, and UnreadableBody if a file cannot be read.
        """
        place = f"{self.client.provider.base_url}/{dataset.code}"
        try:
            if dataset.accumulates:
                folder = self.workdir.parent / place
                files = [f for f in folder.glob("*") if f.is_file() and not f.name.startswith((".", "~"))]
                files.sort(key=lambda file: (file.stat().st_mtime_ns, file.name))
                return [self._handed(file, f"{place}/{file.name}", dataset) for file in files]
            for kind in (".csv", ".zip"):
                if (file := self.workdir.parent / f"{place}{kind}").exists():
                    return [self._handed(file, f"{place}{kind}", dataset).take()]
            return []
        except OSError as failure:
            raise _unreadable(place, failure) from failure

    def _handed(self, file: Path, place: str, dataset: Dataset) -> DroppedFile:
        size, most = file.stat().st_size, self.client.provider.max_bytes
        if size > most:
            raise TooLarge(f"{place}: {size:,} bytes, more than {most:,}.")
        with open(file, "rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return DroppedFile(file, place, digest, dataset.format, self.workdir / f"{dataset.id}.{digest[:16]}")


def _unreadable(place: str, failure: OSError) -> UnreadableBody:
    return UnreadableBody(f"{place}: {failure.strerror}.", hint="correct the file's permissions.")
