"""What a release says of itself: its tables, columns, keys, datasets. Read from its DuckDB file and nothing else.

Belongs here: reading. Does not belong here: any file's form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import duckdb
from pydantic import HttpUrl

from sources.common.config import Names, Strict, load
from sources.common.sql import identifier, one_row, rows, scalar
from warehouse.publishing.contract import contract
from warehouse.reference.territory import REFERENCE

PUBLISHER = REFERENCE / "publisher.yml"
# columns that name the dataset of a row
NAMES_A_DATASET = ("dataset", "input_dataset")
Licence = tuple[str, str | None]


class Publisher(Strict):
    """`publisher.yml`: who publishes the releases. `address`: where the public reaches `distretto serve`, if anywhere."""

    name: Names
    identifier: str | int
    email: str | None = None
    homepage: str | None = None
    address: HttpUrl | None = None
    title: Names
    description: Names

    @property
    def root(self) -> str:
        """The address of the server, ending in a slash; empty if it has no public one."""
        return f"{str(self.address).rstrip('/')}/" if self.address else ""

    @property
    def base(self) -> str:
        """The address that relative ones are resolved against; empty if the release has no public address."""
        return f"{self.root}current/" if self.address else ""


@dataclass
class Table:
    """A published table, or view of totals, with its columns as (name, DuckDB type, words) and the keys that hold.

    `sparse`: the columns of `foreign` that some row leaves empty.

    `datasets`: those that have rows in it, by its own columns; `years`: the first and the last.
    """

    name: str
    description: str
    rows: int
    columns: list[tuple[str, str, str]]
    primary: list[str] = field(default_factory=list)
    foreign: dict[str, tuple[str, str]] = field(default_factory=dict)
    sparse: set[str] = field(default_factory=set)
    years: tuple[str, str] | None = None
    datasets: list[str] = field(default_factory=list)


@dataclass
class Facts:
    """A release as its own tables describe it. `begun`: the first moment of knowledge that it holds.

    `tables`: tables and views that are files too. `views`: those that only the DuckDB file has.
    """

    release: dict[str, Any]
    tables: dict[str, Table]
    views: dict[str, Table]
    catalogue: list[dict[str, Any]]
    publisher: Publisher
    begun: datetime

    @property
    def sources(self) -> list[dict[str, Any]]:
        """The entries of the catalogue that have figures in the release."""
        present = set(self.tables["observations"].datasets)
        return [entry for entry in self.catalogue if entry["dataset"] in present]

    @property
    def licences(self) -> list[Licence]:
        """The licence of each source with figures, once, with its address."""
        return self.licences_of(entry["dataset"] for entry in self.sources)

    def licences_of(self, datasets: Iterable[str]) -> list[Licence]:
        """The licences of these datasets, each once."""
        wanted = set(datasets)
        return sorted(
            {(e["licence"], e["licence_url"]) for e in self.catalogue if e["dataset"] in wanted}, key=str
        )


@cache
def publisher() -> Publisher:
    """Who publishes: `reference/publisher.yml`. Raises SpecError with every problem."""
    return load(PUBLISHER, Publisher)


def licences(con: duckdb.DuckDBPyConnection) -> str:
    """The licences of the sources with figures in the release that `con` reads, in one line."""
    found = con.execute(
        "select distinct licence from catalogue where dataset in (select dataset from observations) order by 1"
    )
    return "; ".join(licence for (licence,) in found.fetchall())


def read(con: duckdb.DuckDBPyConnection) -> Facts:
    """The facts of the release that `con` reads. A foreign key is named only if every row keeps it."""
    words = contract()
    tables: dict[str, Table] = {}
    for table, description in con.execute(
        "select table_name, comment from duckdb_tables() where not internal "
        "union all select view_name, comment from duckdb_views() where not internal order by 1"
    ).fetchall():
        count = scalar(con, f"select count(*) from {table}")
        columns = con.execute(
            "select column_name, data_type, comment from duckdb_columns() where table_name = ? and not internal "
            "order by column_index",
            [table],
        ).fetchall()
        tables[table] = Table(table, description, count, columns, words.described[table].key)
    views = [name for name, view in words.views.items() if name in tables and not view.total_of]
    for table in (table for table in tables.values() if table.name not in views):
        heads = [column for column, _, _ in table.columns]
        for column, target in words.references.items():
            other, key = target.split(".")
            if column not in heads or other == table.name or other not in tables:
                continue
            loose = scalar(
                con,
                f"select count(*) from {table.name} t where {identifier(column)} is not null "
                f"and not exists (from {other} o where o.{identifier(key)} = t.{identifier(column)})",
            )
            if not loose:
                table.foreign[column] = (other, key)
                if scalar(con, f"select count(*) from {table.name} where {identifier(column)} is null"):
                    table.sparse.add(column)
        if "period" in heads:
            first, last = one_row(con, f"select min(left(period, 4)), max(left(period, 4)) from {table.name}")
            table.years = (first, last) if first else None
        for column in NAMES_A_DATASET:
            if column in heads:
                found = con.execute(
                    f"select distinct {column} from {table.name} where {column} is not null order by 1"
                )
                table.datasets += [name for (name,) in found.fetchall() if name not in table.datasets]
    (release,) = rows(con, "from release")
    begun = scalar(con, "select min(known_from) from vintages")
    return Facts(
        release,
        {name: table for name, table in tables.items() if name not in views},
        {name: tables[name] for name in views},
        rows(con, "from catalogue order by dataset"),
        publisher(),
        begun or release["built_at"],
    )
