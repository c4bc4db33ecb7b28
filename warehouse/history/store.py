"""Opening the warehouse, and keeping it in step with the snapshot manifest.

Belongs here: the connection, the schema, entering and replaying acceptances. Does not belong here: the arithmetic of a
vintage (`vintages.py`), and what a failure means for its dataset (`assets/run.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from sources.common.sql import connect, literal
from sources.data_folder import DataFolder
from sources.errors import (
    Busy,
    DamagedFolder,
    DamagedSnapshot,
    DistrettoError,
    LakeUnavailable,
    NotReplayable,
    SourceError,
)
from sources.formats.staged import Staged
from warehouse.history import vintages
from warehouse.history.migration import RESTORE, migrate

if TYPE_CHECKING:
    from sources.catalogue import Catalogue, Dataset
    from sources.lake.lake import Lake
    from sources.snapshots import Acceptance, Snapshot, SnapshotStore

MEMORY = "2GB"
TABLES = "select 1 from duckdb_tables() where database_name = 'warehouse'"
DAMAGED = (
    "delete warehouse.duckdb and run `distretto refresh`: it rebuilds it and baselines/ from the snapshots. The "
    "published release stays."
)


@dataclass(frozen=True)
class Unplayed:
    """An acceptance that could not be replayed, and why; DamagedSnapshot: its body may come back from a backup."""

    acceptance: Acceptance
    failure: DistrettoError


@contextmanager
def warehouse(
    home: DataFolder, dimensions: list[str], acceptances: list[Acceptance]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse attached for writing as `warehouse`; its `series` has a column for each of `dimensions`.

    `acceptances` are those of the manifest, by which a warehouse of an earlier version is renumbered. Raises Busy where
    another process has it open, DamagedFolder where it cannot be read.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    con = connect(memory_limit=MEMORY, temp_directory=str(home.root / "spill"))
    try:
        con.execute("set timezone = 'UTC'")
        if home.lake:
            with _explained(home.lake):
                _attach_shared(con, home.lake, dimensions)
                vintages.show(con)
                yield con
            return
        _attach(con, home.warehouse)
        # in one transaction: forty commits took 12 ms of every opening
        con.begin()
        migrate(con, {event.accepted_at: event.sequence for event in acceptances})
        con.execute((Path(__file__).parent / "schema.sql").read_text())
        for dimension in dimensions:
            con.execute(f'alter table later_series add column if not exists "{dimension}" varchar')
        vintages.show(con)
        con.commit()
        yield con
    finally:
        con.close()


def _attach_shared(con: duckdb.DuckDBPyConnection, lake: Lake, dimensions: list[str]) -> None:
    """Attach the lake's series and history, and complete their tables while no other process does."""
    try:
        with lake.attaching():
            con.execute(f"attach {lake.history(con)}; use warehouse")
    except duckdb.Error as failure:
        raise LakeUnavailable(
            f"Series and history in {lake.database.address} cannot be opened: {str(failure).splitlines()[0]}"
        ) from failure
    if not _lacks(con, dimensions):
        return
    with lake.database.locked("schema"):
        con.begin()
        if not con.execute(f"{TABLES} and table_name = 'vintages'").fetchall():
            con.execute((Path(__file__).parent / "lake.sql").read_text())
        for dimension in _lacks(con, dimensions):
            con.execute(f'alter table later_series add column "{dimension}" varchar')
        con.commit()


def _lacks(con: duckdb.DuckDBPyConnection, dimensions: list[str]) -> list[str]:
    """The dimensions that `later_series` has no column for."""
    if not con.execute(f"{TABLES} and table_name = 'vintages'").fetchall():
        return dimensions
    present = {name for name, *_ in con.execute("describe later_series").fetchall()}
    return [dimension for dimension in dimensions if dimension not in present]


@contextmanager
def frozen(con: duckdb.DuckDBPyConnection, home: DataFolder) -> Iterator[int | None]:
    """Within it a lake's series and history stay as they are now, whatever others write; yields their version.

    Nothing can be written to them meanwhile. Without a lake nothing changes, and the version is None.
    """
    if home.lake is None:
        yield None
        return
    version = home.lake.version(con)
    _attach_again(con, home.lake, version)
    try:
        yield version
    finally:
        _attach_again(con, home.lake)


def _attach_again(con: duckdb.DuckDBPyConnection, lake: Lake, version: int | None = None) -> None:
    con.execute("use memory; detach warehouse")
    con.execute(f"attach {lake.history(con, version)}; use warehouse")


@contextmanager
def _explained(lake: Lake) -> Iterator[None]:
    try:
        yield
    except (duckdb.IOException, duckdb.HTTPException, duckdb.TransactionException) as failure:
        raise LakeUnavailable(
            f"Series and history in {lake.database.address} cannot be used: {str(failure).splitlines()[0]}"
        ) from failure


def _attach(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        # no other program opens this file, so its storage may be the newest, which is written twice as fast
        con.execute(f"attach {literal(path)} as warehouse (storage_version 'latest'); use warehouse")
    except duckdb.Error as failure:
        if _locked(path):
            raise Busy(f"{path} is open in another process.") from None
        if _out_of_space(failure):
            raise
        raise DamagedFolder(f"{path} is damaged: {str(failure).splitlines()[0]}", hint=DAMAGED) from failure


def _locked(path: Path) -> bool:
    """Whether another process holds DuckDB's lock on `path`."""
    import fcntl
    import struct

    try:
        with open(path, "rb") as handle:
            # type, whence, start, length, pid (struct flock of 64-bit Linux): asks which process would block a writer
            asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
            answered = struct.unpack("hhqqi4x", fcntl.fcntl(handle, fcntl.F_GETLK, asked))
    except (OSError, struct.error):
        return False
    return answered[0] != fcntl.F_UNLCK


def _out_of_space(failure: duckdb.Error) -> bool:
    import errno

    cause = failure.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def enter(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    snapshot: Snapshot,
    staged: Staged,
    acceptance: Acceptance,
    decide: Callable[[Acceptance], None],
    provisional: bool = False,
) -> None:
    """Write the figures of `acceptance` and call `decide` on it: neither is done without the other.

    `decide` writes it to the manifest, or holds it until later (`provisional`). Raises NotReplayable where the figures do
    not fit into history; nothing has changed then. A kill after `decide` leaves a line that the next replay follows.
    """
    with _refused_by_history(snapshot):
        vintages.append(
            con, dataset, snapshot, acceptance, staged, lambda: decide(acceptance), provisional=provisional
        )


@contextmanager
def _refused_by_history(snapshot: Snapshot) -> Iterator[None]:
    try:
        yield
    except (duckdb.IntegrityError, duckdb.DataError) as failure:
        raise NotReplayable(
            f"{snapshot.id} does not fit into history: {str(failure).splitlines()[0]}",
            hint="correct the file or the catalogue entry; until then the last good figures are used.",
        ) from failure


def replay(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    store: SnapshotStore,
    stage: Callable[[Snapshot], Staged],
    only: str | None = None,
) -> list[Unplayed]:
    """Append every acceptance of the manifest that the warehouse lacks, in order; returns those that cannot be appended.

    After a crash between an acceptance and its rows this is the whole recovery; figures whose acceptance never came into
    the manifest are taken out. An acceptance that a later one of its dataset has overtaken is not tried again. Raises
    DamagedFolder where the manifest lacks acceptances that it had.
    """
    _take_out_unconfirmed(con, store, only)
    known = {vintage for (vintage,) in con.execute("select vintage from vintages").fetchall()}
    newest: dict[str, int] = {}
    for acceptance in store.acceptances:
        if acceptance.sequence in known:
            newest[acceptance.dataset] = acceptance.sequence
    unplayed: list[Unplayed] = []
    waiting: set[str] = set()  # datasets of which a damaged body may come back: what follows it has to wait
    skipped: set[str] = set()
    for acceptance in store.acceptances:
        name = acceptance.dataset
        if (
            acceptance.sequence in known
            or name not in catalogue
            or only not in (None, name)
            or name in waiting
        ):
            continue
        if acceptance.sequence < newest.get(name, 0):
            skipped.add(acceptance.snapshot_id)
            continue
        snapshot = store.snapshots[acceptance.snapshot_id]
        try:
            if acceptance.kind == "withdrawal" and not _ever_entered(con, acceptance):
                vintages.append_empty(con, acceptance)
                continue
            staged = stage(snapshot)
            with _refused_by_history(snapshot):
                vintages.append(con, catalogue[name], snapshot, acceptance, staged)
        except DamagedSnapshot as failure:
            waiting.add(name)
            unplayed.append(Unplayed(acceptance, failure))
        except (SourceError, NotReplayable) as failure:
            unplayed.append(Unplayed(acceptance, failure))
    return unplayed


def _ever_entered(con: duckdb.DuckDBPyConnection, withdrawal: Acceptance) -> bool:
    return bool(
        con.execute(
            f"select 1 from vintages where snapshot_id = {literal(withdrawal.snapshot_id)} and kind <> 'withdrawal'"
        ).fetchone()
    )


def _take_out_unconfirmed(con: duckdb.DuckDBPyConnection, store: SnapshotStore, only: str | None) -> None:
    """Remove vintages, of the dataset `only` if given, whose acceptance never came into the manifest."""
    listed = {(event.sequence, event.accepted_at) for event in store.acceptances}
    lost = []
    for vintage, moment, provisional in con.execute(
        f"""
        select vintage, known_from, provisional from vintages
        where {f"dataset = {literal(only)}" if only else "true"} order by vintage desc"""
    ).fetchall():
        if (vintage, moment) not in listed:
            if not provisional:
                lost.append(vintage)
            else:
                vintages.take_out(con, vintage)
    if lost:
        raise DamagedFolder(
            f"The manifest lacks {len(lost)} acceptances whose figures are in the warehouse.", hint=RESTORE
        )


def confirm(con: duckdb.DuckDBPyConnection, store: SnapshotStore) -> None:
    """Write the decisions that are held to the manifest; their figures then belong to history for good."""
    store.confirm()
    con.execute("update vintages set provisional = false where provisional")


def drop_held(con: duckdb.DuckDBPyConnection, store: SnapshotStore) -> None:
    """Remove the figures of held acceptances from history, and discard the decisions."""
    for acceptance in reversed(store.held_acceptances):
        vintages.take_out(con, acceptance.sequence)
    store.drop_held()
