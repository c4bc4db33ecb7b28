"""Helpers on an indicator's series: comparable runs, newest and common periods, and the order of territories.

Belongs here: selecting points. Does not belong here: when a change or a rank may be stated
(`warehouse/statistics/comparison.py`, `ranking.py`), words (`view.py`) and coordinates (`charts.py`, `maps.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from assets.site.queries import Point
from sources.common.periods import Period
from warehouse.statistics import ranking
from warehouse.statistics.comparison import Rules
from warehouse.statistics.ranking import Direction, Rank


@cache
def _follows(earlier: str, later: str) -> bool:
    return Period.parse(later).follows(Period.parse(earlier))


def segments(points: Iterable[Point]) -> list[list[Point]]:
    """Runs of points with a value between which comparisons hold: cut at breaks, at gaps and where a value is missing."""
    runs: list[list[Point]] = []
    last: Point | None = None
    for point in points:
        if point.value is None:
            last = None
            continue
        if last is not None and not point.break_before and _follows(last.period, point.period):
            runs[-1].append(point)
        else:
            runs.append([point])
        last = point
    return runs


def latest(points: Sequence[Point]) -> Point | None:
    """The last point that has a value."""
    return next((point for point in reversed(points) if point.value is not None), None)


def common_period(series: Mapping[str, Sequence[Point]], geos: Iterable[str]) -> str | None:
    """The last period in which at least 80 % as many of `geos` have a value as in the best period."""
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
class Ordered:
    """A territory's point in a period and its rank; `rank` is None where the value must not be ranked."""

    geo: str
    point: Point | None
    rank: Rank | None


def ordered(
    series: Mapping[str, Sequence[Point]],
    geos: Iterable[str],
    period: str,
    rules: Rules,
    direction: Direction,
) -> list[Ordered]:
    """`geos` from the highest value to the lowest, those without a value last, each with its rank."""
    found = {
        geo: next((p for p in series.get(geo, []) if p.period == period and p.value is not None), None)
        for geo in geos
    }
    valued = {geo: point for geo, point in found.items() if point}
    rows = [Ordered(geo, point, ranking.rank(valued, geo, rules, direction)) for geo, point in found.items()]
    return sorted(rows, key=lambda row: (row.point is None, -(row.point.value or 0) if row.point else 0))
