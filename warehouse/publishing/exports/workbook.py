"""The workbook: the indicators of our country's territories and of the peers, for Excel and Power Query.

Belongs here: its sheets. Does not belong here: tables as files (`tables.py`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from sources.common.sql import literal
from warehouse.statistics import peers

WORKBOOK = "indicators.xlsx"
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


def write(con: duckdb.DuckDBPyConnection, path: Path, territory: dict[str, Any]) -> int:
    """Write the workbook to `path`: a sheet for values, one for flags, one for reliability; the rows of each.

    `con` reads the release. The rows are bounded by the number of those territories. Deterministic: the file has no
    time in it.
    """
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
    # a creation time of the run would make every file a new one
    book.set_properties({"created": datetime(2000, 1, 1), "title": "Distretto: indicators"})
    bold = book.add_format({"bold": True})
    note = book.add_worksheet("leggimi - read me")
    note.set_column(0, 0, 110)
    for line, text in enumerate(NOTE):
        note.write_string(line, 0, text)
    columns = periods(con, territory)
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
            from (from indicators where {_chosen(territory)}) i
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
                    cell = row[-1].get(period)
                    if isinstance(cell, float):
                        sheet.write_number(line, place, cell)
                    elif cell:
                        sheet.write_string(line, place, cell)
        sheet.autofilter(0, 0, max(line, 1), len(HEADS) + len(columns) - 1)
    book.close()
    return line
