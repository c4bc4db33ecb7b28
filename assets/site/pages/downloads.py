"""Downloads: the files of the release by purpose, its tables, and how to query and cite them."""

from __future__ import annotations

from typing import Any

from assets.site.pages.page import Entry, Page
from assets.site.view import View
from sources.common.config import Names

# files of a release beside its tables, by purpose; the words of each are `file.*` in messages.yml
FILES = {
    "whole": ("distretto.duckdb", "indicators.xlsx"),
    "explained": ("LEGGIMI.md", "README.md", "data_dictionary.md", "CITATION.cff"),
    "machines": ("datapackage.json", "csv-metadata.json", "catalog.ttl"),
    "followed": ("feed.xml", "feed.json"),
    "checked": ("release.json", "SHA256SUMS"),
}


def _data(_view: View, _key: str) -> dict[str, Any]:
    return {"groups": FILES}


PAGE = Page(
    "downloads", "downloads", "downloads.html", _data, entry=Entry("top", 7, Names(it="Dati", en="Data"))
)
