"""Rules on an indicator's series: comparable runs, changes, common periods and ranks; pure functions of values.

Belongs here: when a statement may be made. If a rule does not hold, no statement is made, so titles never overclaim.
Does not belong here: words (`language.py`, `view.py`) and coordinates (`charts.py`, `maps.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from assets.site.queries import Point

# units that count things: drawn from zero, compared as an index, mapped as circles
COUNTS = frozenset({"NR", "PER", "THS", "THS_PER", "MIO_EUR", "FTE", "HAB"})
# percentages change by points
PERCENTAGES = frozenset({"PC", "PC_ACT", "PC_POP", "PC_EMP", "PC_GDP"})
# a change below these is called stable: percent, and percentage points
STABLE, STABLE_POINTS = 0.5, 0.1


@dataclass(frozen=True)
class Change:
    """From one period to the next. `kind`: up, down, stable, chance (the intervals share a value), broken (a break
    lies between) or unknown."""

    kind: str
    since: str = ""
    amount: float | None = None
    unit: str = "PC"


def segments(points: Iterable[Point]) -> list[list[Point]]:
    """Runs of points with a value between which comparisons hold: cut at breaks, at gaps and where a value is missing."""
    runs: list[list[Point]] = []
    last: Point | None = None
    for point in points:
        if point.value is None:
            last = None
            continue
        joined = last is not None and not point.break_before and follows(last.period, point.period)
        if joined:
            runs[-1].append(point)
        else:
            runs.append([point])
        last = point
    return runs


def moment(period: str) -> Fraction:
    """A period's beginning, in years: 2019-Q3 is 2019 1/2."""
    year, _, part = period.partition("-")
    return int(year) + (Fraction(int(part.strip("QS")) - 1, parts_of_a_year(period)) if part else 0)


def parts_of_a_year(period: str) -> int:
    part = period.partition("-")[2]
    return 4 if part.startswith("Q") else 2 if part.startswith("S") else 12 if part else 1


def follows(earlier: str, later: str) -> bool:
    """True where `later` is the period right after `earlier`."""
    return moment(later) - moment(earlier) == Fraction(1, parts_of_a_year(earlier))


def change(points: list[Point], unit: str) -> Change:
    """The last point against the one before: in points for percentages, else in percent; unknown where it is not firm."""
    valued = [point for point in points if point.value is not None]
    if len(valued) < 2:
        return Change("unknown")
    run = segments(points)[-1]
    if len(run) < 2:
        return Change("broken" if run[-1].break_before else "unknown", valued[-2].period)
    before, now = run[-2], run[-1]
    if not (before.firm and now.firm):
        return Change("unknown", before.period)
    if overlap(before, now):
        return Change("chance", before.period)
    if unit in PERCENTAGES:
        amount, least, unit_of_change = now.value - before.value, STABLE_POINTS, "PP"
    elif before.value == 0:
        return Change("unknown", before.period)
    else:
        amount, least, unit_of_change = 100 * (now.value / before.value - 1), STABLE, "PC"
    kind = "stable" if abs(amount) < least else "up" if amount > 0 else "down"
    return Change(kind, before.period, amount, unit_of_change)


def overlap(one: Point, other: Point) -> bool:
    """True where both have a 95 % interval and these share a value."""
    bounds = (one.ci_low, one.ci_high, other.ci_low, other.ci_high)
    return None not in bounds and one.ci_low <= other.ci_high and other.ci_low <= one.ci_high


def latest(points: Iterable[Point]) -> Point | None:
    """The last point that has a value."""
    return next((point for point in reversed(list(points)) if point.value is not None), None)


def common_period(series: dict[str, list[Point]], geos: list[str]) -> str | None:
    """The last period in which most of `geos` have a value (the most recent one with the largest number of them)."""
    counts: dict[str, int] = {}
    for geo in geos:
        for point in series.get(geo, []):
            if point.value is not None:
                counts[point.period] = counts.get(point.period, 0) + 1
    if not counts:
        return None
    most = max(counts.values())
    return max(period for period, count in counts.items() if count >= 0.8 * most)


@dataclass(frozen=True)
class Ranked:
    """A territory's place in a period, from the highest; `place` is None where the value must not be ranked."""

    geo: str
    point: Point | None
    place: int | None
    among: int


def ranking(series: dict[str, list[Point]], geos: list[str], period: str) -> list[Ranked]:
    """`geos` from the highest value to the lowest, those without a value last; equal values share a place."""
    found = {
        geo: next((p for p in series.get(geo, []) if p.period == period and p.value is not None), None)
        for geo in geos
    }
    firm = [point.value for point in found.values() if point and point.firm]
    ranked = [
        Ranked(
            geo,
            point,
            1 + sum(value > point.value for value in firm) if point and point.firm else None,
            len(firm),
        )
        for geo, point in found.items()
    ]
    return sorted(ranked, key=lambda r: (r.point is None, -(r.point.value if r.point else 0)))
