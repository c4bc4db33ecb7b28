"""SQL that a person writes, run on a release only.

Belongs here: what such SQL may access, and its results as plain values. Does not belong here: the project's own queries,
and printing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from sources.errors import DistrettoError
from warehouse.publishing.releases import Release, reading

# In this order: once external access is off no later setting could open a file, and the last line fixes them all.
# Without a temporary folder a query that exceeds the memory fails; DuckDB would write beside the release.
CONFINEMENT = """
    set temp_directory = '';
    set allow_persistent_secrets = false;
    set python_enable_replacements = false;
    set autoinstall_known_extensions = false;
    set autoload_known_extensions = false;
    set allow_community_extensions = false;
    set enable_external_access = false;
    set disabled_filesystems = 'LocalFileSystem';
    set lock_configuration = true
"""

# what these return is a count of rows; a pivot is one of them followed by a select
NO_RESULT = {duckdb.StatementType.CREATE, duckdb.StatementType.SET, duckdb.StatementType.PREPARE}


class QueryFailed(DistrettoError):
    """DuckDB refused the SQL, or it has no statement."""


@dataclass(frozen=True)
class Result:
    """The rows of one statement. `columns` are distinct: of a repeated name each column gets its number."""

    columns: list[str]
    rows: list[tuple[Any, ...]]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows by name of column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def run(release: Release, sql: str) -> list[Result]:
    """The result of each statement of `sql` that has one, in order. Raises QueryFailed.

    The connection is read-only and confined to the release's DuckDB file: no other file, no database, no extension, no
    stored secret and no variable of this process can be reached, and no setting can undo that.
    """
    hint = '`distretto query "show tables"` lists the tables.'
    if not release.of_this_code:
        hint += f" Release {release.id} was built by another version of the project, whose tables and columns may differ."
    with reading(release) as con:
        con.execute(CONFINEMENT)
        try:
            statements = con.extract_statements(sql)
            if not statements:
                raise QueryFailed("The query is empty.", hint=hint)
            results = []
            for statement in statements:
                cursor = con.execute(statement)
                if statement.type not in NO_RESULT and cursor.description:
                    names = [column[0] for column in cursor.description or []]
                    results.append(Result(_distinct(names), cursor.fetchall()))
            return results
        except duckdb.PermissionException as failure:
            raise QueryFailed(
                f"A query can read the release and nothing else: {failure}",
                hint="open the release's DuckDB file in a program of your own to combine it with other data "
                "(docs/connect.md).",
            ) from None
        except duckdb.Error as failure:
            raise QueryFailed(f"The query failed: {failure}", hint=hint) from None


def _distinct(names: list[str]) -> list[str]:
    return [f"{name}_{i}" if names.count(name) > 1 else name for i, name in enumerate(names, 1)]
