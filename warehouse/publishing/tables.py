"""The published tables, built in SQL into the release's own DuckDB file, each with its comments.

Belongs here: what analysts see. Does not belong here: files around the DuckDB file (`release.py`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import duckdb
import yaml

from sources.catalogue import Catalogue, Dataset, Theme
from sources.common.sql import identifier, literal
from sources.common.units import units
from sources.data_folder import keep_private
from sources.providers import Provider
from sources.snapshots import SnapshotStore
from warehouse.history.dataset_state import DatasetState
from warehouse.history.vintages import as_of_sql, moment_sql, revisions_sql
from warehouse.reference.territory import REFERENCE

HERE = Path(__file__).parent
# files of `reference/` that are published as they are, and the columns that are no text
REFERENCE_TABLES = {
    "codelists": {},
    "geography": {"valid_from": "integer", "valid_to": "integer"},
    "territorial_changes": {
        "from_version": "integer",
        "to_version": "integer",
        "share_out": "double",
        "share_in": "double",
    },
}


@cache
def contract() -> dict[str, Any]:
    """Descriptions of every published table and column."""
    return yaml.safe_load((HERE / "published.yml").read_text(encoding="utf-8"))


def build_history(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, source: str, target: str) -> None:
    """What all else follows from, out of the warehouse `source` into the attached database `target`.

    Series, history, vintages, the macro `as_of`, and the tables of `reference/`.
    """
    dimensions = ", ".join(identifier(d) for d in catalogue.dimensions if d not in ("geo", "unit"))
    given_out = ", ".join(literal(d.id) for d in catalogue.values() if d.redistribution == "allowed") or "''"
    con.execute(
        f"create table {target}.vintages as select * exclude (series_from, provisional) from {source}.vintages order by vintage"
    )
    con.execute(f"""
        create table {target}.series as
        select series, dataset, {_by_dataset(catalogue, _indicator)} as indicator, geo,
               {_by_dataset(catalogue, _unit)} as unit, {dimensions}
        from {source}.series where dataset in ({given_out}) order by series""")
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


def build_records(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    providers: dict[str, Provider],
    store: SnapshotStore,
    states: Mapping[str, DatasetState],
    release: dict[str, Any],
    target: str,
) -> None:
    """The tables about the figures: catalogue, snapshots, check results of the datasets, the release itself."""
    write_table(
        con,
        f"{target}.catalogue",
        {
            "dataset": "varchar",
            "title_it": "varchar",
            "title_en": "varchar",
            "theme": "varchar",
            "provider": "varchar",
            "provider_title": "varchar",
            "provider_code": "varchar",
            "status": "varchar",
            "state": "varchar",
            "age_days": "integer",
            "failing_since": "timestamptz",
            "failure": "varchar",
            "provider_updated_at": "timestamptz",
            "snapshot_id": "varchar",
            "frequency": "varchar",
            "expected": "varchar",
            "late_after_days": "integer",
            "licence": "varchar",
            "licence_url": "varchar",
            "redistribution": "varchar",
            "citation": "varchar",
            "warnings": "varchar[]",
        },
        [
            _catalogue_row(dataset, providers[dataset.provider], states[dataset.id])
            for dataset in catalogue.values()
        ],
    )
    accepted = {event.snapshot_id: event for event in store.acceptances}
    refused = {event.snapshot_id: event for event in store.refusals}
    write_table(
        con,
        f"{target}.snapshots",
        {
            "snapshot_id": "varchar",
            "dataset": "varchar",
            "provider": "varchar",
            "provider_code": "varchar",
            "origin": "varchar",
            "outcome": "varchar",
            "url": "varchar",
            "sha256": "varchar",
            "bytes": "bigint",
            "media_type": "varchar",
            "fetched_at": "timestamptz",
            "provider_updated_at": "timestamptz",
            "accepted_by": "varchar",
            "because": "varchar",
            "reasons": "varchar[]",
            "licence": "varchar",
            "note": "varchar",
        },
        [
            (
                s.id,
                s.dataset,
                s.provider,
                s.code,
                s.origin,
                ("withdrawn" if accepted[s.id].kind == "withdrawal" else "accepted")
                if s.id in accepted
                else "refused"
                if s.id in refused
                else "waiting",
                s.url,
                s.sha256,
                s.size,
                s.media_type,
                s.fetched_at,
                accepted[s.id].provider_updated_at if s.id in accepted else s.provider_updated_at,
                accepted[s.id].by if s.id in accepted else None,
                accepted[s.id].because or None if s.id in accepted else None,
                refused[s.id].reasons if s.id in refused else None,
                s.licence,
                s.note or None,
            )
            for s in store.snapshots.values()
        ],
    )
    withheld = ", ".join(literal(d.id) for d in catalogue.values() if d.redistribution == "denied") or "''"
    con.execute(f"""
        create table {target}.check_results as
        select 'dataset' as scope, dataset, snapshot_id, check_name, passed, observed, expected as expected_value, checked_at,
               severity
        from check_results
        -- what a check saw of figures that stay in the house stays there too
        where dataset not in ({withheld})
        qualify row_number() over (partition by dataset, snapshot_id, check_name order by checked_at desc) = 1
        order by all""")
    write_table(
        con,
        f"{target}.release",
        {
            "release_id": "varchar",
            "built_at": "timestamptz",
            "known_until": "timestamptz",
            "code_commit": "varchar",
            "code_sha256": "varchar",
            "fingerprint": "varchar",
        },
        [
            tuple(
                release[key]
                for key in (
                    "release_id",
                    "built_at",
                    "known_until",
                    "code_commit",
                    "code_sha256",
                    "fingerprint",
                )
            )
        ],
    )


def comment(con: duckdb.DuckDBPyConnection, target: str) -> None:
    """COMMENT ON every table and column; a table or column without a description is a KeyError, caught by the tests."""
    words = contract()
    found = con.execute(
        "select table_name, column_name from duckdb_columns() where database_name = ? order by all", [target]
    )
    tables: dict[str, list[str]] = {}
    for table, column in found.fetchall():
        tables.setdefault(table, []).append(column)
    # in one transaction: each of its own is a write to disk, and there are hundreds
    con.begin()
    for table, columns in tables.items():
        con.execute(f"comment on table {target}.{table} is {literal(words['tables'][table]['description'])}")
        for column in columns:
            described = (
                words["columns"].get(column) or f"Dimension {column} of the provider's table, see codelists."
            )
            con.execute(f"comment on column {target}.{table}.{identifier(column)} is {literal(described)}")
    con.commit()


def counts(con: duckdb.DuckDBPyConnection, target: str) -> dict[str, int]:
    """The tables that the attached database `target` has, in order, and the rows of each."""
    found = con.execute("select table_name from duckdb_tables() where database_name = ? order by 1", [target])
    return {
        table: con.execute(f"select count(*) from {target}.{table}").fetchone()[0]
        for (table,) in found.fetchall()
    }


def observation_columns(catalogue: Catalogue) -> list[str]:
    """The columns of `observations` and of `as_of`, in order; `s` is the table `series`."""
    dimensions = [
        identifier(dimension) for dimension in catalogue.dimensions if dimension not in ("geo", "unit")
    ]
    return [
        "s.dataset",
        "indicator",
        "geo",
        "period",
        "value",
        "unit",
        "flag",
        "conf",
        *dimensions,
        "known_from",
        "snapshot_id",
    ]


def _by_dataset(catalogue: Catalogue, expression: Any) -> str:
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


def _catalogue_row(dataset: Dataset, provider: Provider, state: DatasetState) -> tuple[Any, ...]:
    return (
        dataset.id,
        dataset.title.it,
        dataset.title.en,
        dataset.theme,
        provider.id,
        provider.title,
        dataset.code,
        dataset.status,
        state.state,
        state.age_days,
        state.failing_since,
        state.failure.message if state.failure else None,
        state.provider_updated_at,
        state.snapshot_id,
        dataset.calendar.frequency,
        dataset.calendar.expected.en,
        dataset.calendar.late_after_days,
        dataset.licence or provider.licence,
        provider.licence_url,
        dataset.redistribution,
        dataset.citation,
        [warning.en for warning in dataset.warnings],
    )


def write_table(
    con: duckdb.DuckDBPyConnection, table: str, types: dict[str, str], rows: list[tuple[Any, ...]]
) -> None:
    """Create `table` with `rows`."""
    con.begin()
    con.execute(
        f"create table {table} ({', '.join(f'{identifier(column)} {type_}' for column, type_ in types.items())})"
    )
    if rows:
        con.executemany(f"insert into {table} values ({', '.join('?' * len(types))})", rows)
    con.commit()
