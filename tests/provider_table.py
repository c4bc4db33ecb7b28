"""Tables as Eurostat holds them, and every form in which it serves them.

Belongs here: figures and their wire formats. Does not belong here: requests and failures (`provider.py`,
`provider_faults.py`).
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

HOME = ZoneInfo("Europe/Luxembourg")


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


def _number(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
