"""ISTAT on loopback: the SDMX service and the host of the archive, on good and bad days.

Belongs here: what ISTAT serves. The transport and the ways it fails are `provider.py`'s. Does not belong here: what a test
expects.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatch
from xml.sax.saxutils import quoteattr

from tests.provider import Answer, EurostatServer, Request

REST = "/SDMXWS/rest"
ARCHIVE = "/storage"
FIRST_CHANGE = "2025-06-30T15:22:06.201Z"
GENERIC = "application/vnd.sdmx.genericdata+xml; version=2.1; charset=utf-8"
STRUCTURE = "application/vnd.sdmx.structure+xml; version=2.1; charset=utf-8"
MESSAGE = (
    '<?xml version="1.0" encoding="utf-8"?><!--NSI Web Service v9.11.0.0--><message:{kind} '
    'xmlns:message="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message" '
    'xmlns:structure="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/structure" '
    'xmlns:generic="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/generic" '
    'xmlns:common="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common">'
    "<message:Header><message:ID>IREF{number:06}</message:ID><message:Test>false</message:Test>"
    "<message:Prepared>2026-11-23T05:15:{second:02}</message:Prepared>{about}</message:Header>{body}</message:{kind}>"
)
Cells = dict[tuple[str, ...], dict[str, str]]


@dataclass
class Table:
    """A dataflow: cells by key and period, such as `5.1` or `5.1 p`; `dimensions` in the order of the key."""

    dimensions: list[str]
    cells: Cells
    last_update: str | None = FIRST_CHANGE
    constraint: dict[str, list[str]] = field(default_factory=dict)

    def select(self, key: str) -> Cells:
        wanted = [set(slot.split("+")) if slot else None for slot in key.split(".")]
        return {
            codes: cells
            for codes, cells in self.cells.items()
            if all(slot is None or code in slot for slot, code in zip(wanted, codes, strict=True))
        }

    def codes(self, position: int) -> list[str]:
        return sorted({key[position] for key in self.cells})


def generic(dimensions: list[str], cells: Cells, number: int = 1, code: str = "TOY") -> bytes:
    """A message of generic data. The number and the time of preparation differ from answer to answer."""
    series = []
    for key, row in cells.items():
        values = "".join(
            f'<generic:Value id="{d}" value={quoteattr(c)} />' for d, c in zip(dimensions, key, strict=True)
        )
        observations = []
        for moment, cell in row.items():
            value, _, flag = cell.partition(" ")
            told = f'<generic:ObsDimension id="TIME_PERIOD" value="{moment}" />'
            told += f'<generic:ObsValue value="{value}" />' if value else ""
            if flag:
                told += f'<generic:Attributes><generic:Value id="OBS_STATUS" value="{flag}" /></generic:Attributes>'
            observations.append(f"<generic:Obs>{told}</generic:Obs>")
        series.append(
            f"<generic:Series><generic:SeriesKey>{values}</generic:SeriesKey>"
            '<generic:Attributes><generic:Value id="UNIT_MEAS" value="VAL_PERC" /></generic:Attributes>'
            f"{''.join(observations)}</generic:Series>"
        )
    about = (
        f'<message:Sender id="SOME_NSI" /><message:Structure structureID="S" dimensionAtObservation="TIME_PERIOD">'
        f'<common:StructureUsage><Ref agencyID="IT1" id="{code}" version="1.0" /></common:StructureUsage></message:Structure>'
    )
    body = f'<message:DataSet action="Information" structureRef="S">{"".join(series)}</message:DataSet>'
    return MESSAGE.format(
        kind="GenericData", number=number, second=number % 60, about=about, body=body
    ).encode()


def archive(rows: list[tuple[str, ...]], name: str = "Archivio_unico_indicatori_regionali.csv") -> bytes:
    """The archive of regional indicators: `(indicator, unit, territory, year, value)` a row."""
    header = "COD_INDICATORE;TITOLO;SOTTOTITOLO;UNITA_MISURA; 1° OBIETTIVO;DESCRIZIONE_RIPARTIZIONE;ANNO_RIFERIMENTO;VALORE"
    lines = [f'{c};"Titolo; con punto e virgola";;{u};;{t};{y};{v}' for c, u, t, y, v in rows]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo(name), "\r\n".join([header, *lines, ""]).encode("utf-8-sig"))
    return packed.getvalue()


class IstatServer(EurostatServer):
    """ISTAT, up inside its `with` block. `behave` takes paths: `*/data/*`, `*/dataflow/*`."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.flows: dict[str, Table] = {}
        self.archive = b""
        self._said: list[tuple[str, Answer]] = []
        self._number = 0
        # five queries a minute; a test shortens the minute together with the interval
        self.most_per_minute, self.minute_s = 5, 0.0
        self.asked_at: list[float] = []
        self._banned = False

    def limited(self, request: Request) -> Answer | None:
        """A sixth query within a minute bans the address for two days: no request is answered any more."""
        if request.path.startswith(REST):
            recent = [one for one in self.asked_at if request.time - one < self.minute_s]
            if len(recent) >= self.most_per_minute and not self._banned:
                self._banned = True
                self.violations.append(f"{len(recent) + 1} queries within a minute")
            self.asked_at.append(request.time)
        return Answer(403, b"Forbidden") if self._banned else super().limited(request)

    @property
    def host(self) -> str:
        # by name, so that its rate limit is not that of the other providers on loopback
        return f"http://localhost:{self.port}"

    @property
    def asked(self) -> list[str]:
        """The paths asked for, below the service's own."""
        return [request.path.removeprefix(f"{REST}/") for request in self.requests]

    def publish(self, code: str, dimensions: list[str], cells: Cells, **keys: object) -> None:
        """Publish or replace a dataflow; without `last_update`, a replaced one changed a day after it last did."""
        known = self.flows.get(code)
        if known and known.last_update and "last_update" not in keys:
            moment = datetime.fromisoformat(known.last_update) + timedelta(days=1)
            keys["last_update"] = moment.isoformat().replace("+00:00", "Z")
        self.flows[code] = Table(dimensions, cells, **keys)

    def say(self, pattern: str, status: int, body: str | bytes, content_type: str = "text/plain") -> None:
        """Answer what matches `pattern` with this from now on."""
        data = body.encode() if isinstance(body, str) else body
        self._said.insert(0, (pattern, Answer(status, data, content_type)))

    def route(self, request: Request, damage: object = None) -> Answer:
        return next((a for p, a in self._said if fnmatch(request.path, p)), None) or self._good(request)

    def _good(self, request: Request) -> Answer:
        if request.path.startswith(f"{ARCHIVE}/"):
            return Answer(body=self.archive, content_type="application/zip")
        match request.path.removeprefix(f"{REST}/").split("/"):
            case ["dataflow", "IT1", code] if code in self.flows:
                return self._message(self._dataflow(code))
            case ["datastructure", "IT1", dsd, "1.0"] if dsd.removeprefix("DSD_") in self.flows:
                return self._message(self._structure(dsd.removeprefix("DSD_")))
            case ["availableconstraint", flow, "all", "all", dimension] if self._code(flow) in self.flows:
                return self._message(self._constraint(self._code(flow), dimension))
            case ["data", flow, key, "ALL"] if flow.removeprefix("IT1,") in self.flows:
                return self._data(request, flow.removeprefix("IT1,"), key)
        return Answer(404, b"NoRecordsFound")

    @staticmethod
    def _code(flow: str) -> str:
        return flow.removeprefix("IT1,").removesuffix(",1.0")

    def _data(self, request: Request, code: str, key: str) -> Answer:
        table = self.flows[code]
        if "genericdata+xml" not in request.headers.get("Accept", ""):
            return Answer(406, b"Not acceptable")
        if len(key.split(".")) != len(table.dimensions):
            return Answer(400, b"Not enough key values")
        cells = table.select(key)
        if not cells:
            return Answer(404, b"NoRecordsFound")
        self._number += 1
        return Answer(body=[generic(table.dimensions, cells, self._number, code)], content_type=GENERIC)

    def _message(self, structures: str) -> Answer:
        body = f"<message:Structures>{structures}</message:Structures>"
        text = MESSAGE.format(kind="Structure", number=1, second=1, about="", body=body)
        return Answer(body=text.encode(), content_type=STRUCTURE)

    def _dataflow(self, code: str) -> str:
        stamp = self.flows[code].last_update
        note = (
            f'<common:Annotation id="LAST_UPDATE"><common:AnnotationTitle>{stamp}</common:AnnotationTitle>'
            "<common:AnnotationType>LAST_UPDATE</common:AnnotationType></common:Annotation>"
        )
        return (
            f'<structure:Dataflows><structure:Dataflow id="{code}" agencyID="IT1" version="1.0" isFinal="true">'
            f"<common:Annotations>{note if stamp else ''}</common:Annotations>"
            f'<common:Name xml:lang="it">Prova</common:Name><structure:Structure><Ref id="DSD_{code}" version="1.0" '
            'agencyID="IT1" package="datastructure" class="DataStructure" /></structure:Structure>'
            "</structure:Dataflow></structure:Dataflows>"
        )

    def _structure(self, code: str) -> str:
        listed = "".join(
            f'<structure:Dimension id="{d}" position="{i}" />'
            for i, d in enumerate(self.flows[code].dimensions, 1)
        )
        return (
            f'<structure:DataStructures><structure:DataStructure id="DSD_{code}" agencyID="IT1" version="1.0">'
            "<structure:DataStructureComponents><structure:DimensionList>"
            f'{listed}<structure:TimeDimension id="TIME_PERIOD" position="99" /></structure:DimensionList>'
            "</structure:DataStructureComponents></structure:DataStructure></structure:DataStructures>"
        )

    def _constraint(self, code: str, dimension: str) -> str:
        table = self.flows[code]
        there = {d: table.codes(i) for i, d in enumerate(table.dimensions)} | table.constraint
        values = "".join(
            f'<common:KeyValue id="{d}">{"".join(f"<common:Value>{c}</common:Value>" for c in codes)}</common:KeyValue>'
            for d, codes in there.items()
            if d == dimension
        )
        return (
            '<structure:Constraints><structure:ContentConstraint id="CR" agencyID="IT1" type="Actual">'
            f'<structure:CubeRegion include="true">{values}</structure:CubeRegion>'
            "</structure:ContentConstraint></structure:Constraints>"
        )
