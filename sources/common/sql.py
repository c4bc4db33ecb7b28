"""DuckDB connections, SQL text made from values (literals, identifiers), and what a query returns.

Belongs here: connecting, quoting, and reading rows by column name, one row, or one value. Does not belong here: queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb


def connect(
    database: Path | str = ":memory:", *, read_only: bool = False, **settings: str | int
) -> duckdb.DuckDBPyConnection:
    """A connection to `database` with DuckDB's `settings`.

    DuckDB draws a progress bar on standard output, between a command's JSON, if Python runs without a main file.
    """
    con = duckdb.connect(str(database), read_only=read_only, config=dict(settings))
    con.execute("set enable_progress_bar = false")
    return con


def literal(value: object) -> str:
    """A SQL string literal that holds the text of `value`."""
    return "'" + str(value).replace("'", "''") + "'"


def row_literal(values: Iterable[object]) -> str:
    """A row of SQL literals that hold the texts of `values`, and NULL where one is None."""
    return f"({', '.join('null' if value is None else literal(value) for value in values)})"


def identifier(name: str) -> str:
    """A SQL identifier: the name of a column or a table."""
    return '"' + name.replace('"', '""') + '"'


def rows(con: duckdb.DuckDBPyConnection, sql: str, given: Sequence[object] = ()) -> list[dict[str, Any]]:
    """Every row of the query `sql`, by column name; `given` are the values of its parameters."""
    # given parameters, even none, DuckDB imports pandas
    found = con.execute(sql, list(given)) if given else con.execute(sql)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def one_row(con: duckdb.DuckDBPyConnection, sql: str, given: Sequence[object] = ()) -> tuple[Any, ...]:
    """The row of a query that always has exactly one, such as a count; `given` are the values of its parameters."""
    # given parameters, even none, DuckDB imports pandas
    found = con.execute(sql, list(given)) if given else con.execute(sql)
    (row,) = found.fetchall()
    return tuple(row)


def scalar(con: duckdb.DuckDBPyConnection, sql: str, given: Sequence[object] = ()) -> Any:
    """The value of a query that always has exactly one row and one column."""
    (value,) = one_row(con, sql, given)
    return value
