"""Workbooks for Excel and Power Query: the indicators of our country's territories and of the peers, in one and by territory.

Belongs here: their sheets and cells. Does not belong here: tables as files (`tables.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from sources.common.sql import literal
from warehouse.statistics import peers

WORKBOOK = "indicators.xlsx"
# the folder of the workbooks by territory
TERRITORIES = "territories"
# sheet -> the type of its cells in the columns of periods
SHEETS = {"value": "number", "flag": "string", "reliability": "string"}
# the labels lead, since the first two columns stay in sight
HEADS = ("indicatore", "territorio", "indicator_en", "territory", "indicator", "geo", "level", "unit")
NOTE = (
    "Indicatori dei territori del paese e dei confronti: una riga per indicatore e territorio, una colonna per periodo.",
    "Una cella vuota è un dato mancante, mai zero. Foglio «flag»: i segni del fornitore; «reliability»: A, B, C.",
    "Definizioni: data_dictionary.md; fonti e licenze: catalogue.csv; da citare: CITATION.cff.",
    "Indicators of the country's territories and the peers: a row per indicator and territory, a column per period.",
    "An empty cell is a missing figure, never zero. Sheet 'flag': the provider's marks; 'reliability': A, B, C.",
    "Definitions: data_dictionary.md; sources and licences: catalogue.csv; to cite: CITATION.cff.",
)


def _chosen(territory: dict[str, Any]) -> str:
    shown = ", ".join(map(literal, peers.shown()))
    return f"(geo like {literal(territory['country'] + '%')} or geo in ({shown}))"


def periods(con: duckdb.DuckDBPyConnection, territory: dict[str, Any]) -> list[str]:
    """The periods that the workbook has a column for, in order; `con` reads the release."""
    found = con.execute(f"select distinct period from indicators where {_chosen(territory)} order by 1")
    return [period for (period,) in found.fetchall()]


def write_table(path: Path, columns: Sequence[str], found: duckdb.DuckDBPyConnection) -> int:
    """Write the rows of the executed query `found` to `path`, on one sheet under the headings `columns`; their number."""
    book = _open(path, "Distretto: data")
    sheet = book.add_worksheet("data")
    sheet.freeze_panes(1, 0)
    for place, head in enumerate(columns):
        sheet.write_string(0, place, head)
    line = 0
    while batch := found.fetchmany(1000):
        for row in batch:
            line += 1
            for place, cell in enumerate(row):
                _write_cell(sheet, line, place, cell)
    sheet.autofilter(0, 0, max(line, 1), len(columns) - 1)
    book.close()
    return line


def write(con: duckdb.DuckDBPyConnection, path: Path, territory: dict[str, Any]) -> int:
    """Write the workbook to `path`: a sheet for values, one for flags, one for reliability; the rows of each.

    `con` reads the release. The rows are bounded by the number of those territories. Deterministic: the file has no
    time in it.
    """
    return _write_indicators(con, path, "Distretto: indicators", NOTE, _chosen(territory))


def write_territories(con: duckdb.DuckDBPyConnection, folder: Path, territory: dict[str, Any]) -> None:
    """Write a workbook for each of our territories, GEO.xlsx, into the new folder `folder`: those that have indicators.

    They are our country, our region and its provinces; the sheets are those of the workbook of all territories.
    """
    folder.mkdir()
    for geo in (territory["country"], territory["region"], *territory["provinces"]):
        names = con.execute(
            f"select name_it, name_en from geography where geo = {literal(geo)} "
            f"and geo in (select geo from indicators)"
        ).fetchone()
        if names:
            note = (f"{geo} {names[0]}", f"{geo} {names[1]}", *(NOTE[1:3]), *(NOTE[4:]))
            _write_indicators(
                con, folder / f"{geo}.xlsx", f"Distretto: {names[1]}", note, f"geo = {literal(geo)}"
            )


def _open(path: Path, title: str) -> Any:
    """A new workbook, without the time of the run: a creation time would make every file a new one."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
    book.set_properties({"created": datetime(2000, 1, 1), "title": title})
    return book


def _write_cell(sheet: Any, line: int, place: int, cell: object) -> None:
    """Numbers as numbers, everything else as text, which a spreadsheet takes for no formula; nothing where `cell` is None."""
    if isinstance(cell, bool):
        sheet.write_boolean(line, place, cell)
    elif isinstance(cell, int | float) and math.isfinite(cell):
        sheet.write_number(line, place, cell)
    elif cell is not None and cell != "":
        sheet.write_string(line, place, str(cell))


def _write_indicators(
    con: duckdb.DuckDBPyConnection, path: Path, title: str, lines: Sequence[str], chosen: str
) -> int:
    """The rows of `indicators` that fulfil the SQL condition `chosen`, a row per indicator and territory."""
    book = _open(path, title)
    bold = book.add_format({"bold": True})
    note = book.add_worksheet("leggimi - read me")
    note.set_column(0, 0, 110)
    for line, text in enumerate(lines):
        note.write_string(line, 0, text)
    columns = [
        period
        for (period,) in con.execute(
            f"select distinct period from indicators where {chosen} order by 1"
        ).fetchall()
    ]
    line = 0
    for column in SHEETS:
        sheet = book.add_worksheet(column)
        sheet.freeze_panes(1, 2)
        for place, width in enumerate((40, 20, 34, 20, 30, 8, 8, 20)):
            sheet.set_column(place, place, width)
        for place, head in enumerate([*HEADS, *columns]):
            sheet.write_string(0, place, head, bold)
        found = con.execute(f"""
            select any_value(c.label_it), any_value(g.name_it), any_value(c.label_en), any_value(g.name_en),
                   i.indicator, i.geo, any_value(i.geo_level), any_value(coalesce(u.label_en, i.unit)),
                   map_from_entries(list((i.period, i.{column}) order by i.period))
            from (from indicators where {chosen}) i
            left join codelists c on c.dimension = 'indicator' and c.code = i.indicator
            left join codelists u on u.dimension = 'unit' and u.code = i.unit
            left join geography g on g.geo = i.geo
            group by i.indicator, i.geo order by i.indicator, i.geo""")
        line = 0
        while batch := found.fetchmany(1000):
            for row in batch:
                line += 1
                for place, text in enumerate(row[:-1]):
                    sheet.write_string(line, place, text or "")
                for place, period in enumerate(columns, len(HEADS)):
                    _write_cell(sheet, line, place, row[-1].get(period))
        sheet.autofilter(0, 0, max(line, 1), len(HEADS) + len(columns) - 1)
    book.close()
    return line
