"""SDMX: the status code of a figure, and SDMX-CSV 2.0 files.

Belongs here: SDMX's names and codes for what a release publishes. Does not belong here: reading providers' SDMX
(`sources/formats`).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from sources.common.sql import identifier, literal, one_row, scalar

# letter of a provider's flag -> code of SDMX's CL_OBS_STATUS, the most important first; z and r have no code in it
STATUS = {
    "m": "M",
    "z": "M",
    "l": "L",
    "h": "H",
    "q": "Q",
    "o": "O",
    "b": "B",
    "u": "U",
    "n": "N",
    "d": "D",
    "f": "F",
    "e": "E",
    "s": "E",
    "i": "I",
    "p": "P",
    "v": "V",
    "g": "G",
    "j": "J",
    "k": "K",
    "w": "W",
}


def status_sql(flag: str, value: str) -> str:
    """SQL for the one code of CL_OBS_STATUS that says most of a figure with these columns.

    A is a normal value; NULL if the flags are unknown; Q a confidential value that is missing, O one missing without
    another reason. What is confidential and published is in CONF_STATUS.
    """
    letters = " ".join(
        f"when contains({flag}, {literal(letter)}) then {literal(code)}" for letter, code in STATUS.items()
    )
    missing = (
        f"when {value} is null and contains({flag}, 'c') then 'Q' {letters} when {value} is null then 'O'"
    )
    return f"case when {flag} is null then null {missing} else 'A' end"


def sdmx_csv(con: duckdb.DuckDBPyConnection, dataset: str, path: Path) -> int:
    """The observations of `dataset`, or the `indicators`, as SDMX-CSV 2.0 in `path`; `con` reads the release.

    The structure is named after us, since rows carry our unit and indicator; the dimensions keep the provider's codes.
    OBS_STATUS is one code of SDMX's list, A for a normal value; OBS_FLAG has all of the provider's flags.
    Returns the rows written; raises LookupError if the release has no such dataset.
    """
    if dataset == "indicators":
        dimensions = ["indicator", "geo"]
        source, attributes = (
            "indicators",
            {
                "OBS_STATUS": status_sql("flag", "value"),
                "OBS_FLAG": "flag",
                "UNIT_MEASURE": "unit",
                "RELIABILITY": "reliability",
            },
        )
    else:
        table = f"(from observations where dataset = {literal(dataset)})"
        rows = scalar(con, f"select count(*) from {table}")
        if not rows:
            raise LookupError(dataset)
        every = [
            column
            for (column,) in con.execute(
                "select column_name from duckdb_columns() where table_name = 'series' "
                "and column_name not in ('series', 'dataset', 'indicator', 'unit') order by column_index"
            ).fetchall()
        ]
        used = one_row(con, f"select {', '.join(f'count({identifier(c)})' for c in every)} from {table}")
        dimensions = [column for column, count in zip(every, used, strict=True) if count] + ["unit"]
        source, attributes = (
            table,
            {
                "OBS_STATUS": status_sql("flag", "value"),
                "OBS_FLAG": "flag",
                "CONF_STATUS": "conf",
            },
        )
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
    return scalar(
        con,
        f"copy (select {parts} from {source} order by {order}, period) to {literal(path)} (format csv, header true)",
    )
