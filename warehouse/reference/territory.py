"""The territory the project is about, `territory.yml`, and all known territories, `geography.csv`.

Belongs here: reading both files, and checking the first against the second. Does not belong here: the territories ours is
compared with (`statistics/peers.py`), providers' codes of territories (`sources/territories.csv`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from sources.common.config import Names, Problem, Strict, load
from sources.common.periods import Period
from sources.errors import InvalidPeriod

REFERENCE = Path(__file__).parent
HINT = "docs/another-territory.md explains each key; the codes are in geography.csv beside it."


class Choice(Strict):
    """An indicator of a headline, with its words; `until`: its last complete period."""

    id: str
    until: str | None = None
    words: Names


class Headline(Strict):
    """A theme's headlines: the first of `indicators` that has a value, and the one `compared` with the country."""

    theme: str
    indicators: list[Choice]
    compared: Choice


class Parts(Strict):
    """What a reader must know of the provinces."""

    title: Names
    text: Names


class Territory(Strict):
    """`territory.yml`. `timezone` is the clock by which bare dates are read and runs are scheduled.

    `figures`: the figures of the overview and the board sheet, each the first of its indicators with a value.
    """

    region: str
    provinces: list[str]
    country: str
    timezone: str = "Europe/Rome"
    seat: str | None = None
    names: Names
    parts: Parts | None = None
    headlines: list[Headline]
    figures: list[list[str]] = []


@cache
def geography() -> dict[str, str]:
    """The parent of every known territory, by code; empty for those without."""
    with open(REFERENCE / "geography.csv", encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(line for line in handle if not line.startswith("#"))
        return {row["geo"]: row["parent"] for row in rows}


def unknown_territories(location: tuple[str | int, ...], geos: Iterable[str]) -> Iterator[Problem]:
    """A problem for each of `geos` that is not in `geography.csv`; their keys or places are below `location`."""
    for place, geo in enumerate(geos):
        if geo not in geography():
            yield (*location, place), f"{geo} is not a territory of geography.csv"


@cache
def territory() -> Territory:
    """Our territory's file. Raises SpecError with every problem."""
    return load(REFERENCE / "territory.yml", Territory, problems=_problems, hint=HINT)


@cache
def timezone() -> ZoneInfo:
    """The territory's clock."""
    return ZoneInfo(territory().timezone)


def local_day(moment: datetime) -> date:
    """The day of `moment` on the territory's clock."""
    return moment.astimezone(timezone()).date()


def _problems(ours: Territory) -> Iterator[Problem]:
    for key, geo in (("region", ours.region), ("country", ours.country)):
        if geo not in geography():
            yield (key,), f"{geo} is not a territory of geography.csv"
    yield from unknown_territories(("provinces",), ours.provinces)
    for place, geo in enumerate(ours.provinces):
        if geography().get(geo, ours.region) != ours.region:
            yield ("provinces", place), f"{geo} is not part of {ours.region}"
    if ours.seat and ours.seat not in ours.provinces:
        yield ("seat",), f"{ours.seat} is not one of the provinces"
    try:
        ZoneInfo(ours.timezone)
    except (OSError, ValueError, KeyError):
        yield ("timezone",), f"{ours.timezone} is not a time zone of the IANA database, such as Europe/Rome"
    for place, headline in enumerate(ours.headlines):
        for choice in (*headline.indicators, headline.compared):
            try:
                Period.parse(choice.until or "2000")
            except InvalidPeriod as failure:
                yield ("headlines", place), failure.message
