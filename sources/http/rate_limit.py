"""Rate limits of a provider: interval, requests per hour, bytes per week, and bans.

Belongs here: the rate limit of one host, kept on disk per machine and shared by all processes and all data folders; in a
lake, shared by all machines. Does not belong here: sending requests (`client.py`) and what a provider's limits are
(`sources/providers.yml`).
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from sources.data_folder import write_atomic
from sources.errors import RateLimited, TooSlow, Where
from sources.http.stopping import Stop
from sources.providers import Provider

if TYPE_CHECKING:
    from sources.lake.lake import Lake
    from sources.lake.pace import PaceRow

HOUR_S = 3600
# the longest ban known lasts two days, and a header may be wrong
LONGEST_WAIT_S = 7 * 24 * HOUR_S
LOCK_POLL_S = 0.5
log = logging.getLogger("distretto")


def state_folder() -> Path:
    """The folder of this user on this machine for what holds across data folders: DISTRETTO_STATE, else
    XDG_STATE_HOME/distretto, else ~/.local/state/distretto."""
    if named := os.environ.get("DISTRETTO_STATE"):
        return Path(named).expanduser()
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path("~/.local/state")).expanduser() / "distretto"


@dataclass(frozen=True)
class RateLimitState:
    """When a host was last asked, before when it must not be asked again, and what its quotas leave; None: has none."""

    last: datetime | None
    not_before: datetime | None
    requests_left: int | None
    bytes_left: int | None


@dataclass
class _Record:
    """What the file of a host holds; moments are seconds since 1970."""

    last: float = 0.0
    not_before: float = 0.0
    hour: list[float] = field(default_factory=list)
    week: str = ""
    week_bytes: int = 0

    @classmethod
    def parse(cls, text: bytes, place: str) -> _Record:
        """The record in `text`, which `place` holds. What has another type than expected counts as absent; a damaged text is
        reported in the log and replaced by the next request."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            log.warning("%s is not a rate limit file: it is replaced.", place)
            return cls()
        hour = data.get("hour")
        record = cls(
            _number(data.get("last")),
            _number(data.get("not_before")),
            [moment for moment in map(_number, hour) if moment] if isinstance(hour, list) else [],
            data["week"] if isinstance(data.get("week"), str) else "",
            int(_number(data.get("week_bytes"))),
        )
        if any(key in data and data[key] != value for key, value in vars(record).items()):
            log.warning("%s holds values of a wrong type: they are replaced.", place)
        return record

    def merged(self, other: _Record) -> _Record:
        """The stricter of both in every respect."""
        week = max(self.week, other.week)
        used = sum(record.week_bytes for record in (self, other) if record.week == week)
        return _Record(
            max(self.last, other.last),
            max(self.not_before, other.not_before),
            sorted({*self.hour, *other.hour}),
            week,
            used,
        )

    def last_hour(self, now: float) -> list[float]:
        """The moments of the requests of the last hour. If the clock was set back, later ones do not count."""
        return [moment for moment in self.hour if 0 <= now - moment < HOUR_S]

    def bytes_this_week(self) -> int:
        return self.week_bytes if self.week == _week() else 0


class _PaceFile:
    """The record of one host on this machine. `former`: its file in a data folder, where it was kept before."""

    def __init__(self, former: Path) -> None:
        self._former = former

    @cached_property
    def _file(self) -> Path:
        return _writable(state_folder() / "pace", self._former.parent) / self._former.name

    @cached_property
    def _lock(self) -> FileLock:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{self._file}.lock")

    def acquire(self, timeout: float) -> bool:
        try:
            self._lock.acquire(timeout=timeout)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        self._lock.release()

    def read(self) -> list[tuple[str, bytes]]:
        """What is kept, each with its place: the file's text, and that of the former file until the next request."""
        found = []
        for path in dict.fromkeys((self._file, self._former)):
            with suppress(OSError):
                found.append((str(path), path.read_bytes()))
        return found

    def write(self, record: bytes) -> None:
        write_atomic(self._file, record)
        if self._former != self._file:
            self._former.unlink(missing_ok=True)

    def now(self) -> float:
        return time.time()


class RateLimiter:
    """The rate limit of one provider's host. `interval` seconds lie between two requests; a protocol may change it.

    `former` is a data folder's `pace/`, where this state was kept before: it is taken over from there, and kept there
    where the state folder cannot be written. In a `lake`, the state is a row that all machines share.
    """

    def __init__(
        self, provider: Provider, former: Path, stop: Stop | None = None, lake: Lake | None = None
    ) -> None:
        self.provider = provider
        self.stop = stop or Stop()
        self.interval = provider.interval_s
        host = urlsplit(provider.base_url).hostname or ""
        self._kept: _PaceFile | PaceRow = lake.pace(host) if lake else _PaceFile(former / f"{host}.json")

    def state(self) -> RateLimitState:
        """The host's state, shared by all processes of this machine."""
        record, provider = self._recall(), self.provider
        last, not_before = (_moment(seconds) for seconds in (record.last, record.not_before))
        return RateLimitState(
            last,
            not_before,
            max(provider.max_per_hour - len(record.last_hour(self._kept.now())), 0)
            if provider.max_per_hour
            else None,
            max(provider.max_bytes_a_week - record.bytes_this_week(), 0)
            if provider.max_bytes_a_week
            else None,
        )

    def acquire(self, where: Where, ends: float) -> None:
        """Wait until this host may be asked, and count the request. `ends` is the monotonic time of giving up.

        Raises RateLimited during a ban or if a quota is spent, TooSlow past `ends`, Interrupted.
        """
        with self._locked(where, ends):
            record = self._recall()
            if (banned := record.not_before - self._kept.now()) > 0:
                raise RateLimited(
                    f"The provider asked not to be asked before {_moment(record.not_before):%Y-%m-%d %H:%M} UTC.",
                    **where,
                    retry_after=min(banned, LONGEST_WAIT_S),
                    hint="nothing: the first run after that asks again.",
                )
            self._refuse_past_quota(record, where)
            # if the clock was set back, still wait at most one interval
            self.stop.wait(min(max(record.last + self.interval - self._kept.now(), 0), self.interval))
            record.last = self._kept.now()
            if self.provider.max_per_hour:
                record.hour = [*record.last_hour(record.last), record.last]
            self._write(record)

    def block(self, seconds: float) -> None:
        """Send no requests for `seconds`, a week at most; an earlier ban that lasts longer stays."""
        with self._locked({}, time.monotonic() + self.provider.host_budget_s):
            record = self._recall()
            until = self._kept.now() + min(max(seconds, 0), LONGEST_WAIT_S)
            record.not_before = max(record.not_before, until)
            self._write(record)

    def add_bytes(self, size: int) -> None:
        """Count `size` bytes against the quota of this week."""
        if self.provider.max_bytes_a_week:
            with self._locked({}, time.monotonic() + self.provider.host_budget_s):
                record = self._recall()
                record.week, record.week_bytes = _week(), record.bytes_this_week() + size
                self._write(record)

    def _refuse_past_quota(self, record: _Record, where: Where) -> None:
        """Raise RateLimited if this hour's requests or this week's bytes are spent."""
        most = self.provider.max_per_hour
        now = self._kept.now()
        if most and len(hour := record.last_hour(now)) >= most:
            raise RateLimited(
                f"{len(hour)} requests within an hour; the provider allows {most}.",
                **where,
                retry_after=hour[-most] + HOUR_S - now,
                hint="nothing: the first run after that continues.",
            )
        most = self.provider.max_bytes_a_week
        if most and (used := record.bytes_this_week()) >= most:
            raise RateLimited(
                f"{used:,} bytes this week, of the {most:,} allowed.",
                **where,
                retry_after=until_monday(),
                hint="nothing: the first run of the next week continues.",
            )

    @contextmanager
    def _locked(self, where: Where, ends: float) -> Iterator[None]:
        """Hold the host's lock; a run that is to end, or whose time is spent, does not wait for it."""
        while True:
            if time.monotonic() > ends:
                raise TooSlow(f"The {self.provider.host_budget_s:g} s for this host are spent.", **where)
            if self._kept.acquire(LOCK_POLL_S):
                break
            self.stop.check()
        try:
            yield
        finally:
            self._kept.release()

    def _recall(self) -> _Record:
        kept = [_Record.parse(text, place) for place, text in self._kept.read()]
        record = reduce(_Record.merged, kept) if kept else _Record()
        # a ban longer than any known one is a damaged file or a clock that was wrong
        record.not_before = min(record.not_before, self._kept.now() + LONGEST_WAIT_S)
        return record

    def _write(self, record: _Record) -> None:
        self._kept.write(json.dumps({k: v for k, v in vars(record).items() if v}).encode())


def until_monday() -> float:
    """Seconds until the next Monday, UTC."""
    now = datetime.now(UTC)
    monday = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=7 - now.weekday())
    return (monday - now).total_seconds()


def _writable(folder: Path, otherwise: Path) -> Path:
    """`folder`, or `otherwise` if it cannot be made or written to; a warning is logged then."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
        reason = "not writable"
    except OSError as failure:
        reason = failure.strerror or str(failure)
    log.warning(
        "%s: %s; rate limits are kept in %s. Set DISTRETTO_STATE to a folder that all runs share.",
        folder,
        reason,
        otherwise,
    )
    return otherwise


def _number(value: Any) -> float:
    """`value` if it is a finite number, else 0."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and math.isfinite(value) and abs(value) < 1e15 else 0.0


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _week() -> str:
    return f"{datetime.now(UTC):%G-W%V}"
