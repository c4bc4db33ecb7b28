"""SDMX-ML 2.1 generic data as ISTAT serves it, read as a stream: memory does not grow with the body.

expat reports elements as they come and builds no tree. A document type declaration is refused before anything in it is
read, so there are no entities to expand; depth, the length of one tag and the size of a key are capped. Attributes other
than OBS_STATUS and CONF_STATUS are left out. Does not belong here: structures (`sdmx_structure.py`).
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

from sources.common.sql import identifier, literal
from sources.errors import NotData, UnreadableBody
from sources.formats.staged import Staged, check_dimensions, decoding, period

CHUNK = 1 << 16
DEEPEST = 32
LONGEST_TAG = 1 << 20
MOST_CONCEPTS = 64
TIME = "TIME_PERIOD"


def decode(body: Path, gzipped: bool, dimensions: list[str], folder: Path) -> Staged:
    """Stage the message in the file `body` into `folder`. `dimensions`: those expected, in any order.

    Raises UnreadableBody with line or observation, StructureChanged, NotData.
    """
    staged = Staged(folder)
    folder.mkdir(parents=True, exist_ok=True)
    series, cells = folder / "series.csv", folder / "cells.csv"
    try:
        with (
            open(series, "w", encoding="utf-8", newline="") as series_file,
            open(cells, "w", encoding="utf-8", newline="") as cells_file,
        ):
            numbers: dict[tuple[str, ...], int] = {}
            series_rows, cell_rows = csv.writer(series_file), csv.writer(cells_file)

            def keep(key: dict[str, str], time: str, value: str, flag: str, conf: str) -> None:
                if key.keys() != expected:
                    check_dimensions([concept.lower() for concept in key], dimensions)
                codes = tuple(key[concept] for concept in order)
                number = numbers.get(codes)
                if number is None:
                    number = numbers[codes] = len(numbers) + 1
                    series_rows.writerow([number, *codes])
                cell_rows.writerow([number, time, value, flag, conf])

            order = [dimension.upper() for dimension in dimensions]
            expected = set(order)
            _read(body, gzipped, keep)
        _stage(series, cells, dimensions, staged)
    finally:
        series.unlink(missing_ok=True)
        cells.unlink(missing_ok=True)
    return staged


def _stage(series: Path, cells: Path, dimensions: list[str], staged: Staged) -> None:
    def rows(path: Path, columns: dict[str, str]) -> str:
        return (
            f"read_csv({literal(path)}, auto_detect=false, header=false, delim=',', quote='\"', escape='\"', "
            f"strict_mode=true, nullstr='', columns={columns})"
        )

    codes = rows(series, {"series": "INTEGER", **dict.fromkeys(dimensions, "VARCHAR")})
    found = rows(cells, {"series": "INTEGER", **dict.fromkeys(("given", "value", "flag", "conf"), "VARCHAR")})
    # an annual figure may be dated by its first day, and then only its frequency says so
    annual = "f.freq = 'A' and regexp_full_match(o.given, '[0-9]{4}-01-01')"
    moment = (
        f"case when {annual} then left(o.given, 4) else p.period end" if "freq" in dimensions else "p.period"
    )
    with decoding(staged.folder) as con:
        columns = ", ".join(f"coalesce({identifier(d)}, '') as {identifier(d)}" for d in dimensions)
        con.execute(f"create temp table codes as select series, {columns} from {codes}")
        con.execute(f"create temp table cells as from {found}")
        con.execute("create temp table periods (given varchar, period varchar)")
        for (given,) in con.execute("select distinct given from cells").fetchall():
            con.execute("insert into periods values (?, ?)", [given, period(given or "")])
        con.execute(
            f"copy (from codes order by series) to {literal(staged.series)} (format parquet, compression zstd)"
        )
        place = "'of series ' || o.series || ' at ' || o.given"
        con.execute(f"""
            copy (
                select o.series, {moment} as period, read_value(coalesce(o.value, ''), {place}, o.value) as value,
                       read_flag(coalesce(o.flag, ''), {place}, o.flag) as flag, read_conf(o.conf, {place}, o.conf) as conf
                from cells o join codes f using (series) join periods p using (given)
                where o.value is not null or o.flag is not null or o.conf is not null
                order by o.series, period
            ) to {literal(staged.part())} (format parquet, compression zstd)""")


def _read(body: Path, gzipped: bool, keep: Callable[[dict[str, str], str, str, str, str], None]) -> None:
    """Call `keep` with key, period, value, flag and confidentiality of each observation, as text."""
    message = _Message(keep)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = message.start
    parser.EndElementHandler = message.end
    fed = 0
    try:
        with gzip.open(body, "rb") if gzipped else open(body, "rb") as handle:
            while chunk := handle.read(CHUNK):
                fed += len(chunk)
                parser.Parse(chunk, False)
                if fed - parser.CurrentByteIndex > LONGEST_TAG:
                    raise UnreadableBody(f"A tag of more than {LONGEST_TAG:,} bytes.")
            parser.Parse(b"", True)
    except expat.ExpatError as failure:
        raise UnreadableBody(
            f"Not XML at line {failure.lineno}: {expat.ErrorString(failure.code)}."
        ) from None
    except (ValueError, LookupError) as failure:
        raise UnreadableBody(f"Not XML: {failure}.") from None
    except (EOFError, zlib.error, OSError) as failure:
        raise UnreadableBody(f"The body breaks off: {failure}.") from None
    if not message.has_data_set:
        raise NotData("An SDMX message without a data set.")


def _no_doctype(*_: Any) -> None:
    raise UnreadableBody("A document type declaration, which SDMX-ML never has: refused unread.")


class _Message:
    """The state between two events of the parser."""

    def __init__(self, keep: Callable[[dict[str, str], str, str, str, str], None]):
        self.keep = keep
        self.depth = 0
        self.has_data_set = False
        self.key: dict[str, str] = {}
        self.into: dict[str, str] | None = None
        self.observation: dict[str, str] | None = None
        self.attributes: dict[str, str] = {}

    def start(self, tag: str, given: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise UnreadableBody(f"Elements nested deeper than {DEEPEST}.")
        local = tag.rpartition(":")[2]
        if self.depth == 1 and local != "GenericData":
            raise NotData(f"No SDMX-ML generic data: the message is {tag[:80]}.")
        match local:
            case "DataSet":
                self.has_data_set = True
            case "Series":
                self.key = {}
            case "SeriesKey":
                self.into = self.key
            case "Obs":
                self.observation, self.attributes = {}, {}
            case "Attributes":
                self.into = self.attributes if self.observation is not None else None
            case "ObsKey":
                raise UnreadableBody(
                    "Observations without series: ask with dimensionAtObservation=TIME_PERIOD."
                )
            case "Value" if self.into is not None:
                self._value(given)
            case "ObsDimension":
                self._once("time", given)
                if given.get("id", TIME) != TIME:
                    raise UnreadableBody(f"Observations by {given['id'][:80]}, not by {TIME}.")
            case "ObsValue":
                self._once("value", given)

    def end(self, tag: str) -> None:
        self.depth -= 1
        match tag.rpartition(":")[2]:
            case "SeriesKey" | "Attributes":
                self.into = None
            case "Obs":
                found, self.observation = self.observation or {}, None
                if "time" not in found:
                    raise UnreadableBody("An observation without a period.")
                value = found.get("value", "")
                self.keep(
                    self.key,
                    found["time"],
                    "" if value == "NaN" else value,
                    self.attributes.get("OBS_STATUS", ""),
                    self.attributes.get("CONF_STATUS", ""),
                )

    def _value(self, given: dict[str, str]) -> None:
        concept, code = given.get("id"), given.get("value")
        if concept is None or code is None or concept in self.into or len(self.into) == MOST_CONCEPTS:
            raise UnreadableBody(
                f"{'A value' if concept is None else concept[:80]} is incomplete or stands twice."
            )
        self.into[concept] = code

    def _once(self, what: str, given: dict[str, str]) -> None:
        if self.observation is None or what in self.observation or "value" not in given:
            raise UnreadableBody(
                f"The {what} of an observation is missing, stands twice, or stands outside of one."
            )
        self.observation[what] = given["value"]
