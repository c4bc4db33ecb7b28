"""One file at one address, asked every night: `base_url/CODE.zip`.

Belongs here: what is not the file. Does not belong here: what is in it (`formats/`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from sources.errors import NotData, SourceError, Unavailable
from sources.http import Body, Client
from sources.protocols import Fetched
from sources.spec import Dataset


@dataclass
class Download:
    """One run's conversation with a host that serves files."""

    client: Client
    workdir: Path

    def fetch(self, dataset: Dataset, known: datetime | None) -> Fetched:
        """The file as served now, whose Last-Modified is the provider's stamp. Raises a SourceError."""
        url = f"{self.client.provider.base_url}/{dataset.code}.zip"
        into = self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"
        body = self.client.get(url, into, dataset=dataset.id, judge=judge)
        return Fetched(body, dataset.format, _last_modified(body))


def judge(status: int, body: Body) -> SourceError | None:
    """The failure that a body with status 200 tells; None for a zip archive."""
    if status != 200 or body.head.startswith(b"PK\x03\x04"):
        return None
    if not body.decoded_size:
        return NotData("The answer is empty.")
    if body.head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        return Unavailable("A web page instead of the archive.")
    return NotData("No zip archive.")


def _last_modified(body: Body) -> datetime | None:
    try:
        return parsedate_to_datetime(body.response_headers["last-modified"])
    except (KeyError, ValueError):
        return None
