"""The index of indicators, territories and datasets, which the search field of every page filters."""

from __future__ import annotations

from typing import Any

from assets.site.pages.page import Entry, Page
from assets.site.view import View
from sources.common.config import Names


def _data(view: View, _key: str) -> dict[str, Any]:
    return {"datasets": list(view.facts.catalogue.values())}


PAGE = Page(
    "search", "search", "search.html", _data, entry=Entry("foot", 4, Names(it="Ricerca", en="Search"))
)
