"""Check that the machine's clock is plausible: times in the manifest and ids of releases cannot be corrected later.

Belongs here: comparing the clock with what was written before and with what providers say, and an operator's confirmation.
Does not belong here: what a run does when the clock is wrong (`assets/soundness.py`).
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sources.data_folder import DataFolder, to_json, utc_now
from sources.errors import ImplausibleClock

# adjustments of a running clock are smaller
BACKWARDS = timedelta(minutes=5)
APART = timedelta(days=1)
# after a longer time without a run, the clock alone is no reason to delete anything
SILENT = timedelta(days=45)


@dataclass
class ProviderClock:
    """How far the machine's clock is from those of the providers that answered in this run, by host."""

    apart: dict[str, timedelta] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def watch(self, response: Any, *_args: Any, **_options: Any) -> None:
        """A hook of requests: note the `Date` of `response`, plus the `Age` it was stored for on the way."""
        from email.utils import parsedate_to_datetime

        try:
            said = parsedate_to_datetime(response.headers["date"])
            age = timedelta(seconds=float(response.headers.get("age", 0)))
        except (KeyError, ValueError, TypeError, OverflowError):
            return
        said = said if said.tzinfo else said.replace(tzinfo=UTC)
        with self._lock:
            self.apart[response.url.split("/")[2]] = utc_now() - said - age

    @property
    def answered(self) -> bool:
        return bool(self.apart)

    def check(self, home: DataFolder) -> None:
        """Raise ImplausibleClock if every provider that answered is more than a day away from the machine's clock."""
        with self._lock:
            apart = dict(self.apart)
        if apart and all(abs(found) > APART for found in apart.values()) and not _confirmed_today(home):
            host, found = next(iter(apart.items()))
            side = "ahead of" if found > timedelta() else "behind"
            days = abs(found).total_seconds() / 86400
            raise ImplausibleClock(f"The clock of this machine is {days:,.1f} days {side} that of {host}.")


def check_against_past(home: DataFolder, last: datetime | None) -> None:
    """Raise ImplausibleClock if the clock is before `last`, the last acceptance or build, and no operator confirmed it."""
    now = utc_now()
    if last is None or now >= last - BACKWARDS:
        return
    if any(last <= datetime.fromisoformat(one["until"]) for one in confirmations(home)):
        return
    raise ImplausibleClock(
        f"The clock says {now:%Y-%m-%d %H:%M} UTC, but {home.root} holds decisions or releases of {last:%Y-%m-%d %H:%M} UTC."
    )


def confirmations(home: DataFolder) -> list[dict[str, str]]:
    """Operators' confirmations of the clock, oldest first."""
    try:
        lines = home.clock.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


def confirm(home: DataFolder, last: datetime | None, by: str, because: str) -> dict[str, str]:
    """Record that the clock is right, although files written until `last` say otherwise; returns the record."""
    now = utc_now()
    said = {
        "confirmed_at": now.isoformat(),
        "until": max(last or now, now).isoformat(),
        "by": by,
        "because": because,
    }
    with open(home.clock, "a", encoding="utf-8") as handle:
        handle.write(to_json(said) + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    return said


def _confirmed_today(home: DataFolder) -> bool:
    now = utc_now()
    return any(abs(now - datetime.fromisoformat(one["confirmed_at"])) < APART for one in confirmations(home))
