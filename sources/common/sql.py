"""SQL text made from values (literals, identifiers), and what a query returns: rows by column name, one row, one value.

Belongs here: quoting, and reading rows. Does not belong here: queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb


def literal(value: object) -> str:
    """A SQL string literal that holds the text of `value`."""
    return "'" + str(value).replace("'", "''") + "'"


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
