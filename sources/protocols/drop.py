"""Files that a person lays into a folder of the data folder, taken as if a provider had served them.

Belongs here: finding files and taking copies. Does not belong here: their layout (`formats/`) and their checks.
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
from sources.protocols import Fetched


@dataclass(frozen=True)
class DroppedFile:
    """A file in the folder: where it lies beside the data folder's other files, and its content's hash."""

    given: Path
    place: str
    sha256: str
    format: str
    copy: Path

    def take(self) -> Fetched:
        """A copy of it, dated by its last change: the file itself stays the person's."""
        try:
            changed = self.given.stat()
            shutil.copyfile(self.given, self.copy)
        except OSError as failure:
            raise _unreadable(self.place, failure) from None
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


@dataclass
class Drop:
    """One look into the folder that the provider's `base_url` names, beside `workdir`."""

    client: Client
    workdir: Path

    def fetch(self, dataset: Dataset, known: datetime | None) -> Fetched | list[DroppedFile] | None:
        """A copy of `<code>.csv` or `<code>.zip`, None where there is none; where files accumulate, all that lie in the
        folder `<code>`, the one that was changed last at the end.

        Raises TooLarge, and UnreadableBody where a file cannot be read.
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
                    return self._handed(file, f"{place}{kind}", dataset).take()
            return None
        except OSError as failure:
            raise _unreadable(place, failure) from None

    def _handed(self, file: Path, place: str, dataset: Dataset) -> DroppedFile:
        size, most = file.stat().st_size, self.client.provider.max_bytes
        if size > most:
            raise TooLarge(f"{place}: {size:,} bytes, more than {most:,}.")
        with open(file, "rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return DroppedFile(file, place, digest, dataset.format, self.workdir / f"{dataset.id}.{digest[:16]}")


def _unreadable(place: str, failure: OSError) -> UnreadableBody:
    return UnreadableBody(f"{place}: {failure.strerror}.", hint="mend the file's permissions.")
