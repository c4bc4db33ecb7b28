"""The checks of a catalogue entry, run on staged figures before they enter history.

Belongs here: the order of the checks, and which of them had nothing to judge. `profile.py`: the entry's own rules;
`cells.py`, `plausibility.py`, `identities.py`: figures against the last ones, their past and each other; `expectations.py`: Great
Expectations. Does not belong here: release checks (`warehouse/publishing/checks/`).
"""

from __future__ import annotations

from dataclasses import replace

import duckdb

from assets.checks import cells, identities, plausibility, profile
from assets.checks.expectations import Result, judge, not_run
from sources.catalogue import Dataset
from sources.common.sql import literal
from sources.formats.staged import Staged
from sources.snapshots import Snapshot

NAMES = (*profile.NAMES, *plausibility.NAMES, *identities.NAMES)
# of a bundled extract these compare the file with its own description
WITH_ITSELF = ("min_rows", "geos")


def check(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    snapshot: Snapshot,
    staged: Staged,
    before: Staged | None,
    shipped_rows: int | None = None,
) -> list[Result]:
    """Judge `staged` by the entry's checks, against `before` if figures of the same kind are in force, and against history.

    `con` is the open warehouse. Of bundled figures, which are an extract, exactly `shipped_rows` are expected.
    """
    # a bundled extract has only the territories chosen for it
    covered = snapshot.coverage.get("geo") if snapshot.origin == "shipped" else None
    con.execute(f"create or replace temp view staged_series as from read_parquet({literal(staged.series)})")
    con.execute(
        f"create or replace temp view staged_rows as from read_parquet({literal(staged.observations)})"
    )
    made = profile.frames(con, dataset, snapshot, staged, before)
    results = judge(made, profile.rules(dataset, made, shipped_rows, covered))
    if made["table"]["n_rows"].iloc[0] and not made["table"][["duplicates", "empty_keys"]].iloc[0].any():
        results += _plausible(con, dataset, snapshot, staged)
    con.execute("drop view staged_rows; drop view staged_series")
    if shipped_rows is not None:
        results = [_of_itself(result) for result in results]
    # what was left out is reported by the check of territories, and by those that need it
    about = ("known_geos", *(r.name for r in results if r.name in ("min_rows", "geos") and r.refuses))
    results = [_with_notes(result, staged.notes) if result.name in about else result for result in results]
    ran = {result.name for result in results}
    return results + [not_run(name, "not declared, or nothing to judge") for name in NAMES if name not in ran]


def _plausible(
    con: duckdb.DuckDBPyConnection, dataset: Dataset, snapshot: Snapshot, staged: Staged
) -> list[Result]:
    cells.pair(con, dataset, snapshot, staged)
    judged = [*plausibility.find(con, dataset), *identities.find(con, dataset, whole=not staged.notes)]
    cells.drop(con)
    return judge(*plausibility.rules(judged))


def _of_itself(result: Result) -> Result:
    if result.name in WITH_ITSELF and result.passed:
        return not_run(result.name, f"bundled figures are as they were cut ({result.observed})")
    return result


def _with_notes(result: Result, notes: list[str]) -> Result:
    """The result with what the decoder left out, such as unknown territories."""
    return replace(result, observed="; ".join([result.observed, *notes]))
