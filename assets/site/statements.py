"""The three sentences a board needs first: what changed and is certain, which target needs a decision, what is unknown.

Belongs here: which facts the sentences rest on. Does not belong here: rules of change (`series.py`), words
(`messages.yml`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from assets.site import series
from assets.site.queries import Measure, Point
from assets.site.view import Summary, View
from sources.common.periods import Period
from warehouse.reference.territory import territory

# figures of the overview and the sheet
MOST = 7


@dataclass(frozen=True)
class Figure:
    """A figure of the seat, or of the region if there is none, with others from the same table and period."""

    summary: Summary
    regional_only: bool
    beside: list[tuple[str, Point]]


def figures(view: View) -> list[Figure]:
    """The territory's chosen figures, each the first of its alternatives with a value for the seat, else the region."""
    found = []
    headlines = [[choice.id for choice in h.indicators] for h in territory().headlines]
    for alternatives in territory().figures or headlines:
        measures = [view.facts.measures[id_] for id_ in alternatives if id_ in view.facts.measures]
        figure = next(
            (
                made
                for geo in (view.facts.seat, view.facts.region)
                for measure in measures
                if geo and (made := _figure(view, measure, geo))
            ),
            None,
        )
        if figure:
            found.append(figure)
    return found[:MOST]


def _figure(view: View, measure: Measure, geo: str) -> Figure | None:
    facts, last = view.facts, series.latest(measure.complete(geo))
    if last is None or view.unproven(measure):
        return None
    beside = [
        (other, point)
        for other in (facts.region, facts.country)
        if other != geo
        for point in measure.complete(other)
        if point.period == last.period and point.dataset == last.dataset and point.value is not None
    ]
    return Figure(view.summary(measure, geo), bool(facts.seat) and geo == facts.region, beside)


def notes(found: list[Figure]) -> list[str]:
    """What a reader has to know of the periods of the figures, each once."""
    return list(dict.fromkeys(note for figure in found for note in figure.summary.notes))


def statements(view: View) -> list[str]:
    """The three sentences, in order."""
    return [_changed(view), _decision(view), _unknown(view)]


def _changed(view: View) -> str:
    """The changes that the figures of the overview support."""
    say = view.language.say
    sure = [f.summary for f in figures(view) if f.summary.certain]
    if not sure:
        return say("statement.no_change")
    listed = "; ".join(
        say(
            "statement.change",
            title=s.title[:1].lower() + s.title[1:] if s.title[1:2].islower() else s.title,
            place=view.place_name(s.geo),
            value=view.value(s.last, s.measure.unit),
            period=s.when,
            change=s.change,
        )
        for s in sure[:2]
    )
    return say("statement.changed", changes=listed)


def _decision(view: View) -> str:
    """Which target needs a decision, and by when."""
    say, language = view.language.say, view.language
    adopted = [t for t in view.standing if t["stage"] == "adopted"]
    proposed = [t for t in view.standing if t["stage"] == "proposal"]
    off = [t for t in adopted if t["results"] and t["results"][0]["status"] in ("off_track", "delayed")]
    if off:
        first = min(off, key=lambda t: t["assess_on"])
        return say(
            "statement.decide_off_track",
            title=_title(view, first),
            place=view.place_name(first["geo"]),
            day=language.day(first["assess_on"]),
        )
    if proposed:
        return say("statement.decide_proposals", count=len(proposed), day=language.day(_deadline(proposed)))
    if not adopted:
        return say("statement.decide_first", count=len(view.facts.drafts))
    first = min(adopted, key=lambda t: t["assess_on"])
    return say(
        "statement.decide_none",
        title=_title(view, first),
        place=view.place_name(first["geo"]),
        day=language.day(first["assess_on"]),
    )


def _title(view: View, target: dict[str, Any]) -> str:
    measure = view.facts.measures.get(target["indicator"])
    return measure.title(view.language.code) if measure else view.undrawn_title(target["indicator"])


def _deadline(proposed: list[dict[str, Any]]) -> date:
    """The last day before the first period of any proposal: a target adopted later is not fixed in advance."""
    periods = [
        row["period"] for t in proposed for row in t["results"] if row["point"] != "latest" and row["period"]
    ] or [t["target_period"] for t in proposed]
    return min(Period.parse(period).start for period in periods) - timedelta(days=1)


def _unknown(view: View) -> str:
    """How many sources have no figures yet, and why."""
    say = view.language.say
    states = Counter(entry["state"] for entry in view.facts.catalogue.values())
    missing, unset = states["missing"], states["not configured"]
    if not missing and not unset:
        return say("statement.all_known", count=len(view.facts.catalogue))
    if not unset:
        return say("statement.unknown_missing", count=missing, all=len(view.facts.catalogue))
    return say(
        "statement.unknown",
        count=missing + unset,
        all=len(view.facts.catalogue),
        missing=missing,
        unset=unset,
    )
