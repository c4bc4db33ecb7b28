"""How old the figures are: the newest period of each theme, series that ended, and whether anything live has arrived.

Belongs here: which period's age a reader is shown. Does not belong here: the words of an age (`sources/common/ages.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from assets.site import series
from assets.site.queries import Facts, Measure, Point
from assets.site.view import View
from sources.common.ages import since_end
from sources.common.periods import Period


@dataclass(frozen=True)
class ThemeAge:
    """A theme's newest complete period; `ended` if the provider closed the series it belongs to."""

    theme: str
    period: str
    ended: bool
    words: str


def has_live_data(facts: Facts) -> bool:
    """True if any accepted snapshot came from a provider or a person, not with the project."""
    return any(s["outcome"] == "accepted" and s["origin"] != "shipped" for s in facts.snapshots.values())


def theme_ages(view: View) -> list[ThemeAge]:
    """Each theme with figures for our territory, with its newest complete period."""
    newest: dict[str, tuple[Measure, Point]] = {}
    facts = view.facts
    ours = [geo for geo in (facts.seat, facts.region, *facts.geos("province")) if geo]
    for measure in facts.measures.values():
        for geo in ours:
            point = series.latest(measure.complete(geo))
            theme = measure.header["theme"]
            if point and (theme not in newest or _end(newest[theme][1].period) < _end(point.period)):
                newest[theme] = measure, point
    return [
        ThemeAge(theme, point.period, ended(facts, point), period_age(view, point))
        for theme, (_, point) in sorted(
            newest.items(), key=lambda item: _end(item[1][1].period), reverse=True
        )
    ]


def ended(facts: Facts, point: Point | None) -> bool:
    """True if the provider has closed the table that a figure comes from."""
    return point is not None and facts.catalogue.get(point.dataset, {}).get("status") == "frozen"


def period_age(view: View, point: Point) -> str:
    """The age of a figure in words: how long ago its period ended, or that its series is closed."""
    if ended(view.facts, point):
        return view.language.say("age.ended", period=view.language.period(point.period))
    return since_end(point.period, view.today, view.language.code)


def _end(period: str) -> date:
    return Period.parse(period).end
