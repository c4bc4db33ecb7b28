"""How OECD's SDMX service (sdmx.oecd.org) is asked, as it behaves.

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
from urllib.parse import quote

from sources.catalogue import Dataset
from sources.concepts import provider_dimensions, provider_query
from sources.data_folder import write_atomic
from sources.errors import (
    BadRequest,
    ExtractionTooBig,
    Forbidden,
    NotData,
    NotFound,
    SourceError,
    StructureChanged,
    Unavailable,
)
from sources.formats import sdmx_structure
from sources.formats.sdmx_structure import Actual
from sources.http.client import Body, Client
from sources.protocols import Fetched, Structure

AGENCY = "OECD.CFE.EDS"
STRUCTURE = "application/vnd.sdmx.structure+xml;version=2.1"
# `firstNObservations` and `lastNObservations` are answered by 413 on many tables: neither is ever sent
DATA = "dimensionAtObservation=AllDimensions&format=csvfile"


@dataclass(frozen=True)
class Key:
    """The version of a dataflow and its dimensions in the order of the key, in lower case."""

    version: str
    order: list[str]


@dataclass
class Oecd:
    """One run's conversation with OECD. Structures are kept beside the pace, by table and version."""

    client: Client
    workdir: Path

    def fetch(self, dataset: Dataset, known: datetime | None) -> Fetched | None:
        """The table as served now, or None where its constraint is valid from `known`.

        An unchanged table costs one request. Raises a SourceError of the kind that fits.
        """
        actual = self._actual(dataset)
        if actual.valid_from and actual.valid_from == known:
            return None
        key = self._key(dataset, actual)
        there = {dimension.lower(): codes for dimension, codes in actual.codes.items()}
        query = provider_query(dataset.query, self.client.provider)
        slots = [
            # of the codes asked for those in use: a territory without figures is no mistake
            "+".join(code for code in query.get(d, []) if code in there.get(d, query[d]))
            for d in key.order
        ]
        if empty := [d for d, slot in zip(key.order, slots, strict=True) if query.get(d) and not slot]:
            raise NotData(f"The table has none of the codes asked for: {', '.join(empty)}.")
        try:
            path = f"data/{AGENCY},{quote(dataset.code)},{key.version}/{'.'.join(slots)}?{DATA}"
            body = self._get(path, dataset, "*/*")
        except BadRequest:
            self._kept(dataset, actual).unlink(missing_ok=True)
            raise
        return Fetched(body, dataset.format, actual.valid_from)

    def structure(self, dataset: Dataset) -> Structure:
        """What OECD says of the table; two requests at most. Raises a SourceError."""
        actual = self._actual(dataset)
        there = {dimension.lower(): codes for dimension, codes in actual.codes.items()}
        periods = there.pop("time_period", set())
        return Structure(self._resolved(dataset, actual).order, there, periods)

    def _actual(self, dataset: Dataset) -> Actual:
        path = f"contentconstraint/{AGENCY}/CR_A_{quote(dataset.code)}/?references=none"
        return sdmx_structure.actual(self._get(path, dataset, STRUCTURE))

    def _resolved(self, dataset: Dataset, actual: Actual) -> Key:
        """From the dataflow, whose structure need not be called as its id says."""
        try:
            return Key(**json.loads(self._kept(dataset, actual).read_text()))
        except (OSError, ValueError, TypeError):
            path = f"dataflow/{AGENCY}/{quote(dataset.code)}/{actual.version}?references=datastructure"
            body = self._get(path, dataset, STRUCTURE)
            order = [dimension.lower() for dimension in sdmx_structure.dimensions(body)]
            key = Key(sdmx_structure.flow(body).version, order)
            write_atomic(self._kept(dataset, actual), json.dumps(vars(key)).encode())
            return key

    def _key(self, dataset: Dataset, actual: Actual) -> Key:
        """The same, of the dimensions expected. Raises StructureChanged."""
        key = self._resolved(dataset, actual)
        expected = provider_dimensions(dataset, self.client.provider)
        gone = sorted(set(expected) - set(key.order))
        new = [] if dataset.collect_rest else sorted(set(key.order) - set(expected))
        if gone or new:
            raise StructureChanged(
                f"The dimensions are {', '.join(key.order)}; gone: {', '.join(gone) or 'none'}; new: {', '.join(new) or 'none'}."
            )
        return key

    def _kept(self, dataset: Dataset, actual: Actual) -> Path:
        table = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{AGENCY}_{dataset.code}_{actual.version}")
        return self.client.pace / "structures" / f"{table}.json"

    def _get(self, path: str, dataset: Dataset, accept: str) -> Body:
        into = self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"
        url = f"{self.client.provider.base_url}/{path}"
        return self.client.get(url, into, dataset=dataset.id, accept=accept, judge=judge)


def judge(status: int, body: Body) -> SourceError | None:
    """The failure that a body of OECD's tells; None where the status decides."""
    start = body.head.lstrip(b"\xef\xbb\xbf \r\n\t").decode("utf-8", errors="replace")
    said = " ".join(re.sub(r"<[^>]*>", " ", start).split())[:200]
    if status == 403 and "/data/" in body.url:
        return BadRequest(
            f"HTTP 403, which OECD says of a key of the wrong width: {said}",
            hint="the structure is asked again by the next run; if it lasts, OECD may refuse this address, as it does VPNs.",
        )
    if status == 403:
        return Forbidden(f"HTTP 403: {said}", hint="OECD refuses addresses of VPNs: ask from another.")
    if status in (400, 406, 414, 422):
        return BadRequest(f"HTTP {status}: {said}")
    if status == 404:
        return NotFound(f"HTTP 404: {said}")
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
        return NotData(f"The provider says: {said}")
    return None
