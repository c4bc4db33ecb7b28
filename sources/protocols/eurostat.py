"""Client of Eurostat's dissemination API, written for its observed behaviour.

Belongs here: addresses, the inventory, the asynchronous flow, error bodies. Does not belong here: transport
(`sources/http/`), wire formats (`sources/formats/`).
"""

from __future__ import annotations

import csv
import html
import json
import re
import time
import uuid
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from sources import slices
from sources.catalogue import Dataset, Filter
from sources.errors import (
    BadRequest,
    ExtractionTooBig,
    NoResults,
    NotData,
    NotFound,
    NotReady,
    SourceError,
    Unavailable,
    Where,
)
from sources.formats import sdmx_csv, sdmx_structure
from sources.http.client import Body, Client
from sources.protocols.interface import Fetched, PlannedRequest, Structure, Successor
from sources.protocols.responses import credible, first_text, page

FORMATS = {"tsv": "TSV", "sdmx-csv": "SDMX-CSV"}
QUEUED = re.compile(r"<queued>.*?<id>\s*([^<\s]+)\s*</id>", re.S)
ASYNC_STATUS = re.compile(r"<(?:\w+:)?status>\s*([A-Z_]+)\s*</(?:\w+:)?status>")
FAULT = re.compile(r"<faultcode>\s*(\d+)\s*</faultcode>.*?<faultstring>(.*?)</faultstring>", re.S)
FAULT_STRING = re.compile(r"<faultstring>(.*?)</faultstring>", re.S)
FOOTER = re.compile(r"<(?:\w+:)?Message[^>]*\bcode=\"(\d+)\".*?<(?:\w+:)?Text[^>]*>(.*?)</", re.S)


class Eurostat:
    """Requests to Eurostat in one run. The inventory is asked for once."""

    def __init__(self, client: Client, workdir: Path) -> None:
        self.client, self.workdir = client, workdir
        self._inventory: dict[str, dict[str, str]] | SourceError | None = None

    def fetch(self, dataset: Dataset, known: datetime | None) -> list[Fetched]:
        """The table as served now; nothing if the inventory says that it has not changed since `known`.

        Raises a SourceError of the kind that fits.
        """
        entry = self._entry(dataset)
        stamp = _stamp(entry.get("Last data change"))
        if stamp and known and stamp == known:
            return []
        try:
            return [Fetched(self._extraction(dataset, self._address(dataset, entry)), dataset.format, stamp)]
        except ExtractionTooBig:
            along = dataset.slices
            if along is None:
                raise
        # as SDMX-CSV, whatever the entry's format: each slice then has the LAST UPDATE of its extraction
        found = self._in_slices(dataset, along)
        body = slices.pack(found, self._file(dataset), self.client.provider.max_decoded_bytes)
        return [Fetched(body, "sdmx-csv" + slices.SUFFIX, stamp, slices.note(found, along))]

    def plan(self, dataset: Dataset) -> list[PlannedRequest]:
        """The inventory, then the whole table; slices follow only if Eurostat finds it too big."""
        return [
            PlannedRequest(self._inventory_address(), "inventory", shared=True),
            PlannedRequest(self._address(dataset, {}), "data"),
        ]

    def successors(self, dataset: Dataset) -> list[Successor] | None:
        """The table in NACE Rev. 2.1 that continues this one: its code followed by 21.

        From the inventory that `fetch` asked for; None if it did not answer.
        """
        if not isinstance(self._inventory, dict):
            return None
        row = self._inventory.get(f"{dataset.code.upper()}21") if "nace_r2" in dataset.dimensions else None
        return [Successor(row["Code"], row.get("Last data change") or "")] if row else []

    def structure(self, dataset: Dataset) -> Structure:
        """What Eurostat says of the table; two requests. Raises a SourceError."""
        there = self._codes(dataset)
        periods = there.pop("time_period", set())
        return Structure(self._order(dataset), there, periods)

    def _order(self, dataset: Dataset) -> list[str]:
        body = self._metadata(dataset, f"datastructure/ESTAT/{dataset.code.upper()}")
        return [name.lower() for name in sdmx_structure.dimensions(body)]

    def _codes(self, dataset: Dataset) -> dict[str, set[str]]:
        body = self._metadata(dataset, f"contentconstraint/ESTAT/{dataset.code.upper()}/1.0")
        return {name.lower(): codes for name, codes in sdmx_structure.constraint(body).items()}

    def _metadata(self, dataset: Dataset, path: str) -> Body:
        url = f"{self.client.provider.base_url}/sdmx/2.1/{path}"
        return self.client.get(url, self._file(dataset), dataset=dataset.id, classify=classify_structure)

    def _in_slices(self, dataset: Dataset, along: str) -> list[slices.Slice]:
        """The table by the codes of the dimension `along`: those of the entry's query, else those the provider lists."""
        base = f"{self.client.provider.base_url}/sdmx/2.1/data/{dataset.code}"
        order = self._order(dataset)

        def plan() -> list[Filter]:
            return slices.cut(dataset.query, along, lambda: self._codes(dataset))

        def ask(query: Filter) -> Body:
            key = ".".join("+".join(query.get(name, [])) for name in order)
            return self._extraction(dataset, f"{base}/{key}?format=SDMX-CSV&compressed=true")

        return slices.gather(
            plan, ask, lambda bodies: {sdmx_csv.last_update(body.head) for body in bodies} - {None}
        )

    def _entry(self, dataset: Dataset) -> dict[str, str]:
        """The inventory's row of this table; empty if the inventory does not answer or lacks it."""
        if self._inventory is None:
            try:
                body = self.client.get(
                    self._inventory_address(), self.workdir / "inventory", classify=classify_response
                )
                rows = csv.DictReader(body.text().splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
                self._inventory = {row["Code"].upper(): row for row in rows if row.get("Code")}
            except SourceError as failure:
                self._inventory = failure
            except csv.Error as failure:
                self._inventory = NotData(f"The inventory is no table: {failure}.")
        if isinstance(self._inventory, SourceError):
            return {}
        return self._inventory.get(dataset.code.upper(), {})

    def _inventory_address(self) -> str:
        return f"{self.client.provider.base_url}/files/inventory?type=data&lang=en"

    def _address(self, dataset: Dataset, entry: dict[str, str]) -> str:
        base = self.client.provider.base_url
        if dataset.format == "json-stat":
            filters = [(name, code) for name, codes in dataset.query.items() for code in codes]
            return f"{base}/statistics/1.0/data/{dataset.code}?{urlencode([('format', 'JSON'), ('lang', 'EN'), *filters])}"
        if dataset.query:
            # positional: SDMX 2.1 ignores filters in the query string and would send the whole cube
            key = ".".join("+".join(dataset.query.get(name, [])) for name in dataset.dimensions)
            return (
                f"{base}/sdmx/2.1/data/{dataset.code}/{key}?format={FORMATS[dataset.format]}&compressed=true"
            )
        column = {"tsv": "Data download url (tsv)", "sdmx-csv": "Data download url (csv)"}[dataset.format]
        listed = entry.get(column) or ""
        if not listed.startswith(f"{base}/"):
            # a mirror serves the provider's inventory, whose addresses name the provider's host
            listed = f"{base}/sdmx/{listed.split('/sdmx/', 1)[1]}" if "/sdmx/" in listed else ""
        listed = listed or f"{base}/sdmx/2.1/data/{dataset.code.upper()}?format={FORMATS[dataset.format]}"
        # the inventory lists addresses without it: a third to a sixth of the bytes
        if "compressed=" not in listed:
            listed += ("&" if "?" in listed else "?") + "compressed=true"
        return listed

    def _extraction(self, dataset: Dataset, url: str) -> Body:
        """The body of `url`, waiting if the provider builds it asynchronously."""
        provider = self.client.provider
        where: Where = {"provider": provider.id, "dataset": dataset.id, "url": url}
        into = self._file(dataset)
        ends = time.monotonic() + provider.async_budget_s
        while True:
            try:
                body = self.client.get(url, into, dataset=dataset.id, classify=classify_response)
            except NotReady:
                self._pause(ends, where)
                continue
            queued = QUEUED.search(body.head.decode(errors="replace"))
            if not queued:
                return body
            self._await(queued[1], dataset, ends, where)
            url = f"{provider.base_url}/1.0/async/data/{queued[1]}"

    def _file(self, dataset: Dataset) -> Path:
        return self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"

    def _await(self, ticket: str, dataset: Dataset, ends: float, where: Where) -> None:
        """Return once the queued extraction `ticket` is available."""
        url = f"{self.client.provider.base_url}/1.0/async/status/{ticket}"
        while True:
            body = self.client.get(
                url,
                self.workdir / f"{ticket[:40].replace('/', '_')}.status",
                dataset=dataset.id,
                classify=classify_response,
            )
            found = ASYNC_STATUS.search(body.text())
            status = found[1] if found else "without a status"
            if status == "AVAILABLE":
                return
            if status not in ("SUBMITTED", "PROCESSING", "QUEUED"):
                raise NotReady(f"The queued extraction is {status}.", **where)
            self._pause(ends, where)

    def _pause(self, ends: float, where: Where) -> None:
        wait = self.client.provider.async_poll_s
        if time.monotonic() + wait > ends:
            raise NotReady(
                f"Queued, and not available within {self.client.provider.async_budget_s:g} s.", **where
            )
        self.client.stop.wait(wait)


def classify_response(status: int, body: Body) -> SourceError | None:
    """The failure that a body of Eurostat means, whatever its status; None for data and queued extractions."""
    if not body.decoded_size:
        return NotData("The answer is empty.") if status == 200 else None
    if failure := page(body):
        # during maintenance and overload the service sends a page with status 200
        return failure if status == 200 else None
    text = first_text(body)
    if text.startswith("<"):
        return None if QUEUED.search(text) or ASYNC_STATUS.search(text) else _from_xml(text, status)
    if text.startswith("{"):
        return _from_json(body, status)
    return None


def classify_structure(status: int, body: Body) -> SourceError | None:
    """The same for a response on structures, which is expected to be XML."""
    message = re.match(r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:\w+:)?Structure\b", first_text(body), re.S)
    return None if status == 200 and message else classify_response(status, body)


def _from_xml(text: str, status: int) -> SourceError | None:
    if fault := FAULT.search(text):
        return _named(int(fault[1]), html.unescape(fault[2]).strip())
    if fault := FAULT_STRING.search(text):
        return _named(status, html.unescape(fault[1]).strip())
    if footer := FOOTER.search(text):
        return _named(int(footer[1]), html.unescape(footer[2]).strip())
    return NotData("XML that is neither data nor a known fault.")


def _from_json(body: Body, status: int) -> SourceError | None:
    """The failure in an error or warning body, which is small: JSON-stat is recognised without being read whole."""
    if b'"error"' not in body.head and b'"warning"' not in body.head:
        return None
    try:
        message = json.loads(first_text(body))
    except (ValueError, RecursionError):
        return None
    entry = message.get("error") or message.get("warning")
    entry = entry[0] if isinstance(entry, list) and entry else entry
    if not entry:
        return None
    if not isinstance(entry, dict):
        return _named(status, str(entry), str(entry))
    given = [entry.get("id"), entry.get("status")]
    numbers = [int(str(one)) for one in given if re.fullmatch(r"\d{1,9}", str(one))]
    words = str(entry.get("label") or entry.get("message") or "").strip()
    # an id that is no number is part of what the provider says
    named = [str(one) for one in given[:1] if one is not None and not re.fullmatch(r"\d{1,9}", str(one))]
    return _named(next(iter(numbers), status), words, " ".join([*map(str, numbers[:1]), *named, words]))


def _named(code: int, words: str, quoted: str = "") -> SourceError:
    """The SourceError for Eurostat's fault code and text, which it quotes.

    413 means two opposite things: EXTRACTION_TOO_BIG is final, ASYNCHRONOUS_RESPONSE is "later".
    """
    said = f"The provider says: {quoted or f'{code} {words}'}"
    if "EXTRACTION_TOO_BIG" in words or code in (130, 510):
        return ExtractionTooBig(said)
    if "NOT_YET_AVAILABLE" in words or "ASYNCHRONOUS" in words or code == 413:
        return NotReady(said)
    if code == 100 and "UNKNOWN_REQUEST" in words:
        return NotReady(said)
    if re.search("no.results", words, re.I):
        # 100 also means an unknown table
        return NoResults(said)
    if code in (100, 404):
        return NotFound(said)
    if code in (140, 150, 400, 110):
        return BadRequest(said)
    if code in (500, 501, 503):
        return Unavailable(said)
    return NotData(said)


def _stamp(text: str | None) -> datetime | None:
    """`2026-05-13T11:00:00+0200`, an offset without a colon; None if it cannot be read or believed."""
    try:
        return credible(datetime.strptime((text or "").strip(), "%Y-%m-%dT%H:%M:%S%z"))
    except ValueError:
        return None
