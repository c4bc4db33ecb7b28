"""The public contract: what every published table and column means, and which columns a version of the schema has.

Belongs here: `published.yml`, `contract.yml`, and what counts as a breaking change. Does not belong here: building the
tables (`tables.py`). `python -m warehouse.publishing.contract RELEASE` writes `contract.yml` from a release folder, with a
new version if a column changed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
import yaml

HERE = Path(__file__).parent
SCHEMA = HERE / "contract.yml"
# table -> column -> DuckDB type
Columns = dict[str, dict[str, str]]


@cache
def contract() -> dict[str, Any]:
    """Descriptions of every published table, view and column, and the datasets that catalogues list."""
    return yaml.safe_load((HERE / "published.yml").read_text(encoding="utf-8"))


def describe(table: str, column: str) -> str:
    """What `column` means in the table or view `table`. Raises KeyError for a table without a description."""
    words = contract()
    own = (words["tables"] | words["views"])[table].get("columns", {})
    return (
        own.get(column)
        or words["columns"].get(column)
        or f"Dimension {column} of the provider's table, see codelists."
    )


@cache
def schema_version() -> str:
    """The version of the published columns: MAJOR.MINOR, MAJOR for a change that breaks a query."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))["schema_version"]


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
    for table, columns in before.items():
        if any(after.get(table, {}).get(column) != kind for column, kind in columns.items()):
            return "breaking"
    return "additive"


def next_version(version: str, kind: Literal["none", "additive", "breaking"]) -> str:
    """The version after a change of this kind."""
    major, minor = map(int, version.split("."))
    return {"none": version, "additive": f"{major}.{minor + 1}", "breaking": f"{major + 1}.0"}[kind]


def write(release: Path) -> str:
    """Write `contract.yml` from the release in the folder `release`; the version that it has now."""
    kept = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
        columns = published_columns(con, "distretto")
    version = next_version(kept["schema_version"], change(kept["tables"], columns))
    kept |= {
        "schema_version": version,
        "digests": kept["digests"] | {version: digest(columns)},
        "tables": columns,
    }
    SCHEMA.write_text(
        "# The columns of the release's DuckDB file, written by `python -m warehouse.publishing.contract RELEASE`.\n"
        + yaml.safe_dump(kept, sort_keys=False, width=110),
        encoding="utf-8",
    )
    return version


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
