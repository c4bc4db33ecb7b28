"""The published tables of figures, built in SQL into the release's own DuckDB file, and the comments of all tables.

Belongs here: history, figures, reference tables, comments. Does not belong here: tables about datasets and snapshots
(`records.py`), views (`views.py`), files around the DuckDB file (`exports`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import duckdb

from sources.catalogue import Catalogue, Dataset, Theme
from sources.common.sql import identifier, literal, scalar
from sources.common.units import units
from sources.data_folder import keep_private
from warehouse.history.columns import observation_columns
from warehouse.history.vintages import as_of_sql, moment_sql, revisions_sql
from warehouse.publishing.contract import contract, describe, published_columns
from warehouse.reference.territory import REFERENCE

# files of `reference/` that are published as they are, and the types of columns that are not text
REFERENCE_TABLES: dict[str, dict[str, str]] = {
    "codelists": {},
    "geography": {"valid_from": "integer", "valid_to": "integer"},
    "territorial_changes": {
        "from_version": "integer",
        "to_version": "integer",
        "share_out": "double",
        "share_in": "double",
    },
}


def build_history(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, source: str, target: str) -> None:
    """The tables that all others are built from, copied from the warehouse `source` into the attached database `target`.

    Series, history, vintages, the macro `as_of`, and the tables of `reference/`.
    """
    dimensions = ", ".join(identifier(d) for d in catalogue.dimensions if d not in ("geo", "unit"))
    redistributable = (
        ", ".join(literal(d.id) for d in catalogue.values() if d.redistribution == "allowed") or "''"
    )
    con.execute(
        f"create table {target}.vintages as select * exclude (series_from, provisional) from {source}.vintages order by vintage"
    )
    con.execute(f"""
        create table {target}.series as
        select series, dataset, {_by_dataset(catalogue, _indicator)} as indicator, geo,
               {_by_dataset(catalogue, _unit)} as unit, {dimensions}
        from {source}.series where dataset in ({redistributable}) order by series""")
    con.execute(
        f"create table {target}.history as "
        f"select h.* from {source}.history h semi join {target}.series using (series) order by all"
    )
    known_then = as_of_sql(observation_columns(catalogue), "(" + moment_sql() + ")", target)
    con.execute(f"create macro {target}.as_of(ts) as table {known_then}")
    for table, types in REFERENCE_TABLES.items():
        typed = ", ".join(
            f"{identifier(column)}::{type_} as {identifier(column)}" for column, type_ in types.items()
        )
        con.execute(
            f"create table {target}.{table} as select * {f'replace ({typed})' if types else ''} from "
            f"read_csv({literal(REFERENCE / (table + '.csv'))}, header=true, all_varchar=true, comment='#')"
        )
    con.executemany(
        f"insert into {target}.codelists values ('unit', ?, ?, ?)",
        [(code, unit.label.it, unit.label.en) for code, unit in units().items()],
    )
    _name_only_indicators(con, catalogue, target)
    # one code list explains every `indicator` column, whether it has ids of ours or codes of a provider
    measured = (
        ", ".join(sorted({literal(d.indicator) for d in catalogue.values() if d.indicator_dimension})) or "''"
    )
    con.execute(f"""
        insert into {target}.codelists
        select 'indicator', code, min(label_it), min(label_en) from {target}.codelists
        where dimension in ({measured})
          and code not in (select code from {target}.codelists where dimension = 'indicator')
        group by code order by code""")


def _name_only_indicators(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, target: str) -> None:
    """In `codelists`, name the indicator of each dataset that has one alone by the dataset's title, if the file has no name."""
    named = {
        dataset.indicator: (dataset.title.it, dataset.title.en)
        for dataset in catalogue.values()
        if not dataset.indicator_dimension
    }
    for indicator, titles in named.items():
        con.execute(
            f"insert into {target}.codelists select 'indicator', $1, $2, $3 where $1 not in "
            f"(select code from {target}.codelists where dimension = 'indicator')",
            [indicator, *titles],
        )


def withhold(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, source: str, folder: Path) -> None:
    """The latest figures of each dataset that may not be redistributed, from the warehouse `source`, as Parquet in `folder`."""
    held = {of for (of,) in con.execute(f"select distinct dataset from {source}.vintages").fetchall()}
    denied = [d for d in catalogue.values() if d.redistribution == "denied" and d.id in held]
    for left in folder.glob("*.parquet"):
        if left.stem not in {d.id for d in denied}:
            left.unlink()
    for dataset in denied:
        folder.mkdir(exist_ok=True, mode=0o700)
        aside = folder / f".{dataset.id}.parquet"
        dimensions = "".join(f"{identifier(d)}, " for d in dataset.dimensions if d not in ("geo", "unit"))
        con.execute(f"""
            copy (
                select {literal(dataset.id)} as dataset, {_indicator(dataset)} as indicator, geo, period, value,
                       {_unit(dataset)} as unit, flag, conf, {dimensions} known_from, snapshot_id
                from (select * from {source}.history
                      semi join (select series from {source}.series where dataset = {literal(dataset.id)}) using (series)
                      qualify row_number() over (partition by series, period order by vintage desc) = 1)
                join (select vintage, known_from, snapshot_id from {source}.vintages) using (vintage)
                join {source}.series using (series)
                where not deleted order by series, period
            ) to {literal(aside)} (format parquet, compression zstd)""")
        keep_private(aside)
        os.replace(aside, folder / f"{dataset.id}.parquet")


def build_figures(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, target: str) -> None:
    """The figures as analysts read them, from the history in `target`: latest, by theme, and what was revised."""
    columns = observation_columns(catalogue)
    con.execute(
        f"create table {target}.observations as "
        # in one order always, so that equal figures are equal files; two integers are sorted, not the texts
        f"{as_of_sql(columns, 'timestamptz ' + literal('infinity'), target)} order by series, period"
    )
    for table in get_args(Theme):
        feeding = [dataset for dataset in catalogue.values() if table in dataset.feeds]
        fed = " or ".join(f"(dataset = {literal(d.id)}{_matching(d.feeds[table])})" for d in feeding)
        own = ", ".join(observation_columns(Catalogue({dataset.id: dataset for dataset in feeding})))
        # in the order of `observations`: two threads that insert what a filter leaves do not keep it
        con.execute(
            f"create table {target}.{table} as select {own} from {target}.observations s "
            f"where {fed or 'false'} order by rowid"
        )
    con.execute(
        f"create table {target}.revisions as "
        f"{revisions_sql([c for c in columns if c not in ('value', 'flag', 'conf', 'known_from', 'snapshot_id')], target)} "
        f"order by known_from, dataset, geo, period, indicator"
    )


def comment(con: duckdb.DuckDBPyConnection, target: str) -> None:
    """COMMENT ON every table, view and column; a table or view without a description is a KeyError, caught by the tests."""
    views = {
        name
        for (name,) in con.execute(
            "select view_name from duckdb_views() where database_name = ? and not internal", [target]
        ).fetchall()
    }
    words = contract().described
    # in one transaction: each of its own is a write to disk, and there are hundreds
    con.begin()
    for table, columns in published_columns(con, target).items():
        kind = "view" if table in views else "table"
        con.execute(f"comment on {kind} {target}.{table} is {literal(words[table].description)}")
        for column in columns:
            con.execute(
                f"comment on column {target}.{table}.{identifier(column)} is {literal(describe(table, column))}"
            )
    con.commit()


def counts(con: duckdb.DuckDBPyConnection, target: str) -> dict[str, int]:
    """The tables that the attached database `target` has, in order, and the rows of each."""
    found = con.execute("select table_name from duckdb_tables() where database_name = ? order by 1", [target])
    return {table: scalar(con, f"select count(*) from {target}.{table}") for (table,) in found.fetchall()}


def _by_dataset(catalogue: Catalogue, expression: Callable[[Dataset], str]) -> str:
    branches = " ".join(
        f"when {literal(dataset.id)} then {expression(dataset)}" for dataset in catalogue.values()
    )
    return f"case dataset {branches} end"


def _indicator(dataset: Dataset) -> str:
    return identifier(dataset.indicator) if dataset.indicator_dimension else literal(dataset.indicator)


def _unit(dataset: Dataset) -> str:
    if isinstance(dataset.unit, dict):
        ((dimension, units),) = dataset.unit.items()
        branches = " ".join(f"when {literal(code)} then {literal(unit)}" for code, unit in units.items())
        return f"case {identifier(dimension)} {branches} end"
    return identifier(dataset.unit) if dataset.unit in dataset.dimensions else literal(dataset.unit)


def _matching(filter_: dict[str, list[str]]) -> str:
    return "".join(
        f" and {identifier(dimension)} in ({', '.join(literal(code) for code in codes)})"
        for dimension, codes in filter_.items()
    )
