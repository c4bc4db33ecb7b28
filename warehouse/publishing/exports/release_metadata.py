"""What a release says of itself: its tables, columns, keys, datasets. Read from its DuckDB file and nothing else.

Belongs here: reading. Does not belong here: any file's form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import duckdb
import yaml

from sources.common.sql import identifier, rows
from warehouse.publishing.tables import contract
from warehouse.reference.territory import REFERENCE

PUBLISHER = REFERENCE / "publisher.yml"


@dataclass
class Table:
    """A published table with its columns as (name, DuckDB type, words) and the keys that hold."""

    name: str
    description: str
    rows: int
    columns: list[tuple[str, str, str]]
    primary: list[str] = field(default_factory=list)
    foreign: dict[str, tuple[str, str]] = field(default_factory=dict)
    years: tuple[str, str] | None = None


@dataclass
class Facts:
    release: dict[str, Any]
    tables: dict[str, Table]
    catalogue: list[dict[str, Any]]
    publisher: dict[str, Any]

    @property
    def licences(self) -> list[tuple[str, str | None]]:
        """Each licence once, with its address."""
        return sorted({(d["licence"], d["licence_url"]) for d in self.catalogue}, key=str)


@cache
def publisher() -> dict[str, Any]:
    """Who publishes: `reference/publisher.yml`."""
    return yaml.safe_load(PUBLISHER.read_text(encoding="utf-8"))


def read(con: duckdb.DuckDBPyConnection) -> Facts:
    """The facts of the release that `con` reads. A foreign key is told where every row keeps it."""
    words = contract()
    tables: dict[str, Table] = {}
    for table, description in con.execute(
        "select table_name, comment from duckdb_tables() where not internal order by 1"
    ).fetchall():
        (count,) = con.execute(f"select count(*) from {table}").fetchone()
        columns = con.execute(
            "select column_name, data_type, comment from duckdb_columns() where table_name = ? and not internal "
            "order by column_index",
            [table],
        ).fetchall()
        tables[table] = Table(table, description, count, columns, words["tables"][table].get("key", []))
    for table in tables.values():
        heads = [column for column, _, _ in table.columns]
        for column, target in words["references"].items():
            other, key = target.split(".")
            if column not in heads or other == table.name or other not in tables:
                continue
            (loose,) = con.execute(
                f"select count(*) from {table.name} t where {identifier(column)} is not null "
                f"and not exists (from {other} o where o.{identifier(key)} = t.{identifier(column)})"
            ).fetchone()
            if not loose:
                table.foreign[column] = (other, key)
        if "period" in heads:
            first, last = con.execute(
                f"select min(left(period, 4)), max(left(period, 4)) from {table.name}"
            ).fetchone()
            table.years = (first, last) if first else None
    (release,) = rows(con, "from release")
    return Facts(release, tables, rows(con, "from catalogue order by dataset"), publisher())
