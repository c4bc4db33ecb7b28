"""Data quality: the state of every source, breaks in series, refused responses and every check."""

from __future__ import annotations

from typing import Any

from assets.site.pages.page import Page
from assets.site.view import View


def _data(view: View, _key: str) -> dict[str, Any]:
    # a check on a file that ships with the project compares the file with itself
    shipped = {name for name, entry in view.facts.catalogue.items() if entry["state"] == "shipped"}
    judged = [check for check in view.facts.checks if check["dataset"] and check["dataset"] not in shipped]
    breaks: dict[tuple[str, str], list[str]] = {}
    for measure in view.facts.measures.values():
        for geo, points in measure.series.items():
            for point in points:
                if point.break_before:
                    breaks.setdefault((measure.id, point.period), []).append(geo)
    return {
        "breaks": breaks,
        "refused": [s for s in view.facts.snapshots.values() if s["outcome"] == "refused"],
        "without": [e for e in view.facts.catalogue.values() if e["state"] in ("missing", "not configured")],
        "judged": judged,
        "failed": [check for check in view.facts.checks if not check["passed"]],
    }


PAGE = Page("quality", "quality", "quality.html", _data)
