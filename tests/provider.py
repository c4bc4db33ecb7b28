"""Eurostat on loopback: a real HTTP server that answers as the dissemination API does, on good and bad days.

Belongs here: what Eurostat serves. Does not belong here: how it fails (`provider_faults.py`) and what a test expects.
For a person: `python -m tests.provider FOLDER` serves every `<code>.tsv.gz` of a folder.
"""

from __future__ import annotations

import argparse
import gzip
import math
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from tests.provider_faults import (
    ANSWERS,
    ERRORS,
    FAULT,
    FIGURES,
    HTML,
    JSON,
    NO_SUCH_VALUE,
    XML,
    Exchange,
    not_found,
    packed,
    refused,
    ticket_body,
    unpacked,
)
from tests.provider_http import BASE, Answer, Request, Server
from tests.provider_table import HOME, Table

__all__ = [
    "ANSWERS", "BASE", "ERRORS", "FAULT", "FIRST_CHANGE", "HOME", "HTML", "JSON", "XML",
    "Answer", "EurostatServer", "Request", "Table",
]  # fmt: skip

FIRST_CHANGE = datetime(2026, 5, 13, 11, tzinfo=HOME)
TSV, CSV = "text/tab-separated-values", "text/csv"
INVENTORY = (
    "Code",
    "Type",
    "Source dataset",
    "Last data change",
    "Last structural change",
    "Data download url (tsv)",
    "Data download url (csv)",
    "Data download url (sdmx)",
    "Data structure download url",
    "Open in Data Browser url",
)
NOT_YET = (
    "DATA_NOT_YET_AVAILABLE: Requested data is not yet available for download. "
    "Check the status of your request."
)


@dataclass(frozen=True)
class Publication:
    """A table as Eurostat holds it: `packed` is the gzip of its bulk TSV."""

    code: str
    packed: bytes
    last_change: datetime
    constraint: dict[str, list[str]] = field(
        default_factory=dict
    )  # in place of the codes that the series have

    @cached_property
    def table(self) -> Table:
        return Table.parse(gzip.decompress(self.packed).decode())


@dataclass
class Ticket:
    """A queued extraction; each poll returns the next of `statuses`, the last one repeatedly."""

    request: Request
    data: Callable[[], Answer]
    statuses: list[str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    told: str = "SUBMITTED"

    def poll(self) -> str:
        self.told = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return self.told


@dataclass
class Rule:
    pattern: str
    behaviour: str
    argument: Any
    left: float


class EurostatServer(Server):
    """Eurostat, up inside its `with` block."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.tables: dict[str, Publication] = {}
        self.most_cells = math.inf  # of one extraction
        self.after: Callable[[Request], None] = lambda request: None
        self.answer_of: dict[str, Answer] = {}  # by pattern of the path, before anything else
        self._rules: list[Rule] = []
        self._tickets: list[Ticket] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{BASE}"

    def table(
        self,
        code: str,
        dimensions: list[str],
        rows: dict[tuple[str, ...], dict[str, str]] | str,
        last_change: datetime | None = None,
    ) -> None:
        """Publish or replace a table: cells as in `Table`, or the text of a bulk TSV, served as it is.

        Without `last_change`, a replaced table changed twelve hours after it last did.
        """
        tsv = rows.encode() if isinstance(rows, str) else Table(dimensions, rows).tsv()
        self._publish(code, tsv, last_change)

    def serve_file(self, code: str, path: Path, last_change: datetime | None = None) -> None:
        """Publish a real `.tsv.gz`, served byte for byte."""
        self._publish(code, path.read_bytes(), last_change)

    def _publish(self, code: str, tsv: bytes, last_change: datetime | None) -> None:
        known = self.tables.get(code.lower())
        last_change = last_change or (known.last_change + timedelta(hours=12) if known else FIRST_CHANGE)
        with self._lock:
            self._tickets = [ticket for ticket in self._tickets if ticket.request.code != code.lower()]
        self.tables[code.lower()] = Publication(code.lower(), packed(tsv), last_change)

    def behave(
        self, pattern: str, behaviour: str | int, times: int | None = None, argument: Any = None
    ) -> None:
        """Answer what matches `pattern` with `behaviour`, the first `times` times or always.

        `pattern`: a table's code, `inventory`, or a path; `*` matches anything. Of several that match, the
        oldest that is not used up counts. Damaged figures reach tables only: `*` leaves the inventory whole.
        """
        name = str(behaviour)
        if name not in ANSWERS and name not in FIGURES:
            raise ValueError(f"No behaviour {name!r}; there are {', '.join(sorted(ANSWERS | FIGURES))}.")
        if name in FIGURES and pattern == "inventory":
            raise ValueError(f"{name} damages a table's figures; the inventory has none.")
        with self._lock:
            self._rules.append(Rule(pattern.lower(), name, argument, math.inf if times is None else times))

    def behave_well(self) -> None:
        """Forget every behaviour."""
        with self._lock:
            self._rules.clear()

    def answer(self, request: Request) -> Answer:
        """The answer to `request`, which is recorded."""
        with self._lock:
            self._requests.append(request)
            rule = self._rule(request)
        # where a redirect leads, nothing more goes wrong
        request = replace(request, path=request.path.replace(f"{BASE}/redirected/", f"{BASE}/", 1))
        answer = self._by_rule(request, rule)
        self.after(request)
        return answer

    def _by_rule(self, request: Request, rule: Rule | None) -> Answer:
        for pattern, answer in self.answer_of.items():
            if fnmatch(request.path, pattern):
                return answer
        if rule is None:
            return self.route(request)
        if rule.behaviour in FIGURES:
            return self.route(request, FIGURES[rule.behaviour])
        return ANSWERS[rule.behaviour](Exchange(self, request, rule.argument))

    def _rule(self, request: Request) -> Rule | None:
        if request.path.startswith(f"{BASE}/redirected/"):
            return None
        named = [text.lower() for text in (request.code, request.path) if text]
        for rule in self._rules:
            harmless = rule.behaviour in FIGURES and request.code not in self.tables
            if rule.left > 0 and not harmless and any(fnmatch(text, rule.pattern) for text in named):
                rule.left -= 1
                return rule
        return None

    def route(self, request: Request, damage: Callable[[Table], Table] | None = None) -> Answer:
        """The answer of a good day, its figures passed through `damage`."""
        parts = request.path.removeprefix(f"{BASE}/").split("/")
        match parts:
            case ["files", "inventory"] if request.query.get("type") == ["data"]:
                return Answer(body=self._inventory(), content_type=TSV)
            case ["1.0", "async", ("status" | "data") as asked, ticket]:
                return self._async(request, asked, ticket)
            case ["sdmx", "2.1", "datastructure", "ESTAT", code] if code.lower() in self.tables:
                return Answer(body=self._structure(self.tables[code.lower()]), content_type=XML)
            case ["sdmx", "2.1", "contentconstraint", "ESTAT", code, "1.0"] if code.lower() in self.tables:
                return Answer(body=self._constraint(self.tables[code.lower()]), content_type=XML)
            case ["sdmx", "2.1", "data", flow, *key] if len(key) < 2 and flow.lower() in self.tables:
                return self._sdmx(request, self.tables[flow.lower()], key[0] if key else "", damage)
            case ["statistics", "1.0", "data", code] if code.lower() in self.tables:
                return self._statistics(request, self.tables[code.lower()], damage)
            case _:
                return not_found(request)

    def _inventory(self) -> bytes:
        lines = ["\t".join(INVENTORY)]
        for publication in self.tables.values():
            code = publication.code.upper()
            formats = (
                # as Eurostat lists them: without `compressed=true`, with a slash after the code
                f"{self.base_url}/sdmx/2.1/data/{code}/?format={name}"
                for name in ("TSV", "SDMX-CSV", "sdmx_2.1_generic")
            )
            stamps = (
                f"{moment.astimezone(HOME):%Y-%m-%dT%H:%M:%S%z}"
                for moment in (publication.last_change, FIRST_CHANGE)
            )
            pages = (
                f"{self.base_url}/{page}/{code}"
                for page in ("sdmx/2.1/datastructure/ESTAT", "databrowser/view")
            )
            lines.append("\t".join([code, "DATASET", "", *stamps, *formats, *pages]))
        return "".join(f"{line}\r\n" for line in lines).encode()

    def _structure(self, publication: Publication) -> bytes:
        listed = "".join(
            f'<s:Dimension id="{name}" position="{i}"/>'
            for i, name in enumerate(publication.table.dimensions, 1)
        )
        return _message(
            f'<s:DataStructures><s:DataStructure agencyID="ESTAT" id="{publication.code.upper()}" version="1.0">'
            f'<s:DataStructureComponents><s:DimensionList id="DimensionDescriptor">{listed}'
            '<s:TimeDimension id="TIME_PERIOD" position="99"/></s:DimensionList></s:DataStructureComponents>'
            "</s:DataStructure></s:DataStructures>"
        )

    def _constraint(self, publication: Publication) -> bytes:
        table = publication.table
        there = {name: table.codes(i) for i, name in enumerate(table.dimensions)} | publication.constraint
        values = "".join(
            f'<c:KeyValue id="{name}">{"".join(f"<c:Value>{code}</c:Value>" for code in codes)}</c:KeyValue>'
            for name, codes in (there | {"TIME_PERIOD": table.periods}).items()
        )
        return _message(
            f'<s:Constraints><s:ContentConstraint agencyID="ESTAT" id="{publication.code.upper()}" type="Actual">'
            f'<s:CubeRegion include="true">{values}</s:CubeRegion></s:ContentConstraint></s:Constraints>'
        )

    def _too_big(self, table: Table, filters: dict[str, list[str]]) -> Answer | None:
        if self.most_cells == math.inf or (cells := table.cube(filters)) <= self.most_cells:
            return None
        words = (
            f"EXTRACTION_TOO_BIG: The requested extraction is too big, estimated {cells} rows, max authorised is "
            f"{self.most_cells}, please change your filters to reduce the extraction size"
        )
        return Answer(413, FAULT.format(code=413, words=words).encode(), XML)

    def _sdmx(
        self, request: Request, publication: Publication, key: str, damage: Callable[[Table], Table] | None
    ) -> Answer:
        format = request.query.get("format", [""])[0].upper()
        since = request.query.get("startPeriod", [""])[0]
        if format not in ("TSV", "SDMX-CSV"):
            return refused(request, 400, 140, f"Syntax error: format {format}")
        if not key and (refusal := self._too_big(publication.table, {})):
            return refusal
        if format == "TSV" and not (key or since or damage):
            body = publication.packed
        else:
            table = publication.table
            slots = key.split(".") if key else [""] * len(table.dimensions)
            if len(slots) != len(table.dimensions):
                given = f"{len(slots)} for {len(table.dimensions)}"
                return refused(request, 400, 140, f"INVALID_QUERY_NB_FILTERS: {given}")
            filters = {
                name: slot.split("+") for name, slot in zip(table.dimensions, slots, strict=True) if slot
            }
            for name, codes in filters.items():
                if unknown := sorted(set(codes) - set(table.codes(table.dimensions.index(name)))):
                    given = f"{name.upper()}={','.join(unknown)}"
                    return refused(request, 400, 150, NO_SUCH_VALUE.format(given=given))
            if refusal := self._too_big(table, filters):
                return refusal
            table = table.select(filters, since)
            if not table.periods:
                return refused(request, 400, 150, NO_SUCH_VALUE.format(given=f"TIME_PERIOD={since}"))
            if not table.series:
                return refused(request, 404, 100, "No results found")
            table = damage(table) if damage else table
            about = publication.code, publication.last_change
            body = table.tsv() if format == "TSV" else table.sdmx_csv(*about)
        compressed = request.query.get("compressed", ["false"])[0] == "true"
        # gzip comes without a Content-Encoding, and data without a Content-Length
        return Answer(
            body=[packed(body) if compressed else unpacked(body)],
            content_type=TSV if format == "TSV" else CSV,
        )

    def _statistics(
        self, request: Request, publication: Publication, damage: Callable[[Table], Table] | None
    ) -> Answer:
        table = publication.table
        filters = {
            name.lower(): codes
            for name, codes in request.query.items()
            if name.lower() not in ("format", "lang")
        }
        if unknown := [name for name in filters if name not in table.dimensions]:
            return refused(request, 400, 150, f"INVALID_QUERY_DIMENSION: {', '.join(unknown)}")
        # a code that is not there is no error here, but an empty cube
        table = table.select(filters)
        table = damage(table) if damage else table
        return Answer(body=[table.json_stat(publication.code, publication.last_change)], content_type=JSON)

    def queue(self, request: Request, statuses: list[str]) -> Answer:
        """The ticket for `request`, or its data once the ticket is available."""
        with self._lock:
            ticket = next(
                (
                    known
                    for known in self._tickets
                    if known.request.target == request.target and known.told != "EXPIRED"
                ),
                None,
            )
            if ticket is None:
                ticket = Ticket(request, partial(self.route, request), list(statuses))
                self._tickets.append(ticket)
        data = ticket.data()
        if ticket.told == "AVAILABLE" or data.status != 200:
            return data
        # the content type is that of the data asked for
        return replace(data, body=ticket_body("eurostat_200_queued.xml", ticket.id, "SUBMITTED"))

    def _async(self, request: Request, asked: str, ticket_id: str) -> Answer:
        with self._lock:
            ticket = next((known for known in self._tickets if known.id == ticket_id), None)
            if ticket and asked == "status":
                body = ticket_body("eurostat_200_async_status.xml", ticket.id, ticket.poll())
                return Answer(body=body, content_type=XML)
        if ticket is None or ticket.told == "EXPIRED":
            return refused(request, 400, 100, "UNKNOWN_REQUEST: Unknown request.")
        if ticket.told != "AVAILABLE":
            return refused(request, 400, 100, NOT_YET)
        return ticket.data()


def _message(structures: str) -> bytes:
    """A structure message as Eurostat writes one."""
    schemas = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1"
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<m:Structure xmlns:m=\"{schemas}/message\" "
        f'xmlns:s="{schemas}/structure" xmlns:c="{schemas}/common"><m:Header><m:ID>DS</m:ID></m:Header>'
        f"<m:Structures>{structures}</m:Structures></m:Structure>"
    ).encode()


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.provider", description="Serve a folder as Eurostat.")
    parser.add_argument("folder", type=Path, help="its files named <code>.tsv.gz are the tables")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    arguments = parser.parse_args()
    with EurostatServer(arguments.port) as server:
        for path in sorted(arguments.folder.glob("*.tsv.gz")):
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            server.serve_file(path.name.split(".")[0], path, changed)
        print(server.base_url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
