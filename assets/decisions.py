"""What an operator decides about a dataset's snapshots: accept, withdraw, pin.

Belongs here: decisions and what they may not override. Does not belong here: the nightly steps (`observations.py`).
"""

from __future__ import annotations

import duckdb

from assets.observations import NEEDED, UNUSABLE, run_checks
from assets.run import RunContext
from sources.errors import DistrettoError
from sources.formats.staged import Staged
from sources.snapshots import Snapshot
from warehouse.history.dataset_state import Outcome, record


def accept(
    run: RunContext, con: duckdb.DuckDBPyConnection, name: str, snapshot_id: str, by: str, because: str
) -> Snapshot:
    """Accept a quarantined snapshot. Raises if its body is gone or cannot be decoded."""
    snapshot = run.store.find(name, snapshot_id)
    run.replay(con, only=name)
    if snapshot == run.store.current(name):
        raise DistrettoError(f"{snapshot.id} is the current snapshot already.", hint="nothing to do.")
    _refuse_unusable(run, con, snapshot, run.stage(snapshot))
    run.enter(con, snapshot, by, because)
    record(run.home, name, Outcome.UPDATED)
    return snapshot


def withdraw(
    run: RunContext, con: duckdb.DuckDBPyConnection, name: str, snapshot_id: str, by: str, because: str
) -> Snapshot:
    """Withdraw the figures of a file that was uploaded by mistake, for datasets whose files accumulate."""
    snapshot = run.store.find(name, snapshot_id)
    accepted = snapshot in [run.store.snapshots[event.snapshot_id] for event in run.store.standing(name)]
    run.replay(con, only=name)
    last = [event for event in run.store.acceptances if event.snapshot_id == snapshot.id][-1:]
    if not run.catalogue[name].accumulates:
        raise DistrettoError(
            f"{name} is one table, not files that accumulate.",
            hint="distretto pin holds it at an earlier snapshot.",
        )
    if accepted and last[0].kind == "withdrawal":
        # its figures did not fit into history, so the replay has withdrawn it
        return snapshot
    if not last or last[0].kind == "withdrawal":
        raise DistrettoError(f"{snapshot.id} is not in history.", hint="nothing to do.")
    run.enter(con, snapshot, by, because, kind="withdrawal")
    return snapshot


def pin(
    run: RunContext, con: duckdb.DuckDBPyConnection, name: str, snapshot_id: str, by: str, because: str
) -> Snapshot:
    """Hold the dataset at a snapshot until `unpin`; newer bodies are kept and wait."""
    snapshot = run.store.find(name, snapshot_id)
    run.replay(con, only=name)
    _refuse_unusable(run, con, snapshot, run.stage(snapshot))
    run.enter(con, snapshot, by, because, kind="pin")
    record(run.home, name, Outcome.HELD)
    return snapshot


def _refuse_unusable(
    run: RunContext, con: duckdb.DuckDBPyConnection, snapshot: Snapshot, staged: Staged
) -> None:
    """Raise DistrettoError if a check fails that no decision can overrule."""
    unusable = [r for r in run_checks(run, con, snapshot, staged) if r.name in NEEDED and r.refuses]
    if unusable:
        raise DistrettoError(
            f"{snapshot.id} cannot enter history: "
            + "; ".join(f"{r.name}: {r.observed}" for r in unusable)
            + ".",
            hint=UNUSABLE,
        )
