"""Targets and results: every target in force with its trajectory, and earlier versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assets.site import charts
from assets.site.language import words
from assets.site.pages.page import Entry, Page
from assets.site.queries import DIRECTIVES, Measure
from assets.site.view import View
from sources.common.config import Names


@dataclass(frozen=True)
class TargetView:
    """A target with its newest result, its indicator's title and a chart of the way to it."""

    target: dict[str, Any]
    measure: Measure | None
    title: str
    now: dict[str, Any]
    plot: charts.Plot | None


def _target(view: View, target: dict[str, Any]) -> TargetView:
    facts, geo = view.facts, target["geo"]
    measure = facts.measures.get(target["indicator"])
    plot = None
    if measure and geo in measure.series:
        role = "seat" if geo == facts.seat else "region"
        plot = charts.lines_plot({geo: measure.series[geo]}, {geo: role}, measure.until, targets=[target])
    return TargetView(target, measure, _title(view, target["indicator"]), target["results"][0], plot)


def _title(view: View, indicator: str) -> str:
    measure = view.facts.measures.get(indicator)
    return measure.title(view.language.code) if measure else view.undrawn_title(indicator)


def _data(view: View, _key: str) -> dict[str, Any]:
    views = [_target(view, target) for target in view.standing]
    return {
        "groups": [
            (directive, [found for found in views if found.target["directive"] == directive])
            for directive in DIRECTIVES
        ],
        "without": sum(
            not any(found.target["directive"] == directive for found in views) for directive in DIRECTIVES
        ),
        "watch": view.watch,
        "verified": view.verified,
        "stamp": view.stamp,
        "drafts": view.facts.drafts,
        "title_of": lambda indicator: _title(view, indicator),
        "earlier": [t for t in view.facts.targets if t not in view.standing],
        "statuses": {
            status: sum(found.now["status"] == status for found in views) for status in words()["status"]
        },
    }


PAGE = Page(
    "targets", "targets", "targets.html", _data, entry=Entry("top", 4, Names(it="Obiettivi", en="Targets"))
)
