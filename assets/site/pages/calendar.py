"""The calendar: when each provider publishes, and from when a source counts as late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assets.site.pages.page import Entry, Page
from assets.site.view import View
from sources.common.config import Names


def expected(view: View) -> list[dict[str, Any]]:
    """The catalogue entries with `late_from`, the next to be late first."""
    rows = []
    for entry in view.facts.catalogue.values():
        late = None
        if entry["status"] != "frozen" and entry["provider_updated_at"] and entry["late_after_days"]:
            late = entry["provider_updated_at"] + timedelta(days=entry["late_after_days"])
        rows.append(entry | {"late_from": late})
    return sorted(rows, key=lambda row: (row["late_from"] is None, row["late_from"] or row["dataset"]))


def _data(view: View, _key: str) -> dict[str, Any]:
    rows = expected(view)
    return {
        "open": [row for row in rows if row["status"] != "frozen"],
        "frozen": [row for row in rows if row["status"] == "frozen"],
    }


PAGE = Page(
    "calendar",
    "calendar",
    "calendar.html",
    _data,
    entry=Entry("foot", 2, Names(it="Calendario", en="Calendar")),
)
