"""Files at addresses that are known beforehand, asked for every night.

Belongs here: one file under one name, or one file per period under dated names; distinguishing files from error pages. Does not
belong here: what is in them (`sources/formats/`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from sources.catalogue import Dataset
from sources.common.periods import Period
from sources.data_folder import utc_now
from sources.errors import NotData, SourceError
from sources.http.client import Body, Client, http_date
from sources.protocols.interface import Fetched, PlannedRequest
from sources.protocols.responses import credible, page

Classify = Callable[[int, Body], SourceError | None]
# how many ended periods are requested if there is one file per period
PERIODS = 4


class Download:
    """Requests to a host that serves files, in one run."""

    def __init__(self, client: Client, workdir: Path) -> None:
        self.client, self.workdir = client, workdir

    def fetch(self, dataset: Dataset, known: datetime | None) -> list[Fetched]:
        """The files as served now, whose Last-Modified is the provider's stamp; nothing while they are still `known`.

        Under dated names a file that is not there is not published yet. Raises NotYet where none of them is there, and
        any other SourceError.
        """
        found: list[Fetched] = []
        missing: NotYet | None = None
        urls = self._urls(dataset)
        present = 0
        for url in urls:
            into = self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"
            classify: Classify = classify_zip if url.endswith(".zip") else classify_text
            if len(urls) > 1:
                classify = _not_yet(classify)
            try:
                body = self.client.get(url, into, dataset=dataset.id, since=known, classify=classify)
            except NotModified:
                if known is None:
                    raise
            except NotYet as failure:
                missing = failure
                continue
            else:
                found.append(Fetched(body, dataset.format, _last_modified(body)))
            present += 1
        if missing and not present:
            raise missing
        return found

    def plan(self, dataset: Dataset) -> list[PlannedRequest]:
        """One request per file."""
        return [PlannedRequest(url, "file") for url in self._urls(dataset)]

    def _urls(self, dataset: Dataset) -> list[str]:
        """The addresses, the oldest period first."""
        base, file = self.client.provider.base_url, dataset.file or f"{dataset.code}.zip"
        if "{period}" not in file:
            return [f"{base}/{file}"]
        periods = ended_periods(dataset.frequencies[0], utc_now().date(), PERIODS)
        return [f"{base}/{file.replace('{period}', period)}" for period in periods]


class NotModified(SourceError):
    """HTTP 304: the file has not changed since the time in the request."""


class NotYet(SourceError):
    """No file under a dated name: the period is not published yet, or the names have changed."""

    hint = "if it should be there, look up the file's name at the provider and correct `file` in the catalogue entry."


def ended_periods(frequency: str, today: date, number: int) -> list[str]:
    """The last `number` periods of `frequency` (M, Q, S or A) that ended before `today`, the oldest first."""
    months = {"M": 1, "Q": 3, "S": 6, "A": 12}[frequency]
    now = (today.year * 12 + today.month - 1) // months
    texts = []
    for index in range(now - number, now):
        year, part = divmod(index * months, 12)
        part = part // months + 1
        texts.append(
            {"M": f"{year}-{part:02}", "Q": f"{year}-Q{part}", "S": f"{year}-S{part}", "A": f"{year}"}[
                frequency
            ]
        )
    return [Period.parse(text).text for text in texts]


def classify_zip(status: int, body: Body) -> SourceError | None:
    """The failure that a status or a body means; None for a zip archive."""
    if status != 200 or body.head.startswith(b"PK\x03\x04"):
        return _unchanged(status)
    return _nothing(body) or page(body) or NotData("No zip archive.")


def classify_text(status: int, body: Body) -> SourceError | None:
    """The failure that a status or a body means; None for a text that is no web page."""
    return _unchanged(status) if status != 200 else _nothing(body) or page(body)


def _not_yet(classify: Classify) -> Classify:
    def classified(status: int, body: Body) -> SourceError | None:
        return NotYet(f"{body.url}: not found (HTTP 404).") if status == 404 else classify(status, body)

    return classified


def _unchanged(status: int) -> SourceError | None:
    return NotModified("HTTP 304 to an unconditional request.") if status == 304 else None


def _nothing(body: Body) -> SourceError | None:
    return None if body.decoded_size else NotData("The answer is empty.")


def _last_modified(body: Body) -> datetime | None:
    try:
        return credible(http_date(body.response_headers["last-modified"]))
    except (KeyError, ValueError):
        return None
