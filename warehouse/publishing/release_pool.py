"""One DuckDB instance for all readers of the current release, replaced when `current` is switched.

Belongs here: opening, sharing and closing the release's DuckDB file within one process that serves many readers, and the
limits of their queries. Does not belong here: the queries. A program that reads once uses `release.reading`.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import duckdb

from sources.common.sql import literal, scalar
from sources.data_folder import DataFolder
from sources.errors import DistrettoError
from warehouse.publishing.releases import DamagedRelease, OtherVersion, Release, current

MEMORY = "512MB"
QUERY_S = 30
Value = TypeVar("Value")


class NothingPublished(DistrettoError):
    """There is no release to read."""

    hint = "`distretto refresh` publishes one."


class QueryTooLong(DistrettoError):
    """A query was stopped because it ran longer than QUERY_S."""

    hint = "ask for fewer territories, indicators or periods, or read the Parquet files of the release."


@dataclass(frozen=True)
class Reading:
    """One reader's connection: every query on it reads the same release. Files can be written to `spool` alone."""

    release: Release
    con: duckdb.DuckDBPyConnection
    spool: Path
    _kept: dict[Callable[[duckdb.DuckDBPyConnection], object], object]

    def once(self, read: Callable[[duckdb.DuckDBPyConnection], Value]) -> Value:
        """What the function `read` returns for this release, read once for all readers; it must not be changed."""
        if read not in self._kept:
            self._kept[read] = read(self.con)
        return cast(Value, self._kept[read])


@contextmanager
def reading_beside(release: Release) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to a release other than the current one, which changes no setting.

    A reader of this process may still have the file open through the pool, whose settings are locked. Raises DamagedRelease.
    """
    try:
        con = duckdb.connect(str(release.database), read_only=True)
    except duckdb.Error as failure:
        raise DamagedRelease(f"Release {release.id} is damaged: {str(failure).splitlines()[0]}") from None
    with con:
        yield con


class _Instance:
    """The opened file of one release and the number of those who read it."""

    def __init__(self, release: Release, spool: Path):
        self.release = release
        self.kept: dict[Callable[[duckdb.DuckDBPyConnection], object], object] = {}
        self.readers = 0
        try:
            self.con = duckdb.connect(str(release.database), read_only=True)
        except duckdb.Error as failure:
            raise DamagedRelease(f"Release {release.id} is damaged: {str(failure).splitlines()[0]}") from None
        # where DuckDB still has the file open in this process it gives the same instance, which is confined already
        if not scalar(self.con, "select current_setting('lock_configuration')"):
            self.con.execute(f"""
                set global timezone = 'UTC';
                set enable_progress_bar = false;
                set memory_limit = {literal(MEMORY)};
                set temp_directory = '';
                set python_enable_replacements = false;
                set autoinstall_known_extensions = false;
                set allowed_directories = [{literal(spool)}];
                set enable_external_access = false;
                set lock_configuration = true""")
        # the first parameter of a process makes DuckDB import pandas, which takes a second
        self.con.execute("select ?", [release.id]).fetchall()


class ReleasePool:
    """Connections to whatever release is current when each is taken; safe for use by several threads."""

    def __init__(self, home: DataFolder):
        self._home = home
        self._lock = threading.Lock()
        # by release id: the current one, and earlier ones that are still read
        self._instances: dict[str, _Instance] = {}
        self._spool = tempfile.TemporaryDirectory(prefix="distretto-")

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """A connection to the current release, which it keeps reading even if another becomes current meanwhile.

        Raises NothingPublished, DamagedRelease; OtherVersion if a query asks for a table or column that the code which
        built the release did not have; QueryTooLong.
        """
        instance = self._take()
        cursor = instance.con.cursor()
        deadline = threading.Timer(QUERY_S, cursor.interrupt)
        deadline.daemon = True
        deadline.start()
        try:
            yield Reading(instance.release, cursor, Path(self._spool.name), instance.kept)
        except duckdb.InterruptException:
            raise QueryTooLong(f"The query ran for {QUERY_S} seconds and was stopped.") from None
        except (duckdb.CatalogException, duckdb.BinderException) as failure:
            if instance.release.of_this_code:
                raise
            raise OtherVersion(
                f"Release {instance.release.id} was built by another version of the project, which does not have what is "
                f"asked for here: {str(failure).splitlines()[0]}"
            ) from None
        finally:
            deadline.cancel()
            cursor.close()
            self._give_back(instance)

    def close(self) -> None:
        """Close the releases that nobody reads, and remove the files written for readers."""
        with self._lock:
            self._close_idle(None)
        self._spool.cleanup()

    def _take(self) -> _Instance:
        with self._lock:
            release = current(self._home)
            if release is None:
                raise NothingPublished("No release is published yet.")
            if release.id not in self._instances:
                self._instances[release.id] = _Instance(release, Path(self._spool.name))
                self._close_idle(release.id)
            instance = self._instances[release.id]
            instance.readers += 1
            return instance

    def _give_back(self, instance: _Instance) -> None:
        with self._lock:
            instance.readers -= 1
            release = current(self._home)
            self._close_idle(release.id if release else None)

    def _close_idle(self, shown: str | None) -> None:
        """Close every release that nobody reads but the one that is `shown`."""
        for release_id, instance in list(self._instances.items()):
            if release_id != shown and not instance.readers:
                del self._instances[release_id]
                instance.con.close()
