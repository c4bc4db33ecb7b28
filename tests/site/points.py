"""Made-up points of a series for the tests of rules and charts."""

from __future__ import annotations

from assets.site.queries import Point


def point(
    period: str,
    value: float | None,
    flag: str | None = "",
    grade: str = "A",
    broken: bool = False,
    interval: tuple[float | None, float | None] = (None, None),
) -> Point:
    return Point(
        period, value, flag, grade, broken, None, None, *interval, False, False, "made_up", "made_up-1"
    )
