"""What a data folder knows of its ledger's past: when its figures begin, what each release published, what was known when.

Belongs here: reading manifest, releases and time stamps. Does not belong here: the verdict (`verification.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from sources.common import config
from sources.common.sql import connect
from sources.data_folder import DataFolder
from sources.snapshots import SnapshotStore
from warehouse.reference.territory import REFERENCE
from warehouse.targets import figures, timestamp
from warehouse.targets.ledger import token_path
from warehouse.targets.rules import Known
from warehouse.targets.schema import Anchor, LedgerError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SHIPPED = REFERENCE / "shipped_ledger.yml"


@dataclass(frozen=True)
class PublishedLedger:
    """The ledger as one release has it: how many entries, and their contents by number.

    Without contents if the release's files are gone or cannot be read.
    """

    release_id: str
    built_at: datetime
    entries: int
    contents: dict[int, str] | None = None
    # numbers whose content is not the same in the release's Parquet file
    differing: tuple[int, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What the folder `home` knows, and the certificates that time stamps are verified with."""

    home: DataFolder
    certificates: Sequence[Certificate] = field(default=())

    @cached_property
    def begun(self) -> datetime | None:
        """When the folder's first figures were accepted, by its manifest or by the newest release; None if it has none."""
        moments = [a.accepted_at for a in SnapshotStore(self.home).acceptances]
        if self.database:
            with _reading(self.database) as con:
                moments += [
                    moment
                    for (moment,) in con.execute("select min(known_from) from vintages").fetchall()
                    if moment
                ]
        return min(moments, default=None)

    @cached_property
    def releases(self) -> list[PublishedLedger]:
        """What each release published of the ledger, oldest first, those whose files were removed by retention too."""
        return [
            found
            for folder in sorted(self.home.releases.glob("[0-9]*"))
            if (found := _published(folder)) is not None
        ]

    @cached_property
    def database(self) -> Path | None:
        """The DuckDB file of the newest release that can be read, which has the history of all before it."""
        readable = [release for release in self.releases if release.contents is not None]
        return self.home.releases / readable[-1].release_id / "distretto.duckdb" if readable else None

    @cached_property
    def history_begins(self) -> datetime | None:
        """The moment from which the folder still knows what was published; None if it knows nothing."""
        if self.database is None:
            return None
        with _reading(self.database) as con:
            return con.execute("select min(known_from) from indicator_history").fetchall()[0][0]

    @cached_property
    def shipped(self) -> frozenset[str]:
        """The seals of entries that a version of the project shipped."""
        by_commit = config.load(SHIPPED, dict[str, list[str]])
        return frozenset(seal for seals in by_commit.values() for seal in seals)

    def known_at(self, indicator: str, geo: str, moment: datetime) -> Known | None:
        """What had been published of `indicator` of `geo` by `moment`; None if the folder does not know any more."""
        if self.database is None or self.history_begins is None or moment < self.history_begins:
            return None
        released = max(
            (r.built_at for r in self.releases if r.built_at <= moment), default=self.history_begins
        )
        with _reading(self.database) as con:
            # what was accepted after that release was published by the next one only
            until = min(moment, released)
            return figures.as_known(indicator, figures.known_at(con, "main", (indicator, geo), until))

    def known_as_shipped(self, indicator: str, geo: str) -> Known | None:
        """What the figures that ship say of `indicator` of `geo`; None if no release here was built from them."""
        if self.database is None:
            return None
        with _reading(self.database) as con:
            found = con.execute(
                """
                select period, value, unit from (
                    from indicator_history semi join (from snapshots where origin = 'shipped') using (snapshot_id)
                    where indicator = ? and geo = ? and not deleted and value is not null
                    qualify row_number() over (partition by period order by known_from) = 1)
                order by period""",
                [indicator, geo],
            ).fetchall()
        units = {unit for _, _, unit in found}
        if len(units) != 1:
            return None
        values = {period: value for period, value, _ in found}
        return Known(values, units.pop(), figures.direction_of(indicator))

    def token(self, anchor: Anchor) -> bytes:
        """The time stamp of `anchor`. Raises LedgerError if it is missing, or not the one that was anchored."""
        path = token_path(self.home, anchor.anchors)
        try:
            data = path.read_bytes()
        except OSError:
            raise LedgerError(f"its time stamp {path.name} cannot be read") from None
        if hashlib.sha256(data).hexdigest() != anchor.token_sha256:
            raise LedgerError(f"its time stamp {path.name} is not what was anchored")
        return data

    def stamp(self, anchor: Anchor) -> timestamp.TimeStamp:
        """The verified time stamp of `anchor`. Raises LedgerError if it cannot be verified."""
        return timestamp.verified(self.token(anchor), anchor.anchors, self.certificates)


def _reading(path: Path) -> duckdb.DuckDBPyConnection:
    con = connect(path, read_only=True)
    con.execute("set timezone = 'UTC'")
    return con


def _published(folder: Path) -> PublishedLedger | None:
    """What the release in `folder` says of the ledger; None if even its release.json cannot be read."""
    try:
        record = json.loads((folder / "release.json").read_bytes())
        built_at = datetime.fromisoformat(record["built_at"])
        entries = int(record["tables"].get("target_ledger", 0))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    path = folder / "distretto.duckdb"
    if not path.exists():
        return PublishedLedger(folder.name, built_at, entries)
    sql = "select number, content from {} order by number"
    try:
        with _reading(path) as con:
            if not con.execute("from duckdb_tables() where table_name = 'target_ledger'").fetchall():
                return PublishedLedger(folder.name, built_at, 0, {})
            contents = dict(con.execute(sql.format("target_ledger")).fetchall())
            copy = folder / "target_ledger.parquet"
            other = contents
            if copy.exists():
                other = dict(con.execute(sql.format("read_parquet(?)"), [str(copy)]).fetchall())
    except duckdb.Error:
        # a damaged release is reported by `distretto release verify`
        return PublishedLedger(folder.name, built_at, entries)
    differing = sorted(n for n in contents.keys() | other.keys() if contents.get(n) != other.get(n))
    return PublishedLedger(folder.name, built_at, entries, contents, tuple(differing))
