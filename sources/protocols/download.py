"""Download one file from one address every night: `base_url/CODE.zip`.

Belongs here: distinguishing the file from error pages. Does not belong here: what is in it (`sources/formats/`).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path

from sources.catalogue import Dataset
from sources.errors import NotData, SourceError
from sources.http.client import Body, Client, http_date
from sources.protocols.interface import Fetched, PlannedRequest
from sources.protocols.responses import credible, page


class Download:
    """Requests to a host that serves files, in one run."""

    def __init__(self, client: Client, workdir: Path) -> None:
        self.client, self.workdir = client, workdir

    def fetch(self, dataset: Dataset, known: datetime | None) -> list[Fetched]:
        """The file as served now, whose Last-Modified is the provider's stamp; nothing while it is still `known`.

        Raises a SourceError.
        """
        into = self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"
        try:
            body = self.client.get(
                self._url(dataset), into, dataset=dataset.id, since=known, classify=classify_response
            )
        except NotModified:
            if known is None:
                raise
            return []
        return [Fetched(body, dataset.format, _last_modified(body))]

    def plan(self, dataset: Dataset) -> list[PlannedRequest]:
        """One request."""
        return [PlannedRequest(self._url(dataset), "file")]

    def _url(self, dataset: Dataset) -> str:
        return f"{self.client.provider.base_url}/{dataset.code}.zip"


class NotModified(SourceError):
    """The file has not changed since the moment that the request named."""


def classify_response(status: int, body: Body) -> SourceError | None:
    """The failure that a status or a body means; None for a zip archive."""
    if status == 304:
        return NotModified("HTTP 304 to an unconditional request.")
    if status != 200 or body.head.startswith(b"PK\x03\x04"):
        return None
    if not body.decoded_size:
        return NotData("The answer is empty.")
    return page(body) or NotData("No zip archive.")


def _last_modified(body: Body) -> datetime | None:
    try:
        return credible(http_date(body.response_headers["last-modified"]))
    except (KeyError, ValueError):
        return None
