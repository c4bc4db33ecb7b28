"""One file at one address, asked every night: `base_url/CODE.zip`.

Belongs here: what is not the file. Does not belong here: what is in it (`formats/`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sources.catalogue import Dataset
from sources.errors import NotData, SourceError, Unavailable
from sources.http.client import Body, Client, http_date
from sources.protocols import Fetched


@dataclass
class Download:
    """One run's conversation with a host that serves files."""

    client: Client
    workdir: Path

    def fetch(self, dataset: Dataset, known: datetime | None) -> Fetched | None:
        """The file as served now, whose Last-Modified is the provider's stamp, or None where it is still `known`.

        Raises a SourceError.
        """
        url = f"{self.client.provider.base_url}/{dataset.code}.zip"
        into = self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"
        try:
            body = self.client.get(url, into, dataset=dataset.id, since=known, judge=judge)
        except NotModified:
            if known is None:
                raise
            return None
        return Fetched(body, dataset.format, _last_modified(body))


class NotModified(SourceError):
    """The provider's word for a file that has not changed since the moment that was asked about."""


def judge(status: int, body: Body) -> SourceError | None:
    """The failure that a body with status 200 tells; None for a zip archive."""
    if status == 304:
        return NotModified("HTTP 304, unasked: nothing is known here that could be unchanged.")
    if status != 200 or body.head.startswith(b"PK\x03\x04"):
        return None
    if not body.decoded_size:
        return NotData("The answer is empty.")
    if body.head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        return Unavailable("A web page instead of the archive.")
    return NotData("No zip archive.")


def _last_modified(body: Body) -> datetime | None:
    try:
        return http_date(body.response_headers["last-modified"])
    except (KeyError, ValueError):
        return None
