"""Client of ISTAT's SDMX service (esploradati), written for its observed behaviour.

Belongs here: addresses, what to ask first, what a 404 means. Does not belong here: transport, rate limits and bans
(`sources/http/`), what OECD's service shares (`sdmx.py`), wire formats (`sources/formats/`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sources import slices
from sources.catalogue import Dataset, Filter
from sources.concepts import provider_dimensions, provider_query
from sources.errors import (
    BadRequest,
    NoResults,
    NotData,
    NotFound,
    SourceError,
    StructureChanged,
)
from sources.formats import sdmx_structure
from sources.formats.sdmx_structure import Flow
from sources.http.client import Body, Client
from sources.protocols.interface import Fetched, PlannedRequest, Structure
from sources.protocols.responses import credible
from sources.protocols.sdmx import STRUCTURE, SdmxService

AGENCY = "IT1"
# the format is chosen by Accept alone: a parameter `format` is ignored
ACCEPT = {
    "sdmx-ml": "application/vnd.sdmx.genericdata+xml;version=2.1",
    "sdmx-csv": "application/vnd.sdmx.data+csv;version=1.0.0",
}


class Istat(SdmxService):
    """Requests to ISTAT in one run."""

    def __init__(self, client: Client, workdir: Path) -> None:
        super().__init__(client, workdir)
        self._in_use: dict[tuple[str, str, datetime | None], set[str]] = {}

    def fetch(self, dataset: Dataset, known: datetime | None) -> list[Fetched]:
        """The table as served now; nothing if LAST_UPDATE says that it has not changed since `known`.

        An unchanged table costs one request. Raises a SourceError of the kind that fits.
        """
        flow = self._flow(dataset)
        stamp = credible(flow.last_update)
        if stamp and stamp == known:
            return []
        try:
            return [self._table(dataset, flow)]
        except (NotFound, BadRequest, NotData):
            # the stored structure may be outdated: for a key in the wrong order ISTAT finds nothing either
            self.forget(flow.structure)
            raise

    def plan(self, dataset: Dataset) -> list[PlannedRequest]:
        """The dataflow, its structure, then the table in one request or one a slice."""
        provider = self.client.provider
        query = provider_query(dataset.query, provider)
        queries = [query]
        if dataset.slices:
            (along,) = provider_query({dataset.slices: []}, provider)
            queries = [{**query, along: [code]} for code in query.get(along, [])] or [query]
        order = provider_dimensions(dataset, provider)
        base = provider.base_url
        flow = f"{base}/dataflow/{AGENCY}/{dataset.code}"
        return [
            PlannedRequest(flow, "dataflow", times=2 if dataset.slices else 1),
            PlannedRequest(f"{base}/datastructure/{AGENCY}/(named by the dataflow)", "structure"),
            *(PlannedRequest(f"{base}/{_data_path(dataset, _key(order, one))}", "data") for one in queries),
        ]

    def structure(self, dataset: Dataset) -> Structure:
        """What ISTAT says of the table, with the codes of the one dimension most in doubt; three requests at most.

        Raises a SourceError.
        """
        flow = self._flow(dataset)
        order = self._order(dataset, flow)
        doubted = self._doubted(dataset)
        codes = {doubted: self._codes(dataset, flow, doubted)} if doubted else {}
        return Structure(order, codes, set())

    def _table(self, dataset: Dataset, flow: Flow) -> Fetched:
        """The whole table in one response, or in slices if the entry says so."""
        query = provider_query(dataset.query, self.client.provider)
        if dataset.slices is None:
            return Fetched(self._data(dataset, flow, query), dataset.format, credible(flow.last_update))
        (along,) = provider_query({dataset.slices: []}, self.client.provider)
        flows = [flow]

        def plan() -> list[Filter]:
            return slices.cut(query, along, lambda: {along: self._codes(dataset, flows[-1], along)})

        def editions(_: list[Body]) -> set[Flow]:
            flows.append(self._flow(dataset))
            return set(flows[-2:])

        found = slices.gather(plan, lambda query: self._data(dataset, flows[-1], query), editions)
        body = slices.pack(found, self.file(dataset), self.client.provider.max_decoded_bytes)
        return Fetched(
            body,
            dataset.format + slices.SUFFIX,
            credible(flows[-1].last_update),
            slices.note(found, dataset.slices),
        )

    def _codes(self, dataset: Dataset, flow: Flow, dimension: str) -> set[str]:
        """The codes of one dimension in use. ISTAT computes them for minutes: each is asked for once an edition."""
        which = (dataset.code, dimension, flow.last_update)
        if which not in self._in_use:
            path = f"availableconstraint/{AGENCY},{dataset.code},1.0/all/all/{dimension.upper()}"
            found = sdmx_structure.constraint(self.ask(path, dataset, STRUCTURE))
            self._in_use[which] = {name.lower(): codes for name, codes in found.items()}.get(dimension, set())
        return self._in_use[which]

    def _doubted(self, dataset: Dataset) -> str | None:
        """Of the dimensions whose codes the entry names the one with the most, in ISTAT's name."""
        named = dict(dataset.query)
        if isinstance(dataset.unit, dict):
            named |= {dimension: list(units) for dimension, units in dataset.unit.items()}
        query = {d: codes for d, codes in named.items() if codes}
        if not query:
            return None
        (found,) = provider_query({max(query, key=lambda d: len(query[d])): []}, self.client.provider)
        return found

    def _flow(self, dataset: Dataset) -> Flow:
        return sdmx_structure.flow(self.ask(f"dataflow/{AGENCY}/{dataset.code}", dataset, STRUCTURE))

    def _data(self, dataset: Dataset, flow: Flow, query: Filter) -> Body:
        """The response to one query. Neither a first nor a last period is sent: see providers.yml."""
        order = self._order(dataset, flow)
        expected = provider_dimensions(dataset, self.client.provider)
        if sorted(order) != sorted(expected):
            raise StructureChanged(
                f"The dimensions are {', '.join(order)}; expected were {', '.join(expected)}."
            )
        try:
            return self.ask(_data_path(dataset, _key(order, query)), dataset, ACCEPT[dataset.format])
        except NotFound as failure:
            raise self._cause(dataset, flow, query) from failure

    def _order(self, dataset: Dataset, flow: Flow) -> list[str]:
        """The dimensions in the order of the key, in lower case."""
        kept = self.recall(flow.structure)
        if isinstance(kept, list) and kept and all(isinstance(name, str) for name in kept):
            return kept
        body = self.ask(f"datastructure/{flow.structure}", dataset, STRUCTURE)
        order = [dimension.lower() for dimension in sdmx_structure.dimensions(body)]
        self.keep(flow.structure, order)
        return order

    def _cause(self, dataset: Dataset, flow: Flow, query: Filter) -> SourceError:
        """The failure behind a 404 on data, which ISTAT sends for a wrong code, a wrong table and an empty result."""
        asked = {name: codes for name, codes in query.items() if codes}
        # the dimension with the most codes, and of several one whose codes are known already
        known = {dimension for code, dimension, _ in self._in_use if code == dataset.code}
        doubted = max(
            asked, key=lambda name: (len(asked[name]), name in known), default=self._doubted(dataset)
        )
        if doubted is None:
            return NotFound("HTTP 404, although the key names no code: the table was removed or is empty.")
        try:
            there = self._codes(dataset, flow, doubted)
        except NotFound:
            return NotFound("HTTP 404 for data and constraint: the table was removed.")
        except SourceError as failure:
            return NotData(
                f"HTTP 404, which ISTAT sends for a wrong code and for an empty result alike; its constraint did not "
                f"settle it: {failure.message}",
                hint="the next run asks again.",
            )
        if missing := sorted(set(query.get(doubted, [])) - there):
            return BadRequest(
                f"HTTP 404: codes that the table does not have: {doubted} {', '.join(missing)}."
            )
        others = [name for name in query if name != doubted]
        unasked = f" Not checked: {', '.join(others)}." if others else ""
        return NoResults(
            f"HTTP 404, although the table has every code of {doubted} asked for: nothing is published for this "
            f"key.{unasked}",
            hint="the next run asks again; if it lasts, ask for other codes with `query` in the catalogue entry.",
        )


def _key(order: list[str], query: Filter) -> str:
    """The key that asks for `query`: a slot a dimension, an empty one for all codes."""
    return ".".join("+".join(query.get(dimension, [])) for dimension in order)


def _data_path(dataset: Dataset, key: str) -> str:
    return f"data/{AGENCY},{dataset.code}/{key}/ALL"
