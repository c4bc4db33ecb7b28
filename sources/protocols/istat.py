"""How ISTAT's SDMX service (esploradati) is asked, as it behaves.

Belongs here: addresses, what to ask first, what its statuses mean. Does not belong here: transport, pace and bans
(`http.py`), wire formats (`formats/`).
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sources import slices
from sources.catalogue import Dataset, Filter
from sources.concepts import provider_dimensions, provider_query
from sources.data_folder import write_atomic
from sources.errors import (
    BadRequest,
    ExtractionTooBig,
    NoResults,
    NotData,
    NotFound,
    SourceError,
    StructureChanged,
    Unavailable,
)
from sources.formats import sdmx_structure
from sources.formats.sdmx_structure import Flow
from sources.http.client import Body, Client
from sources.protocols import Fetched, Structure

AGENCY = "IT1"
# the format is chosen by Accept alone: a parameter `format` is ignored
ACCEPT = {
    "sdmx-ml": "application/vnd.sdmx.genericdata+xml;version=2.1",
    "sdmx-csv": "application/vnd.sdmx.data+csv;version=1.0.0",
}
STRUCTURE = "application/vnd.sdmx.structure+xml;version=2.1"


@dataclass
class Istat:
    """One run's conversation with ISTAT. Structures are kept beside the pace, so a known one costs no request."""

    client: Client
    workdir: Path

    def fetch(self, dataset: Dataset, known: datetime | None) -> Fetched | None:
        """The table as served now, or None where LAST_UPDATE says that it has not changed since `known`.

        An unchanged table costs one request. Raises a SourceError of the kind that fits.
        """
        flow = self._flow(dataset)
        if flow.last_update and flow.last_update == known:
            return None
        try:
            return self._table(dataset, flow)
        except (NotFound, BadRequest, NotData):
            # the structure that is kept may be an old one: of a key in the wrong order ISTAT finds nothing, too
            self._kept(flow).unlink(missing_ok=True)
            raise

    def _table(self, dataset: Dataset, flow: Flow) -> Fetched:
        """The whole table in one answer, or in slices where the entry says so."""
        query = provider_query(dataset.query, self.client.provider)
        if dataset.slices is None:
            return Fetched(self._data(dataset, flow, query), dataset.format, flow.last_update)
        (along,) = provider_query({dataset.slices: []}, self.client.provider)
        flows = [flow]

        def plan() -> list[Filter]:
            return slices.cut(query, along, lambda: self._codes(dataset))

        def editions(_: list[Body]) -> set[Flow]:
            flows.append(self._flow(dataset))
            return set(flows[-2:])

        found = slices.gather(plan, lambda query: self._data(dataset, flows[-1], query), editions)
        body = slices.pack(found, self._file(dataset), self.client.provider.max_decoded_bytes)
        return Fetched(
            body,
            dataset.format + slices.SUFFIX,
            flows[-1].last_update,
            slices.note(found, dataset.slices),
        )

    def structure(self, dataset: Dataset) -> Structure:
        """What ISTAT says of the table; three requests at most. Raises a SourceError."""
        there = self._codes(dataset)
        periods = there.pop("time_period", set())
        return Structure(self._order(dataset, self._flow(dataset)), there, periods)

    def _codes(self, dataset: Dataset) -> dict[str, set[str]]:
        body = self._get(f"availableconstraint/{dataset.code}", dataset, STRUCTURE)
        return {name.lower(): codes for name, codes in sdmx_structure.constraint(body).items()}

    def _flow(self, dataset: Dataset) -> Flow:
        return sdmx_structure.flow(self._get(f"dataflow/{AGENCY}/{dataset.code}", dataset, STRUCTURE))

    def _data(self, dataset: Dataset, flow: Flow, query: Filter) -> Body:
        """The answer to one query. Neither a first nor a last period is sent: see providers.yml."""
        key = self._key(dataset, flow, query)
        try:
            return self._get(f"data/{AGENCY},{dataset.code}/{key}/ALL", dataset, ACCEPT[dataset.format])
        except NotFound:
            raise self._cause(dataset, query) from None

    def _order(self, dataset: Dataset, flow: Flow) -> list[str]:
        """The dimensions in the order of the key, in lower case."""
        try:
            return json.loads(self._kept(flow).read_text())
        except (OSError, ValueError):
            body = self._get(f"datastructure/{flow.structure}", dataset, STRUCTURE)
            order = [dimension.lower() for dimension in sdmx_structure.dimensions(body)]
            write_atomic(self._kept(flow), json.dumps(order).encode())
            return order

    def _key(self, dataset: Dataset, flow: Flow, query: Filter) -> str:
        """The key that asks for `query`. Raises StructureChanged."""
        order = self._order(dataset, flow)
        expected = provider_dimensions(dataset, self.client.provider)
        if sorted(order) != sorted(expected):
            raise StructureChanged(
                f"The dimensions are {', '.join(order)}; expected were {', '.join(expected)}."
            )
        return ".".join("+".join(query.get(dimension, [])) for dimension in order)

    def _kept(self, flow: Flow) -> Path:
        return self.client.pace / "structures" / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', flow.structure)}.json"

    def _cause(self, dataset: Dataset, query: Filter) -> SourceError:
        """What a 404 on data means, which is said alike of a wrong code, a wrong table and an empty result."""
        try:
            there = self._codes(dataset)
        except NotFound:
            return NotFound("HTTP 404: neither data nor a constraint: the table is gone.")
        except SourceError as failure:
            return NotData(
                f"HTTP 404, which ISTAT says of a wrong code and of an empty result alike; its constraint did not "
                f"settle it: {failure.message}",
                hint="the next run asks again.",
            )
        wrong = [
            f"{dimension} {', '.join(missing)}"
            for dimension, codes in query.items()
            if (missing := sorted(set(codes) - there.get(dimension, set())))
        ]
        if wrong:
            return BadRequest(f"HTTP 404: codes that the table does not have: {'; '.join(wrong)}.")
        return NoResults(
            "HTTP 404, although the table has every code asked for: nothing is published for this key.",
            hint="the next run asks again; if it lasts, ask for other codes with `query` in the catalogue entry.",
        )

    def _get(self, path: str, dataset: Dataset, accept: str) -> Body:
        url = f"{self.client.provider.base_url}/{path}"
        return self.client.get(url, self._file(dataset), dataset=dataset.id, accept=accept, judge=judge)

    def _file(self, dataset: Dataset) -> Path:
        return self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"


def judge(status: int, body: Body) -> SourceError | None:
    """The failure that a body of ISTAT's tells; None where the status decides."""
    start = body.head.lstrip(b"\xef\xbb\xbf \r\n\t").decode("utf-8", errors="replace")
    said = " ".join(re.sub(r"<[^>]*>", " ", start).split())[:200]
    if status in (400, 406, 414):
        return BadRequest(f"HTTP {status}: {said}")
    if status == 413:
        return ExtractionTooBig(f"HTTP 413: {said}")
    if status != 200:
        return None
    if not body.decoded_size:
        return NotData("The answer is empty.")
    if re.match(r"<!doctype html|<html", start, re.I):
        return Unavailable("A web page instead of data.")
    if re.match(r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:\w+:)?Error\b", start, re.S):
        return NotData(f"The provider says: {said}")
    if re.match(r"No(?:Records|Results)Found", start):
        return NoResults(f"The provider says: {said}")
    return None
