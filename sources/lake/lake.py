"""One lake by its two addresses: manifest, status, list of releases, and how series and history are attached.

Belongs here: the statements on the lake's tables. Does not belong here: sessions and locks (`database.py`), objects
(`objects.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sources.common.sql import literal
from sources.errors import Busy, SpecError
from sources.lake.database import PATIENCE_S, Database
from sources.lake.objects import Access, Objects
from sources.lake.pace import PaceRow
from sources.lake.problems import SETTING, not_installed

if TYPE_CHECKING:
    import duckdb

FORM = "postgresql://HOST[:PORT]/DATABASE s3://BUCKET[/PREFIX]"


class Lake:
    """One lake, by its two addresses. Connections are made at first use and belong to this process."""

    def __init__(self, addresses: str):
        """`addresses`: the value of DISTRETTO_LAKE. Raises SpecError."""
        parts = [urlsplit(part) for part in addresses.split()]
        schemes = [part.scheme for part in parts]
        if schemes != ["postgresql", "s3"] or not all(part.hostname for part in parts):
            raise SpecError(f"{SETTING} is not two addresses.", hint=f"write {FORM}.")
        if any(part.username or part.password or "password" in part.query for part in parts):
            raise SpecError(
                f"{SETTING} contains a user or a password.",
                hint="set PGUSER, PGPASSWORD, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead.",
            )
        catalogue, store = addresses.split()
        self.database, self.objects = Database(catalogue), Objects(store)

    @contextmanager
    def writing(self, dataset: str | None = None, patience: float = PATIENCE_S) -> Iterator[None]:
        """Hold the lock of `dataset`; without one that of the release and of persons' decisions, which excludes all others.

        Raises Busy after `patience` seconds.
        """
        with ExitStack() as held:
            held.enter_context(self.database.locked("release", shared=dataset is not None, patience=patience))
            if dataset:
                held.enter_context(self.database.locked(f"dataset {dataset}", patience=patience))
            yield

    # -- the manifest: see `sources.manifest.Manifest`

    @property
    def name(self) -> str:
        """Its place, for messages."""
        return f"the manifest in {self.database.address}"

    def read(self) -> list[tuple[int | None, str | bytes, bool]]:
        """Every line, with the number of an acceptance and whether it is held, in order."""
        return self.database.run("""
            select number, line, held from (
                select 0 as part, sequence, decided_at, number, line, false as held
                from (select sequence, null::timestamptz as decided_at, number, line from distretto.manifest) kept
                union all select 1, sequence, decided_at, number, line, true from distretto.held
            ) lines order by part, decided_at, sequence""")

    def next_moment(self, last: datetime | None) -> datetime:
        """Now by the database's clock, and later than every decision so far."""
        return self._decide(0)[1]

    def next_acceptance(self, last: datetime | None, count: int) -> tuple[int, datetime]:
        """The number and the moment of a new acceptance, which no other process gets."""
        return self._decide(1)

    def _decide(self, step: int) -> tuple[int, datetime]:
        (row,) = self.database.run(
            """
            update distretto.last_decision set number = number + %s,
                decided_at = greatest(clock_timestamp(), decided_at + interval '1 microsecond')
            returning number, decided_at""",
            step,
        )
        return row[0], row[1].astimezone(UTC)

    def append(self, lines: Iterable[tuple[int | None, str]]) -> None:
        """Add lines to the manifest, durably and all or none."""
        numbers, texts = (list(column) for column in zip(*lines, strict=True))
        self.database.run(
            "insert into distretto.manifest (number, line) select * from unnest(%s::integer[], %s::text[])",
            numbers,
            texts,
        )
        # what comes from a data folder has its numbers
        self.database.run(
            "update distretto.last_decision set number = greatest(number, %s)", max(n or 0 for n in numbers)
        )

    def hold(self, number: int | None, moment: datetime, line: str) -> None:
        """Keep a decision for the release checks to judge, whichever process runs them."""
        self.database.run(
            "insert into distretto.held (number, decided_at, line) values (%s, %s, %s)", number, moment, line
        )

    def confirm(self, held: list[tuple[int | None, str]]) -> None:
        """Move what is held, by whichever process, into the manifest."""
        self.database.run("""
            with gone as (delete from distretto.held returning number, line, decided_at, sequence)
            insert into distretto.manifest (number, line) select number, line from gone order by decided_at, sequence""")

    def drop_held(self) -> None:
        """Discard what is held."""
        self.database.run("delete from distretto.held")

    # -- status

    def status(self) -> dict[str, str]:
        """The newest entry of each name."""
        return dict(
            self.database.run(
                "select distinct on (name) name, entry from distretto.status order by name, sequence desc"
            )
        )

    def add_status(self, entries: dict[str, str]) -> None:
        """Add entries; the earlier ones of these names stay in the table."""
        if entries:
            self.database.run(
                "insert into distretto.status (name, entry) select * from unnest(%s::text[], %s::text[])",
                list(entries),
                list(entries.values()),
            )

    def pace(self, host: str) -> PaceRow:
        """The shared record of requests to `host`."""
        return PaceRow(self.database, host)

    # -- releases

    def releases(self, retired: bool = False) -> list[str]:
        """The ids of the releases that are whole, oldest first; with `retired`, also those that retention took away."""
        return [
            id_
            for (id_,) in self.database.run(
                "select id from distretto.releases where %s or not retired order by id", retired
            )
        ]

    def upload(self, release: str, folder: Path) -> None:
        """Store the files of a release, then list it; one that was taken off the list comes back."""
        self.objects.upload(f"releases/{release}", folder)
        self.database.run(
            "insert into distretto.releases (id) values (%s) on conflict (id) do update set retired = false",
            release,
        )

    def download(self, release: str, folder: Path) -> None:
        """Bring the files of a release to `folder`. Raises DamagedSnapshot."""
        self.objects.download(f"releases/{release}", folder)

    def retire(self, release: str, kept: tuple[str, ...]) -> None:
        """Take a release off the list and remove its files from the store, but for those `kept`."""
        self.database.run("update distretto.releases set retired = true where id = %s", release)
        for place in self.objects.places(f"releases/{release}"):
            if place.split("/")[2] not in kept:
                self.objects.delete(place)

    def shown(self) -> tuple[str | None, str | None]:
        """The release that readers get, and the one that a person rolled back from."""
        (row,) = self.database.run("select release, rolled_back_from from distretto.shown")
        return row[0], row[1]

    def show(self, release: str, before: str | None, rolled_back_from: str | None) -> None:
        """Show `release` instead of `before`. Raises Busy where another one is shown by now."""
        changed = self.database.run(
            "update distretto.shown set release = %s, rolled_back_from = %s "
            "where release is not distinct from %s returning 1",
            release,
            rolled_back_from,
            before,
        )
        if not changed:
            raise Busy(
                f"Another process published {self.shown()[0]} meanwhile, in place of {before or 'no release'}.",
                hint="run again: the release of this run stays and can be shown by `distretto release rollback`.",
            )

    # -- series and history

    def history(self, con: duckdb.DuckDBPyConnection, version: int | None = None) -> str:
        """What DuckDB's ATTACH needs for series and history, as `warehouse`: read-only as of `version`, if given.

        Gives `con` the extensions and the access that this takes. Raises LakeUnavailable.
        """
        access = Access.from_env()
        where = urlsplit(access.endpoint)
        at = (
            f", endpoint {literal(where.netloc)}, url_style 'path', use_ssl {where.scheme != 'http'}"
            if access.endpoint
            else ""
        )
        for extension in ("httpfs", "postgres_scanner", "ducklake"):
            con.execute(f"load {literal(_extension(extension))}")
        con.execute(
            f"create or replace secret lake (type s3, key_id {literal(access.key)}, secret {literal(access.secret)}, "
            f"region {literal(access.region)}, scope {literal(self.objects.address)}{at})"
        )
        as_of = f", snapshot_version {version}" if version is not None else ""
        return (
            f"{literal('ducklake:postgres:' + self.database.address)} as warehouse (metadata_schema 'history', "
            f"data_path {literal(self.objects.address + '/history/')}{as_of})"
        )

    @contextmanager
    def attaching(self) -> Iterator[None]:
        """Series and history are attached within it: of several processes that are the first, one makes their catalogue."""
        (made,) = self.database.run("select to_regclass('history.ducklake_metadata') is not null")[0]
        with nullcontext() if made else self.database.locked("schema"):
            yield

    @staticmethod
    def version(con: duckdb.DuckDBPyConnection) -> int:
        """The version of series and history that `con` would read now."""
        return int(con.execute("select id from warehouse.current_snapshot()").fetchall()[0][0])


def _extension(name: str) -> Path:
    """The file of a DuckDB extension, from its wheel: nothing is downloaded. Raises LakeUnavailable."""
    from importlib.resources import files

    try:
        folder = Path(str(files(f"duckdb_extension_{name}").joinpath("extensions")))
    except ImportError as failure:
        raise not_installed(failure) from None
    return next(folder.glob(f"*/{name}.duckdb_extension"))
