"""Writing rows to DuckDB: a table whose columns are the fields of a dataclass, or are named with their types.

Belongs here: the mapping of Python types to DuckDB's. Does not belong here: what the tables hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from datetime import date, datetime
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import duckdb

from sources.common.sql import identifier

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_TYPES: dict[type, str] = {
    str: "varchar",
    int: "integer",
    float: "double",
    bool: "boolean",
    date: "date",
    datetime: "timestamptz",
}


def write_rows(
    con: duckdb.DuckDBPyConnection,
    table: str,
    row_type: type[DataclassInstance],
    rows: Sequence[DataclassInstance],
) -> None:
    """Create `table` with a column for each field of the dataclass `row_type`, in their order, and insert `rows`.

    Raises KeyError for a field whose type has no column type.
    """
    hints = get_type_hints(row_type)
    columns = ", ".join(
        f"{identifier(field.name)} {_column_type(hints[field.name])}" for field in fields(row_type)
    )
    con.begin()
    con.execute(f"create table {table} ({columns})")
    if rows:
        holes = ", ".join("?" * len(fields(row_type)))
        con.executemany(f"insert into {table} values ({holes})", [astuple(row) for row in rows])
    con.commit()


def _column_type(hint: Any) -> str:
    """The DuckDB type of a field: `X | None` is that of X, `list[X]` an array of it, a
    Literal that of its values."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = [part for part in get_args(hint) if part is not type(None)]
    if get_origin(hint) is Literal:
        hint = type(get_args(hint)[0])
    if get_origin(hint) is list:
        return _column_type(get_args(hint)[0]) + "[]"
    return _TYPES[hint]


def write_table(
    con: duckdb.DuckDBPyConnection, table: str, types: dict[str, str], rows: list[tuple[Any, ...]]
) -> None:
    """Create `table` with columns of the DuckDB `types`, by name, and insert `rows`."""
    con.begin()
    con.execute(
        f"create table {table} ({', '.join(f'{identifier(column)} {type_}' for column, type_ in types.items())})"
    )
    if rows:
        con.executemany(f"insert into {table} values ({', '.join('?' * len(types))})", rows)
    con.commit()
