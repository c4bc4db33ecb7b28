"""SDMX-CSV as Eurostat and OECD serve it, which is also the form of the bundled figures and of files that people write.

Eurostat: `DATAFLOW,LAST UPDATE,<dimensions>,TIME_PERIOD,OBS_VALUE,OBS_FLAG[,CONF_STATUS]`.
OECD: `STRUCTURE,STRUCTURE_ID,ACTION,<dimensions>,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MULT,...`: what follows OBS_VALUE
is an attribute if there is an OBS_STATUS; else it is an unknown column. A value is the cell times ten to the power of its
UNIT_MULT. `NaN` is SDMX's missing number.
A header with semicolons, as spreadsheets write it where the comma is the decimal mark, means a decimal comma in the values.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from sources.common.sql import literal
from sources.errors import NotData, UnreadableBody
from sources.formats import BodyFile, TableSpec
from sources.formats.keys import period_table, require_keys
from sources.formats.rows import as_text, first_lines, fitted, rows, rows_sql, separator_of, write_rows
from sources.formats.staged import Staged, check_dimensions, decoding
from sources.formats.write import write_series

MEASURES = {
    "time_period",
    "obs_value",
    "obs_flag",
    "obs_status",
    "unit_mult",
    "conf_status",
    "dataflow",
    "last update",
    "structure",
    "structure_id",
    "structure_name",
    "action",
}
# the columns that are read in addition to the dimensions
READ = ("time_period", "obs_value", "obs_flag", "obs_status", "conf_status", "unit_mult", "last update")
LINES_ABOVE = 60
MULTIPLIED = """
    create or replace temp macro multiplied(value, times, place) as
        case when coalesce(times, '') in ('', '0') then value
             when regexp_full_match(times, '-?[0-9]|1[0-5]') and coalesce(isfinite(value * power(10, times::tinyint)), true)
                 then value * power(10, times::tinyint)
             else refused(place, times)::double end"""


def decode(body: BodyFile, table: TableSpec, folder: Path) -> Staged:
    """Stage the table. Raises as `Decoder` says; `table.timezone` is that of LAST UPDATE, which carries no offset."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "rows.csv"
    try:
        with _opened(body) as (header, text):
            lower = [column.lower() for column in header.columns]
            check_dimensions(_dimensions([c for c in lower if c], table.dimensions), table.dimensions)
            if any("\0" in column for column in lower) or any(lower.count(c) > 1 for c in lower if c):
                raise UnreadableBody("The header has a column twice, or one without a readable name.")
            columns = [*table.dimensions, *(c for c in READ if c in lower)]
            at = [lower.index(column) for column in columns]
            unnamed = [i for i, column in enumerate(lower) if not column]
            write_rows(
                ((line, [cells[i] for i in at]) for line, cells in _cells(header, text, unnamed)), file
            )
        headings = {column: header.columns[i] for column, i in zip(columns, at, strict=True)}
        return _stage(file, headings, header.separator, table, folder)
    finally:
        file.unlink(missing_ok=True)


def last_update(head: bytes) -> str | None:
    """LAST UPDATE of the first row, as it is written there, from the first bytes of a body."""
    lines = head.decode("utf-8-sig", errors="replace").splitlines()[:2]
    header, row = (next(csv.reader([line]), []) for line in (*lines, "", "")[:2])
    return dict(zip(map(str.lower, header), row, strict=False)).get("last update") or None


def others(body: BodyFile, dimensions: list[str]) -> list[str]:
    """The dimensions of the table that are not among `dimensions`, in the order of its columns."""
    with _opened(body) as (header, _):
        found = _dimensions([column.lower() for column in header.columns if column], dimensions)
    return [dimension for dimension in found if dimension not in dimensions]


def _stage(file: Path, headings: dict[str, str], separator: str, table: TableSpec, folder: Path) -> Staged:
    """Stage the rows of `file`, whose columns are the keys of `headings`; the values are the file's own headings."""
    status = next((c for c in ("obs_flag", "obs_status") if c in headings), None)
    # OBS_FLAG is Eurostat's own list of letters, OBS_STATUS is SDMX's
    reader = "read_flag" if status == "obs_flag" else "read_status"
    marks = f"coalesce({status}, '')" if status else "''"
    conf = "conf_status" if "conf_status" in headings else "null::varchar"
    times = "unit_mult" if "unit_mult" in headings else "'0'"
    cell, place = "obs_value", "column OBS_VALUE"
    if separator == ";":
        # a point may be the mark of thousands there, or a decimal mark typed by habit: the file does not say which
        cell = "case when not contains(obs_value, '.') then replace(obs_value, ',', '.') else 'point' end"
        place = "column OBS_VALUE (with semicolons a decimal comma and no point)"

    def where(heading: str) -> str:
        return f"'of row ' || line || ', ' || {literal(heading)}"

    with decoding(folder) as con:
        con.execute(MULTIPLIED)
        con.execute(f"create temp table cells as from {rows_sql(file, headings)}")
        require_keys(con, "cells", {d: headings[d] for d in table.dimensions})
        freq = "freq" if "freq" in table.dimensions else None
        period_table(con, "cells", "time_period", headings["time_period"], table.frequencies, freq)
        con.execute(f"""
            create temp view dated as
            select c.*, p.period from cells c join periods p
            on c.time_period = p.given and {"coalesce(c.freq, '')" if freq else "''"} = p.freq_given""")
        missing = "lower(coalesce(obs_value, '')) in ('', ':', 'nan')"
        staged = write_series(
            con,
            "dated",
            table.dimensions,
            Staged(folder),
            where=f"not {missing} or lower({marks}) not in ('', 'a', '_u', '_z') or coalesce({conf}, 'F') <> 'F'",
            value=f"multiplied(read_sdmx_value(coalesce({cell}, ''), {where(place)}, obs_value), "
            f"{times}, {where('column UNIT_MULT')})",
            flag=f"{reader}({marks}, {where(f'column {headings[status]}' if status else '')}, {marks})",
            conf=f"read_conf({conf}, {where('column CONF_STATUS')}, {conf})",
        )
        stamps = []
        if "last update" in headings:
            stamps = con.execute(
                'select distinct "last update" from cells where "last update" is not null'
            ).fetchall()
    if len(stamps) > 1:
        raise UnreadableBody(f"LAST UPDATE has {len(stamps)} values: the rows are of several extractions.")
    return Staged(staged.folder, _stamp(stamps[0][0], table.timezone) if stamps else None)


def _dimensions(columns: list[str], expected: list[str]) -> list[str]:
    """Those of `columns` that are neither measures nor attributes; what is expected is a dimension in any place."""
    attributes = columns[columns.index("obs_value") :] if {"obs_value", "obs_status"} <= set(columns) else []
    return [c for c in columns if c not in MEASURES and (c in expected or c not in attributes)]


@dataclass(frozen=True)
class _Header:
    """The headings as the file has them, '' for columns without one; what separates them; the number of their line."""

    columns: list[str]
    separator: str
    line: int


@contextmanager
def _opened(body: BodyFile) -> Iterator[tuple[_Header, IO[str]]]:
    """The header, and the text of the body behind it. Raises NotData if the first lines hold no header."""
    with body.open() as handle, as_text(handle) as text:
        yield _header(text), text


def _header(text: IO[str]) -> _Header:
    """Read up to the header, which is the first line with TIME_PERIOD and OBS_VALUE in it."""
    announced, first = None, ""
    for number in range(1, LINES_ABOVE + 1):
        lines = first_lines(text, 1)
        if not lines:
            break
        announced = separator_of(lines[0]) or announced
        separator = announced or (";" if ";" in lines[0] and "," not in lines[0] else ",")
        first = first or lines[0].strip()
        try:
            cells = [cell.strip() for cell in next(csv.reader(lines, delimiter=separator), [])]
        except csv.Error:
            continue
        if {"time_period", "obs_value"} <= {cell.lower() for cell in cells}:
            while cells and not cells[-1]:
                cells.pop()
            return _Header(cells, separator, number)
    raise NotData(f"No SDMX-CSV: the header is {first[:120]!r}.")


def _cells(header: _Header, text: IO[str], unnamed: list[int]) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header, which have nothing in columns that have no heading."""
    for line, cells in fitted(rows(text, header.separator, header.line), len(header.columns)):
        if any(cells[i] for i in unnamed):
            raise UnreadableBody(
                f"Not the expected form at line {line}: a cell in a column without a heading."
            )
        yield line, cells


def _stamp(text: str, timezone: str) -> datetime:
    """`29/04/16 23:00:00` in the provider's local time."""
    try:
        return datetime.strptime(text, "%d/%m/%y %H:%M:%S").replace(tzinfo=ZoneInfo(timezone))
    except ValueError:
        raise UnreadableBody(f"LAST UPDATE {text!r} is no time of the form dd/mm/yy HH:MM:SS.") from None
