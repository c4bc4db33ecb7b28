"""The overview: three sentences, at most seven figures of the seat, targets by directive, and the age of the data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from assets.site import ages, linked_data, series, statements
from assets.site.pages.page import Entry, Page
from assets.site.queries import DIRECTIVES, Measure
from assets.site.view import View
from sources.common.config import Names

# revised values that the page lists
REVISIONS = 8
# vintages within this time of the newest one belong to the same night
NIGHT = timedelta(hours=12)


@dataclass(frozen=True)
class Directive:
    """A directive with its targets in force and the indicators that follow it."""

    id: str
    targets: list[dict[str, Any]]
    measures: list[Measure]

    @property
    def proxy(self) -> bool:
        """True if no public statistic measures the directive itself."""
        return bool(self.measures) and all(m.header["proxy_for"] == self.id for m in self.measures)


def directives(view: View) -> list[Directive]:
    """The six directives in their order."""
    facts = view.facts
    ours = [geo for geo in (facts.seat, facts.region) if geo]
    return [
        Directive(
            directive,
            [t for t in view.standing if t["directive"] == directive],
            [
                measure
                for measure in facts.measures.values()
                if measure.directive == directive
                and any(series.latest(measure.complete(geo)) for geo in ours)
            ],
        )
        for directive in DIRECTIVES
    ]


def _data(view: View, _key: str) -> dict[str, Any]:
    facts = view.facts
    newest = max((v["known_from"] for v in facts.vintages), default=None)
    figures = statements.figures(view)
    return {
        "about": linked_data.catalogue(view),
        "figures": figures,
        "notes": statements.notes(figures),
        "statements": statements.statements(view),
        "directives": directives(view),
        "adopted": any(target["stage"] == "adopted" for target in view.standing),
        "own": facts.own[: statements.MOST - len(figures)],
        "ages": ages.theme_ages(view),
        "night": [v for v in facts.vintages if newest and newest - v["known_from"] < NIGHT],
        "revised": [c for c in facts.changes if c["release_id"] == facts.release["release_id"]][:REVISIONS],
    }


PAGE = Page("index", "index", "index.html", _data, entry=Entry("foot", 1, Names(it="Sintesi", en="Overview")))
