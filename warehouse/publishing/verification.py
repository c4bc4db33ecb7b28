"""Verifying published releases: whether the files are intact, how two releases differ, whether one can be rebuilt.

Does not belong here: making and showing a release (`release.py`), and restoring a backup (`restore.py`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from sources.catalogue import Catalogue
from sources.common.sql import connect, identifier, literal, scalar
from sources.data_folder import DataFolder, file_sha256
from sources.errors import DamagedSnapshot, DistrettoError
from sources.formats.staged import Staged
from sources.snapshots import Snapshot, SnapshotStore
from warehouse.history import store as warehouse_store
from warehouse.publishing import tables
from warehouse.publishing.contract import contract
from warehouse.publishing.release import Release, attached, code_sha256, verify_database
from warehouse.statistics import indicators


def verify(release: Release) -> list[str]:
    """What is wrong with the bundle `release`, by nothing but its own files; empty if nothing is wrong.

    Its SHA256SUMS, the bytes, hashes, rows, columns and keys of its datapackage.json, its DuckDB file's counts in
    release.json, and Parquet equal to DuckDB, row for row.
    """
    problems, listed = [], set()
    sums = release.folder / "SHA256SUMS"
    if not sums.exists():
        return ["SHA256SUMS is missing"]
    for line in sums.read_text().splitlines():
        digest, _, filename = line.partition("  ")
        listed.add(filename)
        path = release.folder / filename
        if not path.is_file():
            problems.append(f"{filename} is missing")
        elif file_sha256(path) != digest:
            problems.append(f"{filename} is not what was published")
    present = {str(path.relative_to(release.folder)) for path in release.folder.rglob("*") if path.is_file()}
    problems += [
        f"{filename} is not listed in SHA256SUMS" for filename in sorted(present - listed - {"SHA256SUMS"})
    ]
    if not problems:
        try:
            verify_database(release.database, release.record["tables"])
            problems += _package_problems(release.folder)
        except (DistrettoError, duckdb.Error, OSError, ValueError, KeyError) as failure:
            problems.append(str(failure) or type(failure).__name__)
    return problems


def _package_problems(folder: Path) -> list[str]:
    """What datapackage.json states wrongly about the files beside it."""
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    problems = []
    con = connect()
    con.execute(f"attach {literal(folder / 'distretto.duckdb')} as distretto (read_only)")
    con.execute("set timezone = 'UTC'")
    for resource in package["resources"]:
        path = folder / resource["path"]
        if path.resolve().parent != folder.resolve():
            problems.append(f"{resource['path']} is outside the bundle")
            continue
        if (
            resource.get("bytes", path.stat().st_size) != path.stat().st_size
            or f"sha256:{file_sha256(path)}" != resource["hash"]
        ):
            problems.append(f"{resource['path']} is not what datapackage.json describes")
        if "schema" not in resource or resource["format"] == "xlsx":
            continue
        table, _, ending = resource["path"].partition(".")
        published = f"distretto.{identifier(table)}"
        delimiter = literal(";" if ending == "it.csv" else ",")
        read = (
            f"read_parquet({literal(path)})"
            if ending == "parquet"
            else f"read_csv({literal(path)}, all_varchar = true, header = true, delim = {delimiter})"
        )
        columns = [column[0] for column in con.execute(f"select * from {read} limit 0").description]
        if columns != [field["name"] for field in resource["schema"]["fields"]]:
            problems.append(f"{resource['path']}: other columns than datapackage.json describes")
        rows = scalar(con, f"select count(*) from {read}")
        if rows != resource["rowCount"]:
            problems.append(f"{resource['path']} has {rows} rows, not {resource['rowCount']}")
        if ending == "parquet":
            # order plays no part; a hash a row keeps memory bounded
            sums = [
                con.execute(
                    f"select count(*), sum(hash(t)::hugeint), bit_xor(hash(t)) from {place} t"
                ).fetchone()
                for place in (read, published)
            ]
            if sums[0] != sums[1]:
                problems.append(f"{resource['path']} has other rows than distretto.duckdb")
        for key in [resource["schema"].get("primaryKey"), *resource["schema"].get("uniqueKeys", [])]:
            if key and ending == "parquet":
                heads = ", ".join(identifier(column) for column in key)
                twice = con.execute(
                    f"select {heads} from {published} group by all having count(*) > 1 limit 1"
                ).fetchone()
                if twice:
                    problems.append(f"{resource['path']}: {twice} is there twice")
    con.close()
    return problems


@dataclass(frozen=True)
class TableDifference:
    """How a table differs between two releases: the numbers of rows removed and added, and the columns of one release alone.

    `only_in`: the release, `old` or `new`, that alone has the table; empty if both have it.
    """

    removed: int = 0
    added: int = 0
    columns: list[str] = field(default_factory=list)
    only_in: str = ""


def difference(old: Release, new: Release) -> dict[str, TableDifference]:
    """The difference of each table from the release `old` to the release `new`."""
    con = connect()
    con.execute(
        f"attach {literal(old.database)} as old (read_only); attach {literal(new.database)} as new (read_only)"
    )
    columns: dict[str, dict[str, list[str]]] = {}
    for side, table, column in con.execute(
        "select database_name, table_name, column_name from duckdb_columns() "
        "where database_name in ('old', 'new') and table_name not in (select view_name from duckdb_views()) order by all"
    ).fetchall():
        columns.setdefault(table, {}).setdefault(side, []).append(column)
    found = {}
    for table, sides in columns.items():
        if len(sides) == 1:
            found[table] = TableDifference(only_in=next(iter(sides)))
            continue
        common = ", ".join(f'"{c}"' for c in sides["old"] if c in sides["new"])
        gone, come = (
            scalar(
                con,
                f"select count(*) from (select {common} from {a}.{table} except all "
                f"select {common} from {b}.{table})",
            )
            for a, b in (("old", "new"), ("new", "old"))
        )
        found[table] = TableDifference(gone, come, sorted(set(sides["old"]) ^ set(sides["new"])))
    con.close()
    return found


def rebuild(
    home: DataFolder,
    release: Release,
    catalogue: Catalogue,
    store: SnapshotStore,
    stage: Callable[[Snapshot], Staged],
) -> dict[str, int]:
    """Build the figures of `release` again from snapshots, aside; rows that differ, per table (all 0 when identical).

    Raises DistrettoError where the code is not that of the release.
    """
    record = release.record
    if record["code_sha256"] != code_sha256():
        commit = record["code_commit"] or "+changes"
        where = (
            "nothing: its code was never committed"
            if commit.endswith("+changes")
            else f"git checkout {commit}, then rebuild"
        )
        raise DistrettoError(f"Release {release.id} was built by other code.", hint=f"{where}.")
    until = datetime.fromisoformat(record["known_until"])
    aside = home.root / ".rebuild"
    shutil.rmtree(aside, ignore_errors=True)
    past = SnapshotStore(home)
    past.acceptances = [a for a in store.acceptances if a.accepted_at <= until]
    try:
        with warehouse_store.warehouse(DataFolder(aside), catalogue.dimensions, past.acceptances) as con:
            for unplayed in warehouse_store.replay(con, catalogue, past, stage):
                if isinstance(unplayed.failure, DamagedSnapshot):
                    raise unplayed.failure
            with attached(con, aside / "distretto.duckdb"):
                tables.build_history(con, catalogue, "warehouse", "distretto")
                tables.build_figures(con, catalogue, "distretto")
                indicators.build(con, catalogue, past.updated, "distretto")
        found = difference(release, Release(release.id, aside))
        return {
            table: found[table].removed + found[table].added
            for table, words in contract().tables.items()
            if words.figures
        }
    finally:
        shutil.rmtree(aside, ignore_errors=True)
