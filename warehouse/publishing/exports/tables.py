"""The tables as files: Parquet, CSV, CSV for Italian Excel, a workbook, SDMX-CSV.

Belongs here: forms of the figures. Does not belong here: what describes them (`metadata.py`, `papers.py`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from sources.common.sql import identifier, literal
from warehouse.publishing.tables import contract, counts
from warehouse.statistics import peers

# below the 1,048,576 rows of a sheet of Excel
CSV_ROWS = 1_000_000
# above, Excel takes minutes to open it, and doubles of such tables were half of a release's bytes
EXCEL_ROWS = 250_000
STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
# Excel takes 1-4 for the first of April and 087 for 87
LOOKS_LIKE_A_DATE = r"^(0\d+|\d+[-/.]\d.*)$"
WORKBOOK = "indicators.xlsx"


def tables(con: duckdb.DuckDBPyConnection, folder: Path, licences: str) -> None:
    """Each table of the release that `con` reads as files in `folder`.

    Parquet has them all; CSV those below a million rows; `.it.csv` those of them that people open in Excel.
    """
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(_table, con.cursor(), table, rows, folder, licences)
            for table, rows in counts(con, "distretto").items()
        ]
        for job in jobs:
            job.result()


def _table(con: duckdb.DuckDBPyConnection, table: str, rows: int, folder: Path, licences: str) -> None:
    words = contract()["tables"][table]
    con.execute("set timezone = 'UTC'")
    con.execute(
        f"copy {table} to {literal(folder / f'{table}.parquet')} (format parquet, compression zstd, kv_metadata "
        f"{{title: {literal(table)}, description: {literal(words['description'])}, licence: {literal(licences)}, "
        f"sources: 'see catalogue.parquet and snapshots.parquet of the same release'}})"
    )
    if rows < CSV_ROWS:
        con.execute(
            f"copy {table} to {literal(folder / f'{table}.csv')} "
            f"(format csv, header true, timestampformat {literal(STAMP)})"
        )
    if rows < EXCEL_ROWS and not words.get("machine"):
        con.execute(
            f"copy ({_for_excel(con, table)}) to {literal(folder / f'{table}.it.csv')} "
            f"(format csv, header true, delimiter ';', timestampformat {literal('%d/%m/%Y %H:%M:%S')})"
        )


def _for_excel(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """A query for what Italian Excel opens right: decimal commas, no text that it takes for a date or a formula.

    The byte order mark is part of the first heading: DuckDB writes none.
    """
    columns = [row[:2] for row in con.execute(f"describe {table}").fetchall()]
    parts = []
    for number, (column, kind) in enumerate(columns):
        heading = identifier(("\ufeff" if number == 0 else "") + column)
        if kind == "DOUBLE":
            parts.append(f"replace({identifier(column)}::varchar, '.', ',') as {heading}")
        elif kind == "VARCHAR":
            parts.append(
                f"case when regexp_matches({identifier(column)}, {literal(LOOKS_LIKE_A_DATE)}) "
                f"then '=\"' || replace({identifier(column)}, '\"', '') || '\"' "
                f"when regexp_matches({identifier(column)}, '^[=+@]') then '''' || {identifier(column)} "
                f"else {identifier(column)} end as {heading}"
            )
        elif kind == "BOOLEAN":
            parts.append(
                f"case {identifier(column)} when true then 'VERO' when false then 'FALSO' end as {heading}"
            )
        else:
            parts.append(f"{identifier(column)} as {heading}")
    return f"select {', '.join(parts)} from {table}"


def workbook(con: duckdb.DuckDBPyConnection, path: Path, territory: dict[str, Any]) -> None:
    """Indicators of the country's territories and the peers, a column a period, with labels; flags on a sheet of their own.

    `con` reads the release. The rows are bounded by the number of those territories. Deterministic: the file has no
    time in it.
    """
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
    # a moment of its own making would make every file a new one
    book.set_properties({"created": datetime(2000, 1, 1), "title": "Distretto: indicators"})
    bold = book.add_format({"bold": True})
    known = {
        column
        for (column,) in con.execute(
            "select column_name from duckdb_columns() where table_name = 'indicators'"
        ).fetchall()
    }
    chosen = f"(geo like {literal(territory['country'] + '%')} or geo in ({', '.join(map(literal, peers.shown()))}))"
    periods = [
        p
        for (p,) in con.execute(
            f"select distinct period from indicators where {chosen} order by 1"
        ).fetchall()
    ]
    note = book.add_worksheet("leggimi - read me")
    note.set_column(0, 0, 110)
    for line, text in enumerate(
        (
            "Indicatori dei territori del paese e dei confronti: una riga per indicatore e territorio, una colonna per periodo.",
            "Una cella vuota è un dato mancante, mai zero. Foglio «flag»: i segni del fornitore; «reliability»: A, B, C.",
            "Definizioni: data_dictionary.md; fonti e licenze: catalogue.csv; da citare: CITATION.cff.",
            "",
            "Indicators of the country's territories and the peers: a row per indicator and territory, a column per period.",
            "An empty cell is a missing figure, never zero. Sheet 'flag': the provider's marks; 'reliability': A, B, C.",
            "Definitions: data_dictionary.md; sources and licences: catalogue.csv; to cite: CITATION.cff.",
        )
    ):
        note.write_string(line, 0, text)
    # the labels lead, since the first two columns stay in sight
    heads = ["indicatore", "territorio", "indicator_en", "territory", "indicator", "geo", "level", "unit"]
    for column in (c for c in ("value", "flag", "reliability") if c in known):
        sheet = book.add_worksheet(column)
        sheet.freeze_panes(1, 2)
        for place, width in enumerate((40, 20, 34, 20, 30, 8, 8, 20)):
            sheet.set_column(place, place, width)
        for place, head in enumerate([*heads, *periods]):
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
                for place, period in enumerate(periods, len(heads)):
                    cell = row[-1].get(period)
                    if isinstance(cell, float):
                        sheet.write_number(line, place, cell)
                    elif cell:
                        sheet.write_string(line, place, cell)
        sheet.autofilter(0, 0, max(line, 1), len(heads) + len(periods) - 1)
    book.close()


def sdmx_csv(con: duckdb.DuckDBPyConnection, dataset: str, path: Path) -> int:
    """The observations of `dataset`, or the `indicators`, as SDMX-CSV 2.0 in `path`; `con` reads the release.

    The structure is named after us, since rows carry our unit and indicator; the dimensions keep the provider's codes.
    Returns the rows written; raises LookupError where the release has no such dataset.
    """
    if dataset == "indicators":
        dimensions = ["indicator", "geo"]
        source, attributes = (
            "indicators",
            {"OBS_STATUS": "flag", "UNIT_MEASURE": "unit", "RELIABILITY": "reliability"},
        )
    else:
        table = f"(from observations where dataset = {literal(dataset)})"
        (rows,) = con.execute(f"select count(*) from {table}").fetchone()
        if not rows:
            raise LookupError(dataset)
        every = [
            column
            for (column,) in con.execute(
                "select column_name from duckdb_columns() where table_name = 'series' "
                "and column_name not in ('series', 'dataset', 'indicator', 'unit') order by column_index"
            ).fetchall()
        ]
        used = con.execute(
            f"select {', '.join(f'count({identifier(c)})' for c in every)} from {table}"
        ).fetchone()
        dimensions = [column for column, count in zip(every, used, strict=True) if count] + ["unit"]
        source, attributes = table, {"OBS_STATUS": "flag", "CONF_STATUS": "conf"}
    parts = ", ".join(
        [
            "'dataflow' as \"STRUCTURE\"",
            f'{literal(f"DISTRETTO:{dataset}(1.0)")} as "STRUCTURE_ID"',
            "'I' as \"ACTION\"",
            *(f'{identifier(d)} as "{d.upper()}"' for d in dimensions),
            'period as "TIME_PERIOD"',
            'value as "OBS_VALUE"',
            *(f'{column} as "{attribute}"' for attribute, column in attributes.items()),
        ]
    )
    order = ", ".join(identifier(d) for d in dimensions)
    (written,) = con.execute(
        f"copy (select {parts} from {source} order by {order}, period) to {literal(path)} (format csv, header true)"
    ).fetchone()
    return written
