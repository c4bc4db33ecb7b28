"""Writes the staged files from a table of observations: numbers the series, then copies both as Parquet.

Belongs here: the one place where series get their numbers. The bulk TSV, whose rows are series already, writes its own.
Does not belong here: reading cells (each decoder), what a key may hold (`keys.py`).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from sources.common.sql import identifier, literal
from sources.formats.staged import Staged

ZSTD = "(format parquet, compression zstd)"


def write_series(
    con: duckdb.DuckDBPyConnection,
    table: str,
    dimensions: list[str],
    staged: Staged,
    *,
    where: str = "true",
    value: str = "value",
    flag: str = "flag",
    conf: str = "conf",
) -> Staged:
    """Write `staged` from `table`, which has the columns of `dimensions`, `period`, and what the SQL expressions `value`,
    `flag` and `conf` name.

    Every key of `table` becomes a series, numbered from 1 in the order of the keys; of the rows only those that the SQL
    condition `where` selects become observations. Returns `staged`.
    """
    keys = ", ".join(map(identifier, dimensions))
    con.execute(
        f"create or replace temp table codes as select row_number() over (order by {keys})::integer as series, {keys} "
        f"from (select distinct {keys} from {table})"
    )
    copy(con, "select * from codes order by series", staged.series)
    copy(
        con,
        f"select series, period, {value} as value, {flag} as flag, {conf} as conf "
        f"from {table} join codes using ({keys}) where {where} order by series, period",
        staged.part(),
    )
    return staged


def copy(con: duckdb.DuckDBPyConnection, query: str, into: Path) -> None:
    """Write the rows of `query` to the Parquet file `into`."""
    con.execute(f"copy ({query}) to {literal(into)} {ZSTD}")
