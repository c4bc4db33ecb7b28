"""Data quality: the state of every source, breaks in series, refused responses and every check."""

from __future__ import annotations

from typing import Any

from assets.site.pages.page import Entry, Page
from assets.site.view import View
from sources.common.config import Names
from sources.common.units import unit_or_unknown


def checks_sentence(view: View) -> str:
    """How many checks passed, of those that judged data from a provider.

    A check of a file that ships with the project compares the file with itself, so it does not count.
    """
    shipped = {name for name, entry in view.facts.catalogue.items() if entry["state"] == "shipped"}
    run = [c for c in view.facts.checks if c["passed"] is not None]
    judged = [c for c in run if c["dataset"] and c["dataset"] not in shipped]
    if not judged:
        return view.language.say("quality.none_judged")
    passed = sum(check["passed"] for check in judged)
    return view.language.say("quality.judged", passed=passed, count=len(judged))


def _data(view: View, _key: str) -> dict[str, Any]:
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
        "checks": checks_sentence(view),
        # a change in percent says nothing of a percentage, least of one around zero
        "provisional": [
            row
            for row in view.facts.quality.provisional
            if (ranked := view.facts.measures.get(row["indicator"]))
            and not unit_or_unknown(ranked.unit).changes_in_points
        ],
        "failed": [check for check in view.facts.checks if check["passed"] is False],
    }


PAGE = Page(
    "quality", "quality", "quality.html", _data, entry=Entry("top", 6, Names(it="Qualità", en="Quality"))
)
