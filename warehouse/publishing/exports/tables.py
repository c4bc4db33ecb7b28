"""The tables as files: Parquet for programs, CSV for people, CSV for Italian Excel.

Belongs here: forms of whole tables. Does not belong here: the workbook (`workbook.py`), SDMX (`sdmx.py`), what describes the
files (`datapackage.py`, `csvw.py`, `dcat.py`, `readme.py`). CSV is for people: of tables with figures it has our country,
the peers and the district alone; Parquet and DuckDB have every territory. Long tables are compressed, `.csv.gz`.
"""

from __future__ import annotations

import gzip
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb

from sources.common.sql import identifier, literal, scalar
from warehouse.publishing.contract import PublishedView, contract
from warehouse.publishing.tables import counts
from warehouse.reference.territory import timezone

# more rows are read by a program, not in a spreadsheet: one compressed file instead of two plain ones, which were half of
# a release's bytes
SPREADSHEET_ROWS = 40_000
STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
# Excel takes 1-4 for the first of April and 087 for 87
LOOKS_LIKE_A_DATE = r"^(0\d+|\d+[-/.]\d.*)$"
NUMBER = r"^[+-]?\d+([.,]\d+)?$"
# what a spreadsheet takes for the beginning of a formula, in ASCII, full-width and small forms, or for the end of a cell
FORMULA = "^(\\s*[=+@\u2212-]|\\s*[\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]|[\t\r\n])"


def write(
    con: duckdb.DuckDBPyConnection, folder: Path, licences: str, territory: dict[str, Any]
) -> dict[str, int]:
    """Write each table and view of totals of the release that `con` reads into `folder`; the rows of each file by name."""
    views = [view for view, words in contract().views.items() if words.total_of]
    known = {view for (view,) in con.execute("select view_name from duckdb_views()").fetchall()}
    written: dict[str, int] = {}
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(_write_table, con.cursor(), table, folder, licences, territory)
            for table in [*counts(con, "distretto"), *(view for view in views if view in known)]
        ]
        for job in jobs:
            written |= job.result()
    return written


def _write_table(
    con: duckdb.DuckDBPyConnection, table: str, folder: Path, licences: str, territory: dict[str, Any]
) -> dict[str, int]:
    words = contract().described[table]
    con.execute("set timezone = 'UTC'")
    written = {}

    def copy(query: str, ending: str, options: str) -> None:
        path = folder / f"{table}.{ending}"
        written[path.name] = scalar(con, f"copy ({query}) to {literal(path)} ({options})")

    is_view = isinstance(words, PublishedView)
    # equal rows are equal files, which are linked; a table is read in its order, but a filter by other tables does not keep it
    order = "order by all" if is_view else "order by rowid"
    copy(
        f"from {table} {order if is_view else ''}",
        "parquet",
        f"format parquet, compression zstd, compression_level 9, kv_metadata {{title: {literal(table)}, "
        f"description: {literal(words.description)}, licence: {literal(licences)}, "
        "sources: 'see catalogue.parquet and snapshots.parquet of the same release'}",
    )
    columns = dict(row[:2] for row in con.execute(f"describe {table}").fetchall())
    people = _for_people(columns, territory)
    rows = scalar(con, f"select count(*) from {table} where {people}")
    if words.parquet_only:
        return written
    parts = ", ".join(_plain(column, kind) for column, kind in columns.items())
    plain = f"format csv, header true, timestampformat {literal(STAMP)}"
    copy(f"select {parts} from {table} where {people} {order}", "csv", plain)
    if rows > SPREADSHEET_ROWS:
        written[_compress(folder / f"{table}.csv")] = written.pop(f"{table}.csv")
    elif not words.machine:
        copy(
            f"select {_for_excel(columns)} from {table} where {people} {order}",
            "it.csv",
            "format csv, header true, delimiter ';'",
        )
    return written


def _compress(path: Path) -> str:
    """Replace a file by its gzip form, the same bytes for the same content; the new name."""
    target = path.with_name(f"{path.name}.gz")
    # DuckDB's own gzip differs from run to run, and a file that did not change is linked, not stored again
    with open(path, "rb") as plain, open(target, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
    path.unlink()
    return target.name


def _for_people(columns: dict[str, str], territory: dict[str, Any]) -> str:
    """SQL for the rows that CSV files have: of tables with territories and periods, those without foreign territories.

    Peers are kept, and so is what is no territory, such as `*` for all of them.
    """
    if not {"geo", "period"} <= set(columns):
        return "true"
    return (
        f"(geo is null or geo like {literal(territory['country'] + '%')} or geo in (select geo from peers) "
        "or geo not in (select geo from geography where level <> 'district'))"
    )


def _is_nested(kind: str) -> bool:
    return kind.endswith("[]") or kind.startswith("MAP(")


def _plain(column: str, kind: str) -> str:
    """A column of a CSV file; lists and maps as JSON, the form of Table Schema."""
    name = identifier(column)
    return f"to_json({name})::varchar as {name}" if _is_nested(kind) else name


def _for_excel(columns: dict[str, str]) -> str:
    """The columns of a file that Italian Excel opens right: decimal commas, no text that it takes for a date or a formula.

    The byte order mark is part of the first heading: DuckDB writes none.
    """
    parts = []
    for number, (column, kind) in enumerate(columns.items()):
        heading = identifier(("\ufeff" if number == 0 else "") + column)
        parts.append(f"{_excel_cell(identifier(column), kind)} as {heading}")
    return ", ".join(parts)


def _excel_cell(name: str, kind: str) -> str:
    if kind == "DOUBLE":
        return f"replace({name}::varchar, '.', ',')"
    if kind == "BOOLEAN":
        return f"case {name} when true then 'VERO' when false then 'FALSO' end"
    if kind == "DATE":
        return f"strftime({name}, '%d/%m/%Y')"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _local_stamp(name)
    if _is_nested(kind):
        return f"to_json({name})::varchar"
    if kind == "VARCHAR":
        return (
            f"case when regexp_matches({name}, {literal(LOOKS_LIKE_A_DATE)}) "
            f"then '=\"' || replace({name}, '\"', '') || '\"' "
            f"when regexp_matches({name}, {literal(FORMULA)}) and not regexp_matches({name}, {literal(NUMBER)}) "
            f"then '''' || {name} else {name} end"
        )
    return name


def _local_stamp(name: str) -> str:
    """SQL for a moment on the territory's clock, `27/11/2026 01:27:32.123456 +01:00`; the session is in UTC."""
    local = f"({name} at time zone {literal(timezone().key)})"
    minutes = f"(date_diff('minute', {name}::timestamp, {local}))"
    offset = (
        f"(if({minutes} < 0, '-', '+') || lpad((abs({minutes}) // 60)::varchar, 2, '0') || ':' "
        f"|| lpad((abs({minutes}) % 60)::varchar, 2, '0'))"
    )
    return f"strftime({local}, '%d/%m/%Y %H:%M:%S.%f ') || {offset}"
