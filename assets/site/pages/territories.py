"""The list of our territories: the provinces on a map, and the territories to compare with."""

from __future__ import annotations

from typing import Any

from assets.site import panels
from assets.site.pages.page import Entry, Page
from assets.site.view import View
from sources.common.config import Names


def _data(view: View, _key: str) -> dict[str, Any]:
    lead = panels.mapped(view)
    return {
        "lead": lead,
        "rows": [
            (place, view.summary(lead, place.geo) if lead else None) for place in view.facts.places.values()
        ],
        "provinces": panels.provinces(view, lead) if lead else None,
    }


PAGE = Page(
    "territories",
    "territories",
    "territories.html",
    _data,
    entry=Entry("top", 3, Names(it="Territori", en="Territories")),
)
