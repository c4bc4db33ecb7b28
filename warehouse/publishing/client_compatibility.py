"""What the release's DuckDB file needs so that every DuckDB 1.x reads it to the last column.

Belongs here: differences between DuckDB's storage formats. Does not belong here: the tables' content. `STORAGE` alone is not
enough: a newer DuckDB leaves out the element column of a list where a row group has no element in it, and 1.0 cannot read
what is left out.
"""

from __future__ import annotations

import duckdb

from sources.common.sql import identifier, scalar

# the oldest storage that every DuckDB 1.x reads
STORAGE = "v1.0.0"
ROW_GROUP = 122_880
# rows from one placeholder to the next: every row group of a rewritten table holds one
SPACING = 60_000


def keep_lists_readable(con: duckdb.DuckDBPyConnection, target: str) -> None:
    """Rewrite the tables of the attached database `target` in which a list or map has a row group without an element.

    Rows with an element are written among the others and then deleted: DuckDB keeps deleted rows of a row group on disk, and
    with them the element column. Names, types, rows and their order stay as they are. Only where a table of several row groups
    ends in one of a handful of rows does the checkpoint merge it into the others, without the deleted rows.
    """
    nested: dict[str, dict[str, str]] = {}
    for table, column, kind in con.execute(
        "select table_name, column_name, data_type from duckdb_columns() where database_name = ? and not internal "
        "and (data_type like '%[]' or data_type like 'MAP(%') order by all",
        [target],
    ).fetchall():
        nested.setdefault(table, {})[column] = kind
    for table, columns in nested.items():
        counted = ", ".join(
            f"coalesce(sum({_elements(column, kind)}), 0) as {identifier(column)}"
            for column, kind in columns.items()
        )
        empty = con.execute(
            f"select 1 from (select {counted} from {target}.{table} group by rowid // {ROW_GROUP}) "
            f"where {' or '.join(f'{identifier(column)} = 0' for column in columns)} limit 1"
        ).fetchone()
        if empty:
            _rewrite(con, target, table, columns)


def _elements(column: str, kind: str) -> str:
    return f"{'cardinality' if kind.startswith('MAP(') else 'len'}({identifier(column)})"


def _rewrite(con: duckdb.DuckDBPyConnection, target: str, table: str, columns: dict[str, str]) -> None:
    rows = scalar(con, f"select count(*) from {target}.{table}")
    aside = f"{table}_aside"
    placeholders = ", ".join(
        f"{_placeholder(kind)} as {identifier(column)}" for column, kind in columns.items()
    )
    con.execute(f"""
        create table {target}.{aside} as
        select * exclude (place) from (
            select *, row_number() over (order by rowid) - 1.0 as place from {target}.{table}
            union all by name
            select {placeholders}, place
            from (select unnest(range(0, {rows}, {SPACING})) - 0.5 as place union all select {rows} + 0.0)
        ) order by place""")
    last = rows + len(range(0, rows, SPACING))
    con.execute(f"delete from {target}.{aside} where rowid % {SPACING + 1} = 0 or rowid = {last}")
    con.execute(f"drop table {target}.{table}")
    con.execute(f"alter table {target}.{aside} rename to {identifier(table)}")


def _placeholder(kind: str) -> str:
    element = "map([''], [null])" if kind.startswith("MAP(") else "[null]"
    return f"{element}::{kind}"
