"""The list of all indicators by directive, and of those without data in this release."""

from __future__ import annotations

from typing import Any

from assets.site import series
from assets.site.pages.page import Entry, Page
from assets.site.queries import DIRECTIVES, Measure
from assets.site.view import View
from sources.common.config import Names


def _data(view: View, _key: str) -> dict[str, Any]:
    def geo(measure: Measure) -> str:
        region = view.facts.region
        return region if series.latest(measure.complete(region)) else next(iter(measure.series))

    rows = [view.summary(measure, geo(measure)) for measure in view.facts.measures.values()]
    return {
        "groups": [
            (directive, found)
            for directive in DIRECTIVES
            if (found := [row for row in rows if row.measure.directive == directive])
        ],
        "empty": view.facts.undrawn,
    }


PAGE = Page(
    "indicators",
    "indicators",
    "indicators.html",
    _data,
    entry=Entry("top", 2, Names(it="Indicatori", en="Indicators")),
)
