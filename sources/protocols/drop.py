"""Files that a person lays into a folder of the data folder, taken as if a provider had served them.

Belongs here: finding the file and taking a copy. Does not belong here: its layout (`formats/`) and its checks.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sources.errors import TooLarge, UnreadableBody
from sources.home import utc_now
from sources.http import Body, Client
from sources.protocols import Fetched
from sources.spec import Dataset


@dataclass
class Drop:
    """One look into the folder that the provider's `base_url` names, beside `workdir`."""

    client: Client
    workdir: Path

    def fetch(self, dataset: Dataset, known: datetime | None) -> Fetched | None:
        """A copy of `<code>.csv`, dated by its last change; None where there is none, and what stands stays.

        Raises TooLarge, and UnreadableBody where the file cannot be read.
        """
        provider = self.client.provider
        place = f"{provider.base_url}/{dataset.code}.csv"
        given = self.workdir.parent / place
        about = {"provider": provider.id, "dataset": dataset.id, "url": place}
        copy = self.workdir / f"{dataset.id}.csv"
        try:
            if not given.exists():
                return None
            changed = given.stat()
            if changed.st_size > provider.max_bytes:
                raise TooLarge(f"{changed.st_size:,} bytes, more than {provider.max_bytes:,}.", **about)
            shutil.copyfile(given, copy)
        except OSError as failure:
            raise UnreadableBody(
                f"{place}: {failure.strerror}.", hint="mend the file's permissions.", **about
            ) from None
        data = copy.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        body = Body(
            copy, place, 200, {}, {"content-type": "text/csv"}, utc_now(), len(data), len(data), digest, False, data[:64]
        )  # fmt: skip
        return Fetched(
            body, dataset.format, datetime.fromtimestamp(changed.st_mtime, UTC).replace(microsecond=0)
        )
