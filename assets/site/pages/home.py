"""The overview: headline figures, the six directives, the provinces' map, last night and data health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from assets.site import panels, series
from assets.site.pages.page import Page
from assets.site.queries import DIRECTIVES, Measure
from assets.site.view import Summary, View
from warehouse.reference.territory import territory

# revised values that the page lists
REVISIONS = 8
# vintages within this time of the newest one belong to the same night
NIGHT = timedelta(hours=12)


@dataclass(frozen=True)
class Card:
    """A directive: its leading indicator, the target if there is one, and its other indicators."""

    directive: str
    lead: Summary | None
    target: dict[str, Any] | None
    proxy: bool
    others: list[Measure]


def headlines(view: View) -> list[Summary]:
    """The territory's headline indicators that have a value for our region."""
    facts = view.facts
    return [
        view.summary(facts.measures[id_], facts.region)
        for id_ in _leads()
        if id_ in facts.measures and series.latest(facts.measures[id_].complete(facts.region))
    ]


def cards(view: View) -> list[Card]:
    """One card for each directive: led by its first target, or by its first indicator with a value."""
    facts, leads, found = view.facts, _leads(), []
    for directive in DIRECTIVES:
        measures = [
            measure
            for measure in facts.measures.values()
            if measure.directive == directive and series.latest(measure.complete(facts.region))
        ]
        measures.sort(key=lambda m: (leads.index(m.id) if m.id in leads else len(leads), m.id))
        target = next(
            (t for t in view.standing if t["directive"] == directive and t["indicator"] in facts.measures),
            None,
        )
        lead = None
        if target:
            lead = view.summary(facts.measures[target["indicator"]], target["geo"])
        elif measures:
            lead = view.summary(measures[0], facts.region)
        proxy = bool(lead and lead.measure.header["proxy_for"])
        others = [m for m in measures if lead is None or m is not lead.measure]
        found.append(Card(directive, lead, target, proxy, others))
    return found


def _leads() -> list[str]:
    return [indicator["id"] for headline in territory()["headlines"] for indicator in headline["indicators"]]


def _data(view: View, _key: str) -> dict[str, Any]:
    facts, mapped = view.facts, panels.mapped(view)
    newest = max((v["known_from"] for v in facts.vintages), default=None)
    return {
        "headlines": headlines(view),
        "cards": cards(view),
        "mapped": mapped,
        "provinces": panels.provinces(view, mapped) if mapped else None,
        "night": [v for v in facts.vintages if newest and newest - v["known_from"] < NIGHT],
        "revised": [c for c in facts.changes if c["release_id"] == facts.release["release_id"]][:REVISIONS],
    }


PAGE = Page("index", "index", "index.html", _data)
