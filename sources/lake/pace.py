"""The pace of requests to one host, shared by all workers of a lake.

Belongs here: the locked row. Does not belong here: what it means (`sources/http/rate_limit.py`).
"""

from __future__ import annotations

from typing import Any

from sources.errors import LakeUnavailable
from sources.lake.database import Database
from sources.lake.problems import first_line


class PaceRow:
    """The pace of one host as a row that is locked while it is used, with a connection of its own."""

    def __init__(self, database: Database, host: str):
        self._database, self._host = database, host
        self._con: Any = None
        self._name = f"the pace of {host} in {database.address}"

    def acquire(self, timeout: float) -> bool:
        """Lock the row; False where another process holds it for `timeout` seconds."""
        driver = self._database.driver
        if self._con is None or self._con.closed:
            self._con = self._database.connect()
            self._run("insert into distretto.pace values (%s, '{}') on conflict do nothing", self._host)
        try:
            self._run(
                f"begin; set local lock_timeout = {int(timeout * 1000)}; "
                "select 1 from distretto.pace where host = %s for update",
                self._host,
            )
        except driver.errors.LockNotAvailable:
            self._run("rollback")
            return False
        return True

    def release(self) -> None:
        self._run("commit")

    def read(self) -> list[tuple[str, bytes]]:
        """What is kept, with its place: the record as it was written last, if there is one."""
        found = self._database.run("select record from distretto.pace where host = %s", self._host)
        return [(self._name, record.encode()) for (record,) in found]

    def write(self, record: bytes) -> None:
        self._run("update distretto.pace set record = %s where host = %s", record.decode(), self._host)

    def now(self) -> float:
        """Seconds since 1970 by the database's clock, which all workers share."""
        return float(self._database.run("select extract(epoch from clock_timestamp())")[0][0])

    def _run(self, sql: str, *given: object) -> None:
        driver = self._database.driver
        try:
            with self._con.cursor() as cursor:
                cursor.execute(sql, given or None)
        except driver.errors.LockNotAvailable:
            raise
        except (driver.OperationalError, driver.InterfaceError) as failure:
            raise LakeUnavailable(
                f"{self._database.address} does not answer: {first_line(failure)}."
            ) from None
