"""The page of one territory: every indicator with a value there, with its rank and the region's value beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assets.site import maps
from assets.site.pages.page import Page
from assets.site.queries import DIRECTIVES, Measure, Place, Point
from assets.site.view import Summary, View
from warehouse.statistics.ranking import Rank


@dataclass(frozen=True)
class Row:
    """An indicator of the territory; `among` is the key of the words that name the territories ranked.

    `sampled` says that the figures are a survey's, whose sampling error is not published: the rank rests on estimates alone.
    """

    summary: Summary
    rank: Rank | None
    among: str
    region: Point | None
    sampled: bool


def _row(view: View, place: Place, measure: Measure) -> Row | None:
    summary = view.summary(measure, place.geo)
    if not summary.last:
        return None
    facts, period = view.facts, summary.last.period
    if place.role == "province":
        geos, among = facts.geos("province"), "place.rank_provinces"
    else:
        geos, among = (
            [
                other.geo
                for other in facts.places.values()
                if other.role in ("region", "peer") and other.level == place.level
            ],
            "place.rank_peers",
        )
    ranked = view.ordered(measure, geos, period)
    return Row(
        summary,
        next((r.rank for r in ranked if r.geo == place.geo), None),
        among,
        next((p for p in measure.series.get(facts.region, []) if p.period == period), None),
        view.sampled(measure),
    )


def _data(view: View, key: str) -> dict[str, Any]:
    place, layout = view.facts.places[key], maps.layout()
    rows = [row for measure in view.facts.measures.values() if (row := _row(view, place, measure))]
    shape = layout.shapes.get(place.geo) if layout else None
    valued = {row.summary.measure.id for row in rows}
    return {
        "place": place,
        "kind": shape.kind if shape else None,
        "groups": [
            (directive, found)
            for directive in DIRECTIVES
            if (found := [row for row in rows if row.summary.measure.directive == directive])
        ],
        "without": [m for m in view.facts.measures.values() if m.id not in valued],
        "layout": layout if place.role == "province" else None,
    }


PAGE = Page("territory-{key}", "territories", "territory.html", _data, lambda view: list(view.facts.places))
