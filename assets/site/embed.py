"""The chart of one indicator as a page of its own, which other sites show in a frame.

Belongs here: its content. It has no release and no time of the run in it, so that it stays the same file until its figures
change. Does not belong here: which releases keep it (`warehouse/publishing/release.py`).
"""

from __future__ import annotations

import hashlib
from typing import Any

from assets.site import panels
from assets.site.pages.indicator import origins
from assets.site.pages.page import Page
from assets.site.view import View

# the folder of these pages in a release, and what they load from it
FOLDER = "embed"
FILES = ("style.css", "embed.js")


def _data(view: View, key: str) -> dict[str, Any]:
    measure = view.facts.measures[key]
    geo = view.facts.region if view.facts.region in measure.series else next(iter(measure.series))
    plot = panels.over_time(view, measure)
    figures = [
        (place, point.period, point.value, point.flag)
        for place, points in sorted(measure.series.items())
        for point in points
    ]
    return {
        "measure": measure,
        "title": measure.title(view.language.code),
        "summary": view.summary(measure, geo),
        "plot": plot,
        "origins": origins(view, measure),
        "digest": hashlib.sha256(repr(figures).encode()).hexdigest()[:16],
    }


PAGE = Page("{key}", "indicators", "embed.html", _data, lambda view: list(view.facts.measures))
