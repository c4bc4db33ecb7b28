"""The lake's PostgreSQL database: sessions, tables, locks.

Belongs here: connecting, and what one statement does. Does not belong here: the statements on the tables (`lake.py`).
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from sources.errors import Busy, ImplausibleClock, LakeRefused, LakeUnavailable, OtherLake
from sources.lake.problems import first_line, not_installed

VERSION = 1
CONNECT_S = 10
# how often a held lock is asked for again, and how long a step waits for one
POLL_S, PATIENCE_S = 0.5, 600
# a worker's clock may differ from the database's by this much: it dates bodies, not decisions
APART = timedelta(minutes=5)
TABLES = """
create schema if not exists distretto;
create table if not exists distretto.version (version integer primary key);
create table if not exists distretto.manifest (sequence bigserial primary key, number integer unique, line text not null);
create table if not exists distretto.held
    (sequence bigserial primary key, number integer unique, decided_at timestamptz not null, line text not null);
create table if not exists distretto.last_decision
    (one boolean primary key default true check (one), number integer not null, decided_at timestamptz not null);
insert into distretto.last_decision values (true, 0, 'epoch') on conflict do nothing;
create table if not exists distretto.status (sequence bigserial primary key, name text not null, entry text not null);
create index if not exists status_by_name on distretto.status (name, sequence desc);
create table if not exists distretto.pace (host text primary key, record text not null);
create table if not exists distretto.releases (id text primary key, retired boolean not null default false);
create table if not exists distretto.shown
    (one boolean primary key default true check (one), release text, rolled_back_from text);
insert into distretto.shown values (true, null, null) on conflict do nothing;
create or replace function distretto.refuse() returns trigger language plpgsql as
    $$ begin raise exception '% is append-only', tg_table_name; end $$;
create or replace trigger manifest_is_append_only before update or delete or truncate on distretto.manifest
    execute function distretto.refuse();
create or replace trigger status_is_append_only before update or delete or truncate on distretto.status
    execute function distretto.refuse();
"""


class Database:
    """The database at `address`. Its connection is made at first use and belongs to this process."""

    def __init__(self, address: str):
        self.address = address
        self._con: Any = None
        self._locks = 0
        self._guard = threading.Lock()

    @cached_property
    def driver(self) -> Any:
        """The module of the client."""
        try:
            import psycopg2
        except ImportError as failure:
            raise not_installed(failure) from None
        return psycopg2

    def connect(self) -> Any:
        """A new connection, on which each statement is a transaction. Raises LakeUnavailable."""
        try:
            con = self.driver.connect(
                self.address, connect_timeout=CONNECT_S, application_name="distretto", keepalives_idle=30
            )
        except self.driver.OperationalError as failure:
            raise LakeUnavailable(f"{self.address} cannot be used: {first_line(failure)}.") from None
        con.autocommit = True
        return con

    def _session(self) -> Any:
        """The connection of this process; a lost one is replaced, but not while locks rest on it."""
        if self._con is None or (self._con.closed and not self._locks):
            self._con = self.connect()
            self._begin(self._con)
        return self._con

    def _begin(self, con: Any) -> None:
        """Make the tables at first use; refuse a lake of a newer version and a clock that is wrong."""
        with con.cursor() as cursor:
            try:
                cursor.execute("select to_regclass('distretto.version'), clock_timestamp()")
                exists, moment = cursor.fetchone()
                if exists is None:
                    cursor.execute(
                        f"begin; select pg_advisory_xact_lock({_key('tables')}); {TABLES} "
                        f"insert into distretto.version values ({VERSION}) on conflict do nothing; commit"
                    )
                cursor.execute("select max(version) from distretto.version")
                (version,) = cursor.fetchone()
            except self.driver.Error as failure:
                con.close()
                raise LakeUnavailable(f"{self.address} cannot be used: {first_line(failure)}.") from None
        if version > VERSION:
            con.close()
            raise OtherLake(f"{self.address} has tables of version {version}; this version reads {VERSION}.")
        if abs(apart := datetime.now(UTC) - moment) > APART:
            con.close()
            side = "ahead of" if apart > timedelta() else "behind"
            raise ImplausibleClock(
                f"The clock of this machine is {abs(apart).total_seconds() / 60:,.0f} minutes {side} that of "
                f"{self.address}.",
                hint="set the clock (timedatectl), then run again; nothing was written.",
            )

    def run(self, sql: str, *given: object) -> list[tuple[Any, ...]]:
        """Execute one statement, which is a transaction."""
        with self._guard:
            con = self._session()
            try:
                with con.cursor() as cursor:
                    cursor.execute(sql, given or None)
                    return cursor.fetchall() if cursor.description else []
            except (self.driver.OperationalError, self.driver.InterfaceError) as failure:
                raise LakeUnavailable(f"{self.address} does not answer: {first_line(failure)}.") from None
            except self.driver.errors.InsufficientPrivilege as failure:
                raise LakeRefused(f"{self.address} refuses: {first_line(failure)}.") from None

    @contextmanager
    def locked(self, name: str, shared: bool = False, patience: float = PATIENCE_S) -> Iterator[None]:
        """Hold the lock `name`, which ends with the process.

        Raises Busy where another process holds it for longer than `patience` seconds.
        """
        mode, ends = "_shared" if shared else "", time.monotonic() + patience
        while not self.run(f"select pg_try_advisory_lock{mode}({_key(name)})")[0][0]:
            if time.monotonic() >= ends:
                raise Busy(f"Another process holds the lock of the {name} in {self.address}.")
            time.sleep(POLL_S)
        self._locks += 1
        try:
            yield
        finally:
            self._locks -= 1
            if not self._con.closed:
                self.run(f"select pg_advisory_unlock{mode}({_key(name)})")


def _key(name: str) -> str:
    """The number of an advisory lock, as SQL."""
    return str(int.from_bytes(hashlib.sha256(f"distretto {name}".encode()).digest()[:8], signed=True))
