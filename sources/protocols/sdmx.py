"""Shared behaviour of ISTAT's and OECD's SDMX services: structures kept between runs, faults, statuses.

Belongs here: behaviour of both services. Does not belong here: addresses and where they differ (`istat.py`, `oecd.py`), the
messages themselves (`sources/formats/sdmx_structure.py`).
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from pathlib import Path
from typing import Any

from sources.catalogue import Dataset
from sources.data_folder import write_atomic
from sources.errors import BadRequest, ExtractionTooBig, NoResults, NotData, SourceError
from sources.http.client import Body, Client
from sources.protocols.responses import first_text, page, said

STRUCTURE = "application/vnd.sdmx.structure+xml;version=2.1"
ERROR = re.compile(r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:\w+:)?Error\b", re.S)
log = logging.getLogger("distretto")


class SdmxService:
    """Requests to an SDMX service in one run. Structures are kept in the data folder, so a known one costs no
    request."""

    def __init__(self, client: Client, workdir: Path) -> None:
        self.client, self.workdir = client, workdir

    def file(self, dataset: Dataset) -> Path:
        """A new file name for a response."""
        return self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"

    def ask(self, path: str, dataset: Dataset, accept: str) -> Body:
        """The response to `path` below the service's address. Raises a SourceError."""
        url = f"{self.client.provider.base_url}/{path}"
        return self.client.get(
            url, self.file(dataset), dataset=dataset.id, accept=accept, classify=self.classify_response
        )

    def classify_response(self, status: int, body: Body) -> SourceError | None:
        """The failure that a body means; None if the status decides."""
        return classify_response(status, body)

    def recall(self, name: str) -> Any:
        """What `keep` wrote under `name`; None if there is nothing, or nothing readable."""
        try:
            return json.loads(self._kept(name).read_text())
        except (OSError, ValueError):
            return None

    def keep(self, name: str, value: Any) -> None:
        """Store `value` for the next runs."""
        write_atomic(self._kept(name), json.dumps(value).encode())

    def forget(self, name: str) -> None:
        """The next run asks for it again."""
        self._kept(name).unlink(missing_ok=True)

    def _kept(self, name: str) -> Path:
        return self.client.kept / "structures" / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.json"


def classify_response(status: int, body: Body) -> SourceError | None:
    """The failure that a status or a body of an SDMX service means; None if the status alone decides."""
    if status in (400, 406, 414, 422):
        return BadRequest(f"HTTP {status}: {said(body)}")
    if status == 413:
        return ExtractionTooBig(f"HTTP 413: {said(body)}")
    if status != 200:
        return None
    if not body.decoded_size:
        return NotData("The answer is empty.")
    if failure := page(body):
        return failure
    start = first_text(body)
    if re.match(r"No(?:Records|Results)Found", start):
        return NoResults(f"The provider says: {said(body)}")
    if ERROR.match(start):
        return NotData(f"The provider says: {said(body)}")
    return None
