"""Eurostat on loopback: a real HTTP server that answers as the dissemination API does, on good and bad days.

Belongs here: what Eurostat serves, and the ways it fails. Does not belong here: what a test expects.
For a person: `python -m tests.provider FOLDER` serves every `<code>.tsv.gz` of a folder.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import itertools
import json
import math
import re
import select
import socket
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from functools import cached_property, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

ERRORS = Path(__file__).parent / "specimens" / "errors"
BASE = "/eurostat/api/dissemination"
HOME = ZoneInfo("Europe/Luxembourg")
FIRST_CHANGE = datetime(2026, 5, 13, 11, tzinfo=HOME)
TSV, CSV, HTML = "text/tab-separated-values", "text/csv", "text/html"
JSON, XML = "application/json", "application/xml"
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
FAULT = (
    '<S:Fault xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"> <faultcode>{code}</faultcode> '
    "<faultstring>{words}</faultstring> </S:Fault>"
)
NO_SUCH_VALUE = (
    "INVALID_QUERY_DIMENSION_VALUE: Query is invalid as per its structure's definition. "
    "The following values for dimension are not allowed: {given}."
)
NOT_YET = (
    "DATA_NOT_YET_AVAILABLE: Requested data is not yet available for download. "
    "Check the status of your request."
)


@dataclass
class Table:
    """A table by series: `cells` maps codes, in the order of `dimensions`, to cells by period.

    A cell reads as in the bulk TSV: `5905`, `5905 p`, `: c`, `: @C`; an absent period is `:`.
    Pairs in place of the mapping may name a series twice.
    """

    dimensions: list[str]
    cells: dict[tuple[str, ...], dict[str, str]] | list[tuple[tuple[str, ...], dict[str, str]]]
    periods: list[str] | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        self.series = list(self.cells.items()) if isinstance(self.cells, dict) else self.cells
        if self.periods is None:
            self.periods = sorted({period for _, cells in self.series for period in cells})

    @classmethod
    def parse(cls, tsv: str) -> Table:
        """The table of a bulk TSV, in its present or its old layout."""
        header, *lines = tsv.splitlines()
        first, *columns = header.split("\t")
        periods = [column.strip() for column in columns]
        rows = (line.split("\t") for line in lines)
        return cls(
            first.partition("\\")[0].split(","),
            [
                (tuple(key.split(",")), dict(zip(periods, map(str.strip, cells), strict=True)))
                for key, *cells in rows
            ],
            periods,
        )

    def select(self, filters: dict[str, list[str]], since: str = "") -> Table:
        """The series whose codes are asked for, from the period `since` on, in any case of letters."""
        wanted = [
            (self.dimensions.index(name), {code.lower() for code in codes}) for name, codes in filters.items()
        ]
        return replace(
            self,
            periods=[period for period in self.periods if period >= since],
            cells=[
                (key, cells)
                for key, cells in self.series
                if all(key[i].lower() in codes for i, codes in wanted)
            ],
        )

    def codes(self, position: int) -> list[str]:
        return list(dict.fromkeys(key[position] for key, _ in self.series))

    def cube(self, filters: dict[str, list[str]]) -> int:
        """Cells of the whole cube of what is asked for, populated or not: what Eurostat estimates an extraction by."""
        sides = (len(filters.get(name, self.codes(i))) for i, name in enumerate(self.dimensions))
        return math.prod(sides) * len(self.periods)

    def tsv(self) -> bytes:
        first = ",".join(self.dimensions) + r"\TIME_PERIOD"
        lines = ["\t".join([first, *(f"{period} " for period in self.periods)])]
        for key, cells in self.series:
            row = (cells.get(period, ":") for period in self.periods)
            # a blank ends a bare value or colon; after a flag there is none
            ended = (cell if " " in cell or not cell else f"{cell} " for cell in row)
            lines.append("\t".join([",".join(key), *ended]))
        return "".join(f"{line}\r\n" for line in lines).encode(self.encoding)

    def sdmx_csv(self, code: str, last_change: datetime) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        measures = "TIME_PERIOD", "OBS_VALUE", "OBS_FLAG", "CONF_STATUS"
        writer.writerow(["DATAFLOW", "LAST UPDATE", *self.dimensions, *measures])
        about = f"ESTAT:{code.upper()}(1.0)", f"{last_change.astimezone(HOME):%d/%m/%y %H:%M:%S}"
        for key, period, *cell in self._observations():
            writer.writerow([*about, *key, period, *cell])
        return text.getvalue().encode(self.encoding)

    def json_stat(self, code: str, last_change: datetime) -> bytes:
        """JSON-stat 2.0; labels are the codes."""
        stamp = f"{last_change.astimezone(HOME):%Y-%m-%dT%H:%M:%S%z}"
        axes = {name: self.codes(i) for i, name in enumerate(self.dimensions)} | {"time": self.periods}
        places = [{text: i for i, text in enumerate(found)} for found in axes.values()]
        size = [len(found) for found in axes.values()]
        value, status = {}, {}
        for key, period, number, flag, conf in self._observations():
            at = (place[text] for place, text in zip(places, (*key, period), strict=True))
            cell = str(sum(position * math.prod(size[i + 1 :]) for i, position in enumerate(at)))
            if number:
                value[cell] = _number(number)
            if flag or conf:
                status[cell] = f"{flag}|{conf}" if conf else flag
        annotations = [
            {"type": "OBS_COUNT", "title": str(len(value))},
            {"type": "UPDATE_DATA", "date": stamp},
        ]
        cube = {
            "version": "2.0",
            "class": "dataset",
            "label": code.upper(),
            "source": "ESTAT",
            "updated": stamp,
            "value": value,
            "status": status,
            "id": list(axes),
            "size": size,
            "dimension": {
                name: {"label": name, "category": {"index": place, "label": {text: text for text in place}}}
                for name, place in zip(axes, places, strict=True)
            },
            "extension": {
                "lang": "EN",
                "id": code.upper(),
                "agencyId": "ESTAT",
                "version": "1.0",
                "annotation": annotations,
            },
        }
        if not status:
            del cube["status"]
        return json.dumps(cube, ensure_ascii=False).encode(self.encoding)

    def _observations(self) -> Iterator[tuple[tuple[str, ...], str, str, str, str]]:
        """Key, period, value, flag and confidentiality; a bare colon is no observation."""
        for key, cells in self.series:
            for period in self.periods:
                text, _, conf = cells.get(period, ":").partition("@")
                number, _, flag = text.strip().partition(" ")
                number = "" if number == ":" else number
                if number or flag or conf:
                    yield key, period, number, flag, conf


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


@dataclass(frozen=True)
class Request:
    """One request as it came in; `code` is the table asked for in lower case, `inventory`, or empty."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    time: float
    target: str
    body: bytes = b""

    @property
    def code(self) -> str:
        found = re.match(rf"{BASE}/(?:sdmx/2\.1|statistics/1\.0)/data/([^/]+)", self.path)
        return found[1].lower() if found else "inventory" if self.path == f"{BASE}/files/inventory" else ""

    @property
    def is_statistics(self) -> bool:
        return self.path.startswith(f"{BASE}/statistics/")


@dataclass(frozen=True)
class Answer:
    """`body` is whole, or comes in chunks; `end` is how the connection ends where it does not end well."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    content_type: str = "text/plain"
    headers: dict[str, str] = field(default_factory=dict)
    end: str = ""


@dataclass
class Ticket:
    """A queued extraction; each poll tells the next of `statuses`, the last one for ever."""

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


class EurostatServer:
    """The provider, up inside its `with` block; `stop` and `start` take it down and up on the same port."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.tables: dict[str, Publication] = {}
        self.most_cells = math.inf  # of one extraction
        self.after: Callable[[Request], None] = lambda request: None
        self.answer_of: dict[str, Answer] = {}  # by pattern of the path, before anything else
        self.stopping = threading.Event()  # one for each start
        self._rules: list[Rule] = []
        self._requests: list[Request] = []
        self._tickets: list[Ticket] = []
        self._lock = threading.Lock()
        self._http: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.stopping = threading.Event()
        self._http = _Listener(("127.0.0.1", self.port), partial(_Handler, self))
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on; answers that still run break off."""
        if self._http:
            self.stopping.set()
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{BASE}"

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

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
        self.tables[code.lower()] = Publication(code.lower(), _packed(tsv), last_change)

    def behave(
        self, pattern: str, behaviour: str | int, times: int | None = None, argument: Any = None
    ) -> None:
        """Answer what matches `pattern` with `behaviour`, the first `times` times or always.

        `pattern`: a table's code, `inventory`, or a path; `*` stands for anything. Of several that match, the
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
                return _not_found(request)

    def _inventory(self) -> bytes:
        lines = ["\t".join(INVENTORY)]
        for publication in self.tables.values():
            code = publication.code.upper()
            formats = (
                f"{self.base_url}/sdmx/2.1/data/{code}?format={name}&compressed=true"
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
            return _refused(request, 400, 140, f"Syntax error: format {format}")
        if not key and (refused := self._too_big(publication.table, {})):
            return refused
        if format == "TSV" and not (key or since or damage):
            body = publication.packed
        else:
            table = publication.table
            slots = key.split(".") if key else [""] * len(table.dimensions)
            if len(slots) != len(table.dimensions):
                given = f"{len(slots)} for {len(table.dimensions)}"
                return _refused(request, 400, 140, f"INVALID_QUERY_NB_FILTERS: {given}")
            filters = {
                name: slot.split("+") for name, slot in zip(table.dimensions, slots, strict=True) if slot
            }
            for name, codes in filters.items():
                if unknown := sorted(set(codes) - set(table.codes(table.dimensions.index(name)))):
                    given = f"{name.upper()}={','.join(unknown)}"
                    return _refused(request, 400, 150, NO_SUCH_VALUE.format(given=given))
            if refused := self._too_big(table, filters):
                return refused
            table = table.select(filters, since)
            if not table.periods:
                return _refused(request, 400, 150, NO_SUCH_VALUE.format(given=f"TIME_PERIOD={since}"))
            if not table.series:
                return _refused(request, 404, 100, "No results found")
            table = damage(table) if damage else table
            about = publication.code, publication.last_change
            body = table.tsv() if format == "TSV" else table.sdmx_csv(*about)
        compressed = request.query.get("compressed", ["false"])[0] == "true"
        # gzip comes without a Content-Encoding, and data without a Content-Length
        return Answer(
            body=[_packed(body) if compressed else _unpacked(body)],
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
            return _refused(request, 400, 150, f"INVALID_QUERY_DIMENSION: {', '.join(unknown)}")
        # a code that is not there is no error here, but an empty cube
        table = table.select(filters)
        table = damage(table) if damage else table
        return Answer(body=[table.json_stat(publication.code, publication.last_change)], content_type=JSON)

    def queue(self, request: Request, statuses: list[str]) -> Answer:
        """The ticket for `request`, or its data once the ticket has been told available."""
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
        return replace(data, body=_told("eurostat_200_queued.xml", ticket.id, "SUBMITTED"))

    def _async(self, request: Request, asked: str, ticket_id: str) -> Answer:
        with self._lock:
            ticket = next((known for known in self._tickets if known.id == ticket_id), None)
            if ticket and asked == "status":
                body = _told("eurostat_200_async_status.xml", ticket.id, ticket.poll())
                return Answer(body=body, content_type=XML)
        if ticket is None or ticket.told == "EXPIRED":
            return _refused(request, 400, 100, "UNKNOWN_REQUEST: Unknown request.")
        if ticket.told != "AVAILABLE":
            return _refused(request, 400, 100, NOT_YET)
        return ticket.data()


@dataclass(frozen=True)
class Exchange:
    """What a behaviour may look at: the provider, the request, and its own argument."""

    provider: EurostatServer
    request: Request
    argument: Any

    @cached_property
    def good(self) -> Answer:
        """The answer of a good day."""
        return self.provider.route(self.request)

    @cached_property
    def body(self) -> bytes:
        """The body of the good answer, in one piece."""
        return self.good.body if isinstance(self.good.body, bytes) else b"".join(self.good.body)

    def specimen(self, status: int, name: str, content_type: str) -> Answer:
        return Answer(status, (ERRORS / name).read_bytes(), content_type)

    def redirect(self, root: str, prefix: str) -> Answer:
        target = self.request.target.replace(f"{BASE}/", f"{BASE}/{prefix}", 1)
        return Answer(302, headers={"Location": root + target})


def _not_found(request: Request) -> Answer:
    code = request.code.upper() or request.path
    if not request.is_statistics:
        words = f"ERR_NOT_FOUND_2: DATA_SET:{code} is not available for dissemination."
        return _refused(request, 404, 100, words)
    text = (ERRORS / "eurostat_404_not_found.json").read_text()
    return Answer(404, text.replace("NOT_A_DATASET", code).encode(), JSON)


def _refused(request: Request, status: int, code: int, words: str) -> Answer:
    """A failure in the words of the API that was asked."""
    if request.is_statistics:
        told = {"error": [{"status": status, "id": code, "label": words}]}
        return Answer(status, json.dumps(told).encode(), JSON)
    return Answer(status, FAULT.format(code=code, words=words).encode(), XML)


def _message(structures: str) -> bytes:
    """A structure message as Eurostat writes one."""
    schemas = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1"
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<m:Structure xmlns:m=\"{schemas}/message\" "
        f'xmlns:s="{schemas}/structure" xmlns:c="{schemas}/common"><m:Header><m:ID>DS</m:ID></m:Header>'
        f"<m:Structures>{structures}</m:Structures></m:Structure>"
    ).encode()


def _told(name: str, ticket: str, status: str) -> bytes:
    text = (ERRORS / name).read_text()
    return text.replace("e3d39a1b-27eb-4ce4-936d-8f95b23bf74f", ticket).replace("SUBMITTED", status).encode()


def _packed(body: bytes) -> bytes:
    return body if body.startswith(b"\x1f\x8b") else gzip.compress(body, compresslevel=6, mtime=0)


def _unpacked(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def _number(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


# figures that are wrong, in every format


def _empty(table: Table) -> Table:
    return replace(table, cells=[])


def _reordered(table: Table) -> Table:
    return replace(
        table, dimensions=table.dimensions[::-1], cells=[(key[::-1], cells) for key, cells in table.series]
    )


def _renamed(table: Table) -> Table:
    """The first dimension that is neither freq nor geo, under another name."""
    chosen = next(name for name in table.dimensions if name not in ("freq", "geo"))
    return replace(table, dimensions=[f"{name}_new" if name == chosen else name for name in table.dimensions])


def _duplicated(table: Table) -> Table:
    return replace(table, cells=[*table.series, table.series[0]])


def _unreadable(table: Table) -> Table:
    (key, cells), *others = table.series
    return replace(table, cells=[(key, cells | {table.periods[0]: "n/a"}), *others])


def _latin1(table: Table) -> Table:
    (key, cells), *others = table.series
    return replace(table, cells=[((*key[:-1], "Forlì"), cells), *others], encoding="latin-1")


FIGURES: dict[str, Callable[[Table], Table]] = {
    "empty_table": _empty,
    "reordered_dimensions": _reordered,
    "renamed_dimension": _renamed,
    "duplicated_keys": _duplicated,
    "unreadable_cell": _unreadable,
    "latin1": _latin1,
}


# answers that are wrong


def _bad_request(asked: Exchange) -> Answer:
    if asked.request.is_statistics:
        return asked.specimen(400, "eurostat_400_bad_dimension.json", JSON)
    return _refused(asked.request, 400, 150, NO_SUCH_VALUE.format(given="GEO=EU27"))


def _too_large(asked: Exchange) -> Answer:
    if asked.request.is_statistics:
        return asked.specimen(413, "eurostat_413_async.json", JSON)
    return _refused(asked.request, 413, 510, "Response size exceeds service limit")


def _async(asked: Exchange) -> Answer:
    """Queued for `argument` polls (2). The Statistics API gives no ticket."""
    if asked.request.is_statistics:
        return asked.specimen(200, "eurostat_200_warning_async.json", JSON)
    polls = 2 if asked.argument is None else asked.argument
    waiting = ["SUBMITTED", *["PROCESSING"] * (polls - 1)][:polls]
    return asked.provider.queue(asked.request, [*waiting, "AVAILABLE"])


def _rate_limited(asked: Exchange) -> Answer:
    """`Retry-After: argument` (1)."""
    wait = 1 if asked.argument is None else asked.argument
    return Answer(429, b"Too Many Requests", headers={"Retry-After": str(wait)})


def _truncated(asked: Exchange) -> Answer:
    packed = _packed(asked.body)
    return replace(asked.good, body=[packed[: len(packed) * 2 // 3]])


def _in_members(asked: Exchange) -> Answer:
    body = _unpacked(asked.body)
    half = len(body) // 2
    return replace(asked.good, body=[gzip.compress(body[:half]), gzip.compress(body[half:])])


def _encoded(asked: Exchange) -> Answer:
    return replace(asked.good, body=[_packed(asked.body)], headers={"Content-Encoding": "gzip"})


def _drip(asked: Exchange) -> Answer:
    body, stopping = asked.body or b" ", asked.provider.stopping

    def drops() -> Iterator[bytes]:
        for byte in itertools.cycle(body):
            yield bytes([byte])
            stopping.wait(0.2)

    return replace(asked.good, body=drops())


def _cut(asked: Exchange, end: str) -> Answer:
    promised = {"Content-Length": str(len(asked.body) + 1000)}
    return replace(asked.good, body=asked.body[: len(asked.body) // 2], headers=promised, end=end)


def _endless(asked: Exchange) -> Answer:
    lines = _unpacked(asked.body).splitlines(keepends=True)
    block = lines[-1] * (1 + (1 << 16) // len(lines[-1]))
    return replace(asked.good, body=itertools.chain(lines, itertools.repeat(block)))


def _bomb(asked: Exchange) -> Answer:
    """Zeros, `argument` bytes of them (300 MB), packed as they are sent."""

    def packed() -> Iterator[bytes]:
        left = asked.argument or 300_000_000
        packer = zlib.compressobj(1, wbits=31)
        while left > 0:
            yield packer.compress(bytes(min(left, 1 << 20)))
            left -= 1 << 20
        yield packer.flush()

    return replace(asked.good, body=packed())


ANSWERS: dict[str, Callable[[Exchange], Answer]] = {
    "400": _bad_request,
    "404": lambda asked: _not_found(asked.request),
    "413": _too_large,
    "500": lambda asked: _refused(asked.request, 500, 500, "Internal server error"),
    "503": lambda asked: _refused(asked.request, 503, 503, "Service unavailable"),
    "too_big": lambda asked: asked.specimen(413, "eurostat_413_too_big.xml", XML),
    "413_async": lambda asked: asked.specimen(413, "eurostat_413_async.json", JSON),
    "warning_200": lambda asked: asked.specimen(200, "eurostat_200_warning_async.json", JSON),
    "footer_413": lambda asked: asked.specimen(200, "eurostat_sdmx21_footer_413.xml", XML),
    "html_200": lambda asked: asked.specimen(200, "eurostat_200_maintenance.html", HTML),
    "fault_200": lambda asked: Answer(200, FAULT.format(code=150, words="Semantic error").encode(), XML),
    "rate_limited": _rate_limited,
    "banned": lambda asked: Answer(403, b"Forbidden"),
    "async": _async,
    "async_never": lambda asked: asked.provider.queue(asked.request, ["SUBMITTED", "PROCESSING"]),
    "async_expired": lambda asked: asked.provider.queue(asked.request, ["SUBMITTED", "EXPIRED"]),
    "redirect": lambda asked: asked.redirect("", "redirected/"),
    # the other host is this server too: whoever follows is seen in `requests`
    "redirect_elsewhere": lambda asked: asked.redirect(
        f"http://localhost:{asked.provider.port}", "redirected/"
    ),
    "redirect_loop": lambda asked: asked.redirect("", ""),
    "truncated_gzip": _truncated,
    "gzip_without_header": lambda asked: replace(asked.good, body=[_packed(asked.body)]),
    "gzip_with_header": _encoded,
    "gzip_in_members": _in_members,
    "wrong_content_type": lambda asked: replace(asked.good, content_type=HTML),
    "empty_body": lambda asked: replace(asked.good, body=b""),
    "hang": lambda asked: Answer(end="hang"),
    "slow_drip": _drip,
    "drop_connection": lambda asked: _cut(asked, "close"),
    "reset_connection": lambda asked: _cut(asked, "reset"),
    "huge_body": _endless,
    "zip_bomb": _bomb,
}


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, provider: EurostatServer, *connection: Any) -> None:
        self.provider, self.stopping = provider, provider.stopping
        super().__init__(*connection)

    def do_GET(self) -> None:
        url, posted = urlsplit(self.path), self.rfile.read(int(self.headers.get("Content-Length", 0)))
        about = parse_qs(url.query), dict(self.headers), time.time(), self.path, posted
        request = Request(self.command, unquote(url.path), *about)
        answer = self.provider.answer(request)
        # a connection an answer: a provider that is stopped leaves none open
        self.close_connection = True
        try:
            if answer.end == "hang":
                self._hang()
            else:
                self._send(answer)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has left

    do_POST = do_GET

    def _send(self, answer: Answer) -> None:
        whole = isinstance(answer.body, bytes)
        framing = {"Content-Length": str(len(answer.body))} if whole else {"Transfer-Encoding": "chunked"}
        headers = {"Content-Type": answer.content_type, "Connection": "close"} | framing | answer.headers
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if whole:
            self.wfile.write(answer.body)
        else:
            for chunk in answer.body:
                if self.stopping.is_set():
                    return
                if chunk:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")
        if answer.end == "reset":
            # closed with nothing to linger for, the socket sends RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()

    def _hang(self) -> None:
        while not self.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.05)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are recorded, not printed."""


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
