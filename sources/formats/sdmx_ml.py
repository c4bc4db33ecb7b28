"""SDMX-ML 2.1 generic data as ISTAT serves it, read as a stream: memory does not grow with the body.

expat reports elements as they come and builds no tree. A document type declaration is refused before anything in it is
read, so there are no entities to expand; depth, the length of one tag and the size of a key are capped. Attributes other
than OBS_STATUS and CONF_STATUS are left out. A message names the line of the XML, and the concept where a table has a
column. Does not belong here: structures (`sdmx_structure.py`).
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

from sources.common.sql import literal
from sources.errors import NotData, UnreadableBody
from sources.formats import BodyFile, TableSpec
from sources.formats.keys import empty_key, period_table
from sources.formats.staged import Staged, check_dimensions, decoding
from sources.formats.write import write_series

CHUNK = 1 << 16
DEEPEST = 32
LONGEST_TAG = 1 << 20
MOST_CONCEPTS = 64
TIME = "TIME_PERIOD"


# key, line, period, value, status and confidentiality of an observation
Keep = Callable[[dict[str, str], int, str, str, str, str], None]
CELLS = ("line", "given", "value", "status", "conf")


def decode(body: BodyFile, table: TableSpec, folder: Path) -> Staged:
    """Stage the message. Raises as `Decoder` says."""
    folder.mkdir(parents=True, exist_ok=True)
    series, cells = folder / "series.csv", folder / "cells.csv"
    order = [dimension.upper() for dimension in table.dimensions]
    expected = set(order)
    numbers: dict[tuple[str, ...], int] = {}
    try:
        with (
            open(series, "w", encoding="utf-8", newline="") as series_file,
            open(cells, "w", encoding="utf-8", newline="") as cells_file,
        ):
            series_rows, cell_rows = csv.writer(series_file), csv.writer(cells_file)

            def keep(key: dict[str, str], line: int, time: str, value: str, status: str, conf: str) -> None:
                if key.keys() != expected:
                    check_dimensions([concept.lower() for concept in key], table.dimensions)
                codes = tuple(key[concept] for concept in order)
                number = numbers.get(codes)
                if number is None:
                    if empty := [concept for concept in order if not key[concept].strip()]:
                        raise empty_key(line, empty[0])
                    number = numbers[codes] = len(numbers) + 1
                    series_rows.writerow([number, *codes])
                cell_rows.writerow([number, line, time, value, status, conf])

            _read(body, keep)
        return _stage(series, cells, table, Staged(folder))
    finally:
        series.unlink(missing_ok=True)
        cells.unlink(missing_ok=True)


def _stage(series: Path, cells: Path, table: TableSpec, staged: Staged) -> Staged:
    def rows(path: Path, columns: dict[str, str]) -> str:
        return (
            f"read_csv({literal(path)}, auto_detect=false, header=false, delim=',', quote='\"', escape='\"', "
            f"strict_mode=true, nullstr='', columns={columns})"
        )

    codes = rows(series, {"number": "INTEGER", **dict.fromkeys(table.dimensions, "VARCHAR")})
    types = {"number": "INTEGER", **dict.fromkeys(CELLS, "VARCHAR"), "line": "INTEGER"}
    freq = "freq" if "freq" in table.dimensions else None

    def place(concept: str) -> str:
        return f"'of row ' || line || ', column {concept}'"

    with decoding(staged.folder) as con:
        con.execute(f"create temp table keys as from {codes}")
        con.execute(
            f"create temp table cells as select c.*, k.* exclude (number) from {rows(cells, types)} c join keys k using (number)"
        )
        period_table(con, "cells", "given", TIME, table.frequencies, freq)
        con.execute(
            f"create temp view dated as select c.*, p.period from cells c join periods p "
            f"on coalesce(c.given, '') = p.given and {'c.freq' if freq else chr(39) * 2} = p.freq_given"
        )
        return write_series(
            con,
            "dated",
            table.dimensions,
            staged,
            where="lower(coalesce(value, '')) not in ('', 'nan') or lower(coalesce(status, '')) not in ('', 'a', '_u', '_z') "
            "or coalesce(conf, 'F') <> 'F'",
            value=f"read_sdmx_value(coalesce(value, ''), {place('OBS_VALUE')}, value)",
            flag=f"read_status(coalesce(status, ''), {place('OBS_STATUS')}, status)",
            conf=f"read_conf(conf, {place('CONF_STATUS')}, conf)",
        )


def _read(body: BodyFile, keep: Keep) -> None:
    """Call `keep` with the parts of each observation, as text."""
    parser = expat.ParserCreate()
    message = _Message(keep, lambda: parser.CurrentLineNumber)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = message.start
    parser.EndElementHandler = message.end
    fed = 0
    try:
        with body.open() as handle:
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

    def __init__(self, keep: Keep, line: Callable[[], int]):
        self.keep, self.line = keep, line
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
                self.keep(
                    self.key,
                    self.line(),
                    found["time"].strip(),
                    found.get("value", "").strip(),
                    self.attributes.get("OBS_STATUS", "").strip(),
                    self.attributes.get("CONF_STATUS", "").strip(),
                )

    def _value(self, given: dict[str, str]) -> None:
        concept, code, into = given.get("id"), given.get("value"), self.into or {}
        if concept is None or code is None or concept in into or len(into) == MOST_CONCEPTS:
            raise UnreadableBody(
                f"{'A value' if concept is None else concept[:80]} is incomplete or given twice."
            )
        if self.into is not None:
            self.into[concept] = code

    def _once(self, what: str, given: dict[str, str]) -> None:
        if self.observation is None or what in self.observation or "value" not in given:
            raise UnreadableBody(
                f"The {what} of an observation is missing, given twice, or outside of an observation."
            )
        self.observation[what] = given["value"]
