"""OECD on loopback: constraint, dataflow with its structure, and SDMX-CSV, on good and bad days.

Belongs here: what OECD serves. The transport and the ways it fails are `provider.py`'s. Does not belong here: what a test
expects.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatch

from tests.provider import Answer, EurostatServer, Request
from tests.provider_istat import MESSAGE, STRUCTURE, Cells, Table

REST = "/public/rest"
AGENCY = "OECD.CFE.EDS"
FIRST_CHANGE = "2026-07-08T09:33:35.737Z"


@dataclass
class Flow(Table):
    """A dataflow; a cell reads as value, OBS_STATUS (`A`) and UNIT_MULT (`0`): `4.1`, `4.1 B`, `4.1 A 6`."""

    version: str = "2.4"

    def sdmx_csv(self, code: str, cells: Cells) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        attributes = ["OBS_STATUS", "UNIT_MULT", "DECIMALS"]
        writer.writerow(
            ["STRUCTURE", "STRUCTURE_ID", "ACTION", *self.dimensions, "TIME_PERIOD", "OBS_VALUE", *attributes]
        )
        for key, row in cells.items():
            for period, cell in row.items():
                value, status, times = *cell.split(" "), *("A", "0")[cell.count(" ") :]
                writer.writerow(
                    [
                        "DATAFLOW",
                        f"{AGENCY}:{code}({self.version})",
                        "I",
                        *key,
                        period,
                        value,
                        status,
                        times,
                        "2",
                    ]
                )
        return text.getvalue().encode()


class OecdServer(EurostatServer):
    """OECD, up inside its `with` block. `behave` takes paths: `*/data/*`, `*/contentconstraint/*`."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.flows: dict[str, Flow] = {}
        self._said: list[tuple[str, Answer]] = []
        self.most_per_hour = 60
        # how OECD refuses what is too much: 429, or 403 with a text, by reports of its users
        self.too_many = Answer(429, b"Too Many Requests")

    def limited(self, request: Request) -> Answer | None:
        """More than sixty requests within an hour are refused."""
        recent = [one for one in self.requests if request.time - one.time < 3600]
        if len(recent) >= self.most_per_hour:
            self.violations.append(f"{len(recent) + 1} requests within an hour")
            return self.too_many
        return super().limited(request)

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
        if "last_update" not in keys:
            stamp = datetime.fromisoformat(known.last_update) + timedelta(days=1) if known else None
            keys["last_update"] = stamp.isoformat().replace("+00:00", "Z") if stamp else FIRST_CHANGE
        self.flows[code] = Flow(dimensions, cells, **keys)

    def say(
        self, pattern: str, status: int, body: str | bytes, content_type: str = "text/plain", **headers: str
    ) -> None:
        """Answer what matches `pattern` with this from now on."""
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._said.insert(0, (pattern, Answer(status, data, content_type, headers=named)))

    def route(self, request: Request, damage: object = None) -> Answer:
        said = next((a for p, a in self._said if fnmatch(request.path, p)), None)
        return said or self._good(request)

    def _good(self, request: Request) -> Answer:
        match request.path.removeprefix(f"{REST}/").split("/"):
            case ["contentconstraint", agency, name, *_] if (
                agency == AGENCY and name.removeprefix("CR_A_") in self.flows
            ):
                return self._message(self._constraint(name.removeprefix("CR_A_")))
            case ["dataflow", agency, code, version] if agency == AGENCY and code in self.flows:
                if version not in ("latest", self.flows[code].version):
                    return Answer(404, b"Could not find Dataflow and/or DSD related with this data request")
                return self._message(self._dataflow(code))
            case ["data", flow, key]:
                return self._data(request, flow, key)
        return Answer(404, b"NoResultsFound")

    def _data(self, request: Request, flow: str, key: str) -> Answer:
        if {"lastNObservations", "firstNObservations"} & set(request.query):
            return Answer(413, b"Restricted parameters")
        agency, code, version = flow.split(",")
        if agency != AGENCY or code not in self.flows or version != self.flows[code].version:
            return Answer(404, b"Could not find Dataflow and/or DSD related with this data request")
        table = self.flows[code]
        if len(key.split(".")) != len(table.dimensions):
            return Answer(403, b"Forbidden")
        cells = table.select(key)
        if not cells:
            return Answer(404, b"NoRecordsFound")
        return Answer(body=table.sdmx_csv(code, cells), content_type="application/vnd.sdmx.data+csv")

    def _message(self, structures: str) -> Answer:
        body = f"<message:Structures>{structures}</message:Structures>"
        text = MESSAGE.format(kind="Structure", number=1, second=1, about="", body=body)
        return Answer(body=text.encode(), content_type=STRUCTURE)

    def _constraint(self, code: str) -> str:
        table = self.flows[code]
        values = "".join(
            f'<common:KeyValue id="{d}">{"".join(f"<common:Value>{c}</common:Value>" for c in table.codes(i))}</common:KeyValue>'
            for i, d in enumerate(table.dimensions)
        )
        since = f' validFrom="{table.last_update}"' if table.last_update else ""
        return (
            f'<structure:Constraints><structure:ContentConstraint id="CR_A_{code}" agencyID="{AGENCY}" '
            f'version="{table.version}" type="Actual"{since}><structure:ConstraintAttachment><structure:Dataflow>'
            f'<Ref id="{code}" version="{table.version}" agencyID="{AGENCY}" package="datastructure" class="Dataflow" />'
            "</structure:Dataflow></structure:ConstraintAttachment>"
            f'<structure:CubeRegion include="true">{values}</structure:CubeRegion>'
            "</structure:ContentConstraint></structure:Constraints>"
        )

    def _dataflow(self, code: str) -> str:
        # the structure is not called as the id of the dataflow says: so it is with DSD_REG_LAB@DF_RATES
        dsd, version = f"DSD_OF_{code.split('@')[0]}", self.flows[code].version
        listed = "".join(
            f'<structure:Dimension id="{d}" position="{i}" />'
            for i, d in enumerate(self.flows[code].dimensions, 1)
        )
        return (
            f'<structure:Dataflows><structure:Dataflow id="{code}" agencyID="{AGENCY}" version="{version}">'
            f'<common:Name xml:lang="en">Trial</common:Name><structure:Structure><Ref id="{dsd}" version="{version}" '
            f'agencyID="{AGENCY}" package="datastructure" class="DataStructure" /></structure:Structure>'
            "</structure:Dataflow></structure:Dataflows>"
            f'<structure:DataStructures><structure:DataStructure id="{dsd}" agencyID="{AGENCY}" version="{version}">'
            "<structure:DataStructureComponents><structure:DimensionList>"
            f'{listed}<structure:TimeDimension id="TIME_PERIOD" position="99" /></structure:DimensionList>'
            "</structure:DataStructureComponents></structure:DataStructure></structure:DataStructures>"
        )
