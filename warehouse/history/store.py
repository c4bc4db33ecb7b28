"""Opening the warehouse, and keeping it in step with the snapshot manifest.

Belongs here: the connection, the schema, replaying acceptances. Does not belong here: the arithmetic of a
vintage (`vintages.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from sources.common.sql import literal
from sources.data_folder import DataFolder
from sources.errors import Busy
from sources.formats.staged import Staged
from warehouse.history import vintages

if TYPE_CHECKING:
    from sources.catalogue import Catalogue
    from sources.snapshots import Snapshot, SnapshotStore

MEMORY = "2GB"


@contextmanager
def warehouse(home: DataFolder, dimensions: list[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse attached for writing as `warehouse`; its `series` has a column for each of `dimensions`.

    Raises Busy where another process has it open.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(home.root / "spill")})
    try:
        try:
            # nobody else opens this file, so its storage may be the newest, which is written twice as fast
            con.execute(
                f"attach {literal(home.warehouse)} as warehouse (storage_version 'latest'); use warehouse"
            )
        except duckdb.IOException as failure:
            if "lock" in str(failure).lower():
                raise Busy(f"{home.warehouse} is open in another process.") from None
            raise
        con.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        # in one transaction: forty commits took 12 ms of every opening
        con.begin()
        con.execute((Path(__file__).parent / "schema.sql").read_text())
        for dimension in dimensions:
            con.execute(f'alter table later_series add column if not exists "{dimension}" varchar')
        vintages.show(con)
        con.commit()
        yield con
    finally:
        con.close()


def replay(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    store: SnapshotStore,
    stage: Callable[[Snapshot], Staged],
    only: str | None = None,
) -> None:
    """Append every acceptance of the manifest that the warehouse lacks, in order.

    After a crash between an acceptance and its rows this is the whole recovery.
    """
    known = {moment for (moment,) in con.execute("select known_from from vintages").fetchall()}
    for acceptance in store.acceptances:
        if (
            acceptance.accepted_at in known
            or acceptance.dataset not in catalogue
            or only not in (None, acceptance.dataset)
        ):
            continue
        snapshot = store.snapshots[acceptance.snapshot_id]
        vintages.append(con, catalogue[acceptance.dataset], snapshot, acceptance, stage(snapshot))
