"""Moments as people and programs write them in `asOf`: a day, or a time of day with or without a zone.

Belongs here: reading such a text by the same rules as the published macro `as_of`. Does not belong here: reference periods
(`periods.py`), and what was known at a moment.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from datetime import timezone as fixed_offset
from zoneinfo import ZoneInfo

from sources.errors import InvalidMoment

_DAY = r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
_CLOCK = r"(?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)"
# a + that was not encoded in an address arrives as a blank
_ZONE = r"(?P<zone>Z|(?P<sign>[+ -])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?)"
_MOMENT = re.compile(rf"{_DAY}(?:[T ]{_CLOCK}{_ZONE}?)?", re.IGNORECASE)
_RELEASE = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def parse_moment(text: str, clock: ZoneInfo) -> datetime:
    """The moment that `text` means, in UTC. Raises InvalidMoment.

    A day is its end on `clock`, a time without a zone is a time on `clock`, and the id of a release is the moment in it.
    """
    given = text.strip()
    try:
        if _RELEASE.fullmatch(given):
            return datetime.strptime(given, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        found = _MOMENT.fullmatch(given)
        if found is None:
            raise InvalidMoment(f"{_shown(given)} is not a moment.")
        day = date.fromisoformat(found["day"])
        if found["clock"] is None:
            end = datetime.combine(day + timedelta(days=1), time.min, clock)
            return end.astimezone(UTC) - timedelta(microseconds=1)
        moment = datetime.combine(day, time.fromisoformat(found["clock"]))
        zone = _zone(found, clock)
        # an hour that the clock shows twice is the later one, as for DuckDB
        return max(moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError) as failure:
        if isinstance(failure, InvalidMoment):
            raise
        raise InvalidMoment(f"{_shown(given)} is not a moment: the calendar does not have it.") from None


def parse_as_of(text: str, clock: ZoneInfo, now: datetime) -> datetime:
    """The moment `text` for a question of what was known then. Raises InvalidMoment, also for days after today."""
    moment = parse_moment(text, clock)
    today = datetime.combine(now.astimezone(clock).date() + timedelta(days=1), time.min, clock)
    if moment >= today:
        raise InvalidMoment(
            f"{_shown(text.strip())} lies in the future: what will be known then is not known."
        )
    return moment


def _zone(found: re.Match[str], clock: ZoneInfo) -> fixed_offset | ZoneInfo:
    if found["zone"] is None:
        return clock
    if found["sign"] is None:
        return UTC
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    return fixed_offset(-offset if found["sign"] == "-" else offset)


def _shown(text: str) -> str:
    """`text` in a message: quoted, and cut if it is long."""
    return repr(text if len(text) <= 60 else text[:60] + "...")
