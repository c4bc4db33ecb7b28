"""Client of OECD's SDMX service (sdmx.oecd.org), written for its observed behaviour.

Belongs here: addresses, what to ask first, what its statuses mean. Does not belong here: transport, rate limits and bans
(`sources/http/`), what ISTAT's service shares (`sdmx.py`), wire formats (`sources/formats/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sources.catalogue import Dataset
from sources.concepts import provider_dimensions, provider_query
from sources.errors import (
    BadRequest,
    Forbidden,
    NotData,
    NotFound,
    SourceError,
    StructureChanged,
)
from sources.formats import sdmx_structure
from sources.formats.sdmx_structure import Actual
from sources.http.client import Body
from sources.protocols.interface import Fetched, PlannedRequest, Structure
from sources.protocols.responses import asks_for_pause, credible, said
from sources.protocols.sdmx import STRUCTURE, SdmxService, classify_response

AGENCY = "OECD.CFE.EDS"
# `firstNObservations` and `lastNObservations` lead to a 413 on many tables, so neither is ever sent
DATA = "dimensionAtObservation=AllDimensions&format=csvfile"


@dataclass(frozen=True)
class Key:
    """The version of a dataflow and its dimensions in the order of the key, in lower case."""

    version: str
    order: list[str]

    @classmethod
    def of(cls, kept: object) -> Key | None:
        """The key as it was kept; None for anything else."""
        if not isinstance(kept, dict) or set(kept) != {"version", "order"}:
            return None
        version, order = kept["version"], kept["order"]
        good = isinstance(version, str) and isinstance(order, list) and order
        return cls(version, order) if good and all(isinstance(name, str) for name in order) else None


class Oecd(SdmxService):
    """Requests to OECD in one run. Structures are kept by table and version."""

    def fetch(self, dataset: Dataset, known: datetime | None) -> list[Fetched]:
        """The table as served now; nothing if its constraint is valid from `known`.

        An unchanged table costs one request. Raises a SourceError of the kind that fits.
        """
        actual = self._actual(dataset)
        stamp = credible(actual.valid_from)
        if stamp and stamp == known:
            return []
        key = self._key(dataset, actual)
        there = {dimension.lower(): codes for dimension, codes in actual.codes.items()}
        query = provider_query(dataset.query, self.client.provider)
        slots = [
            # only codes in use: a territory without figures is not a mistake
            "+".join(code for code in query.get(d, []) if code in there.get(d, query[d]))
            for d in key.order
        ]
        if empty := [d for d, slot in zip(key.order, slots, strict=True) if query.get(d) and not slot]:
            raise NotData(f"The table has none of the codes asked for: {', '.join(empty)}.")
        try:
            body = self.ask(_data_path(dataset, key.version, slots), dataset, "*/*")
        except BadRequest:
            self.forget(_name(dataset, actual))
            raise
        return [Fetched(body, dataset.format, stamp)]

    def plan(self, dataset: Dataset) -> list[PlannedRequest]:
        """The constraint, the dataflow with its structure, the table. Dimensions that only OECD names are left out."""
        provider = self.client.provider
        query = provider_query(dataset.query, provider)
        slots = ["+".join(query.get(d, [])) for d in provider_dimensions(dataset, provider)]
        base, code = provider.base_url, quote(dataset.code)
        return [
            PlannedRequest(f"{base}/{_constraint_path(dataset)}", "constraint"),
            PlannedRequest(
                f"{base}/dataflow/{AGENCY}/{code}/(version)?references=datastructure", "structure"
            ),
            PlannedRequest(f"{base}/{_data_path(dataset, '(version)', slots)}", "data"),
        ]

    def structure(self, dataset: Dataset) -> Structure:
        """What OECD says of the table; two requests at most. Raises a SourceError."""
        actual = self._actual(dataset)
        there = {dimension.lower(): codes for dimension, codes in actual.codes.items()}
        periods = there.pop("time_period", set())
        return Structure(self._resolved(dataset, actual).order, there, periods)

    def _actual(self, dataset: Dataset) -> Actual:
        return sdmx_structure.actual(self.ask(_constraint_path(dataset), dataset, STRUCTURE))

    def _resolved(self, dataset: Dataset, actual: Actual) -> Key:
        """From the dataflow, since its structure may have another id."""
        if kept := Key.of(self.recall(_name(dataset, actual))):
            return kept
        path = f"dataflow/{AGENCY}/{quote(dataset.code)}/{actual.version}?references=datastructure"
        body = self.ask(path, dataset, STRUCTURE)
        order = [dimension.lower() for dimension in sdmx_structure.dimensions(body)]
        key = Key(sdmx_structure.flow(body).version, order)
        self.keep(_name(dataset, actual), vars(key))
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

    def classify_response(self, status: int, body: Body) -> SourceError | None:
        """The failure that a response of OECD means. A 403 is three things: a request limit if its text or a
        Retry-After says so, a key of the wrong width on data, else a refused address."""
        if failure := asks_for_pause(status, body):
            return failure
        if status == 403 and "/data/" in body.url:
            return BadRequest(
                f"HTTP 403, which OECD sends for a key with the wrong number of dimensions: {said(body)}",
                hint="the next run asks for the structure again; if it lasts, OECD may refuse this address, as it does VPNs.",
            )
        if status == 403:
            return Forbidden(
                f"HTTP 403: {said(body)}", hint="OECD refuses addresses of VPNs: ask from another."
            )
        if status == 404:
            return NotFound(f"HTTP 404: {said(body)}")
        return classify_response(status, body)


def _name(dataset: Dataset, actual: Actual) -> str:
    return f"{AGENCY}_{dataset.code}_{actual.version}"


def _constraint_path(dataset: Dataset) -> str:
    return f"contentconstraint/{AGENCY}/CR_A_{quote(dataset.code)}/?references=none"


def _data_path(dataset: Dataset, version: str, slots: list[str]) -> str:
    return f"data/{AGENCY},{quote(dataset.code)},{version}/{'.'.join(slots)}?{DATA}"
