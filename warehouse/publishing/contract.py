"""The public contract: what every published table and column means, and which columns a version of the schema has.

Belongs here: `published.yml`, `contract.yml`, what counts as a breaking change, and the notice that one takes. Does not belong
here: building the tables (`tables.py`), announcing (`exports/feeds.py`). `python -m warehouse.publishing.contract RELEASE` writes
`contract.yml` from a release folder, with a new version if a column changed.

A column or table goes, or changes its type, in two steps: list it under `deprecated` in `contract.yml`; every release then
announces it in the feed. It may go once `notice_releases` releases have done so: `python -m warehouse.publishing.contract
RELEASE LAST`, where LAST is the folder of the last release that was published, then takes its line out too.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import duckdb
import yaml

from sources.common.config import Names, Problem, Strict, choice, load
from sources.common.sql import connect
from sources.errors import BrokenContract

HERE = Path(__file__).parent
PUBLISHED = HERE / "published.yml"
SCHEMA = HERE / "contract.yml"
# table -> column -> DuckDB type
Columns = dict[str, dict[str, str]]


class PublishedTable(Strict):
    """A published table: its meaning in both languages, its key, and which files it goes into.

    `columns`: meanings that differ from those in `Contract.columns`. `figures`: a rebuild from snapshots gives the same rows.
    `machine`: no `.it.csv`. `parquet_only`: no CSV at all.
    """

    description: str
    description_it: str
    columns: dict[str, str] = {}
    key: list[str] = []
    figures: bool = False
    machine: bool = False
    parquet_only: bool = False


class PublishedView(PublishedTable):
    """A published view. `total_of`: the indicator whose figures it has, one per territory and period."""

    total_of: str | None = None


class Keywords(Strict):
    """Keywords of a dataset by language."""

    it: list[str]
    en: list[str]


class ListedDataset(Strict):
    """A dataset of the open data catalogue: `tables` are its distributions, `page` its landing page on the site.

    `theme`: a code of the EU's data themes.
    """

    title: Names
    description: Names
    keywords: Keywords
    theme: Literal["ECON", "GOVE", "SOCI", "TECH"]
    tables: list[str]
    page: str


class Contract(Strict):
    """`published.yml`: every published table, view and column in words, and the datasets that catalogues list.

    `references`: column -> `table.column` that it names a row of.
    """

    tables: dict[str, PublishedTable]
    views: dict[str, PublishedView]
    datasets: dict[str, ListedDataset]
    references: dict[str, str]
    columns: dict[str, str]

    @property
    def described(self) -> dict[str, PublishedTable]:
        """Tables and views by name."""
        return {**self.tables, **self.views}


@cache
def contract() -> Contract:
    """The contract of `published.yml`. Raises SpecError with file, line and key of every problem."""
    return load(PUBLISHED, Contract, problems=_problems)


def _problems(loaded: Contract) -> Iterator[Problem]:
    for name, dataset in loaded.datasets.items():
        for number, table in enumerate(dataset.tables):
            if problem := choice(table, loaded.described):
                yield ("datasets", name, "tables", number), problem
    for column, target in loaded.references.items():
        if problem := choice(target.partition(".")[0], loaded.tables):
            yield ("references", column), problem


def describe(table: str, column: str) -> str:
    """What `column` means in the table or view `table`. Raises KeyError for a table without a description."""
    words = contract()
    meaning = (
        words.described[table].columns.get(column)
        or words.columns.get(column)
        or f"Dimension {column} of the provider's table, see codelists."
    )
    return meaning + "".join(
        f" Deprecated since version {one.since}: {one.instead.en}"
        for one in deprecations()
        if one.table == table and one.column in (column, None)
    )


@cache
def schema_version() -> str:
    """The version of the published columns: MAJOR.MINOR, MAJOR for a change that breaks a query."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))["schema_version"]


class Deprecation(Strict):
    """A column, or without one a whole table, that will go; `instead`: what to use, in words; `since`: the schema's version."""

    table: str
    column: str | None = None
    since: str
    instead: Names

    @property
    def name(self) -> str:
        """TABLE.COLUMN, or TABLE."""
        return f"{self.table}.{self.column}" if self.column else self.table


class _Notice(Strict):
    notice_releases: int
    deprecated: list[Deprecation]


@cache
def _notice() -> _Notice:
    kept = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return _Notice(notice_releases=kept["notice_releases"], deprecated=kept["deprecated"])


def deprecations() -> list[Deprecation]:
    """What is announced to go, in the order of `contract.yml`."""
    return _notice().deprecated


def notice_releases() -> int:
    """How many releases announce what will go, before it goes."""
    return _notice().notice_releases


def published_columns(con: duckdb.DuckDBPyConnection, database: str) -> Columns:
    """The columns of each table and view of the attached `database`, in their order."""
    found: Columns = {}
    for table, column, kind in con.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and not internal order by table_name, column_index",
        [database],
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def digest(columns: Columns) -> str:
    """SHA-256 of the columns and their types; their order plays no part."""
    return hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()


def change(before: Columns, after: Columns) -> Literal["none", "additive", "breaking"]:
    """Whether a query on `before` may fail on `after`: a table or column is gone, or has another type."""
    if digest(before) == digest(after):
        return "none"
    return "breaking" if broken(before, after) else "additive"


def broken(before: Columns, after: Columns) -> list[str]:
    """The columns, as TABLE.COLUMN, that `after` lacks or has with another type."""
    return [
        f"{table}.{column}"
        for table, columns in before.items()
        for column, kind in columns.items()
        if after.get(table, {}).get(column) != kind
    ]


def too_early(before: Columns, after: Columns, announced: Mapping[str, int], notice: int) -> list[str]:
    """What `after` breaks though fewer than `notice` releases announced it; `announced`: how many did, by name."""
    return [
        name
        for name in broken(before, after)
        if max(announced.get(name, 0), announced.get(name.partition(".")[0], 0)) < notice
    ]


def announced(feed: Path) -> dict[str, int]:
    """How many releases have announced that something will go, by name, as the file `feed.json` of a release says."""
    if not feed.exists():
        return {}
    events = json.loads(feed.read_text(encoding="utf-8"))["items"]
    return {event["_notice"]["name"]: event["_notice"]["releases"] for event in events if "_notice" in event}


def next_version(version: str, kind: Literal["none", "additive", "breaking"]) -> str:
    """The version after a change of this kind."""
    major, minor = map(int, version.split("."))
    return {"none": version, "additive": f"{major}.{minor + 1}", "breaking": f"{major + 1}.0"}[kind]


def write(release: Path, last: Path | None = None) -> str:
    """Write `contract.yml` from the release in the folder `release`; the version that it has now.

    Raises BrokenContract where a column goes, or changes its type, that too few releases have announced until `last`
    (default: `release`).
    """
    kept = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    with connect(release / "distretto.duckdb", read_only=True) as con:
        columns = published_columns(con, "distretto")
    told = announced((last or release) / "feed.json")
    early = too_early(kept["tables"], columns, told, kept["notice_releases"])
    if early:
        raise BrokenContract(
            f"Not announced for {kept['notice_releases']} releases: {', '.join(early[:12])}"
            + (f" and {len(early) - 12} more." if len(early) > 12 else ".")
        )
    version = next_version(kept["schema_version"], change(kept["tables"], columns))
    kept |= {
        "schema_version": version,
        "digests": kept["digests"] | {version: digest(columns)},
        "deprecated": [
            one
            for one in kept["deprecated"]
            if one["table"] in columns and one.get("column") in (None, *columns[one["table"]])
        ],
        "tables": columns,
    }
    SCHEMA.write_text(
        "# The columns of the release's DuckDB file, written by `python -m warehouse.publishing.contract RELEASE`.\n"
        + yaml.safe_dump(kept, sort_keys=False, width=110),
        encoding="utf-8",
    )
    return version


if __name__ == "__main__":
    print(write(*map(Path, sys.argv[1:3])))
