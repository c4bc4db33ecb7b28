"""Downloads: the files of the release by purpose, its tables, and how to query and cite them."""

from __future__ import annotations

from typing import Any

from assets.site import embed
from assets.site.pages.page import Entry, Page
from assets.site.view import View
from sources.common.config import Names
from warehouse.publishing.exports.workbook import TERRITORIES

# files of a release beside its tables, by purpose; the words of each are `file.*` in messages.yml
FILES = {
    "whole": ("distretto.duckdb", "indicators.xlsx"),
    "explained": ("LEGGIMI.md", "README.md", "data_dictionary.md", "CITATION.cff"),
    "machines": ("datapackage.json", "csv-metadata.json", "catalog.ttl"),
    "followed": ("feed.xml", "feed.json"),
    "checked": ("release.json", "SHA256SUMS"),
}


def _data(view: View, _key: str) -> dict[str, Any]:
    workbooks = ((f"{TERRITORIES}/{geo}.xlsx", view.place_name(geo)) for geo in view.facts.places)
    return {
        "groups": FILES,
        "workbooks": [(path, name) for path, name in workbooks if path in view.facts.files],
        "embeds": [
            (f"{embed.FOLDER}/{view.language.code}/{measure.id}.html", measure.title(view.language.code))
            for measure in view.facts.measures.values()
        ],
    }


PAGE = Page(
    "downloads", "downloads", "downloads.html", _data, entry=Entry("top", 7, Names(it="Dati", en="Data"))
)
