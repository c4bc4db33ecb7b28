"""How to read the site: terms, reliability, marks and flags."""

from __future__ import annotations

from typing import Any

from assets.site.pages.page import Entry, Page
from assets.site.view import View
from sources.common.config import Names


def _data(_view: View, _key: str) -> dict[str, Any]:
    return {}


PAGE = Page(
    "reading",
    "reading",
    "reading.html",
    _data,
    entry=Entry("foot", 3, Names(it="Come si legge", en="How to read")),
)
