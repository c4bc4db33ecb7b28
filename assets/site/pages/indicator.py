"""The page of one indicator: over time, by province, compared, as a table, with definition and origin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from assets.site import chart_data, charts, linked_data, panels
from assets.site.pages.page import Page
from assets.site.queries import Measure, Point
from assets.site.spreads import LEVELS
from assets.site.view import View
from warehouse.publishing.citation import LANGUAGES, Cited, expected_texts, number_text, titled
from warehouse.publishing.figures import still_expected

# cells of the table, newest periods first, and rows of the list of revisions
CELLS, REVISIONS = 1200, 40


@dataclass(frozen=True)
class Origin:
    """A source of an indicator with the latest snapshot used."""

    entry: dict[str, Any]
    snapshot: dict[str, Any]
    address: str | None
    licence_address: str | None
    archived: str | None


def _web_address(text: str | None) -> str | None:
    """`text` if it is an address that a link may lead to; a script's address is not."""
    return text if text and re.match(r"https?://", text) else None


def origins(view: View, measure: Measure) -> list[Origin]:
    """The sources of an indicator, each once."""
    found = {}
    for row in measure.inputs:
        entry, snapshot = view.facts.catalogue[row["dataset"]], view.facts.snapshots[row["snapshot_id"]]
        address = re.search(r"https?://\S+", entry["citation"])
        archived = re.search(r"archived by (\d{4}-\d\d-\d\d)", snapshot["note"] or "")
        found[row["dataset"]] = Origin(
            entry,
            snapshot,
            address.group().rstrip(".,;") if address else None,
            _web_address(entry["licence_url"]),
            archived.group(1) if archived else None,
        )
    return list(found.values())


def _marks(view: View, listed: list[Point]) -> dict[str, Any]:
    """What the table's letters and rules mean, as far as they occur."""
    letters = sorted({letter for point in listed for letter in point.flag or ""})
    return {
        "flags": [(letter, view.label(view.facts.flags, letter)) for letter in letters],
        "unknown": any(point.flag is None and point.value is not None for point in listed),
        "broken": any(point.break_before for point in listed),
    }


def _cited(view: View, measure: Measure, geo: str, point: Point | None) -> Cited | None:
    """The citation of the newest figure shown; its moment is that since which it stands, so that the page stays the same."""
    since = view.facts.published.get((measure.id, geo, point.period)) if point else None
    if not point or not since or point.value is None:
        return None
    names, value = view.facts.places[geo].names, point.value
    return Cited(
        geo,
        measure.id,
        point.period,
        {code: titled(measure.title(code), names[code], geo, point.period) for code in LANGUAGES},
        {code: number_text(value, measure.unit, code) for code in LANGUAGES},
        since[0],
        since[1],
        view.facts.catalogue[point.dataset]["citation"],
        True,
        {},
    )


def _data(view: View, key: str) -> dict[str, Any]:
    facts, measure = view.facts, view.facts.measures[key]
    geo = facts.region if facts.region in measure.series else next(iter(measure.series))
    places = [place for place in facts.places.values() if place.geo in measure.series]
    table = [(place, {p.period: p for p in measure.series[place.geo]}) for place in places]
    every = sorted({period for _, points in table for period in points}, reverse=True)
    periods = every[: max(12, CELLS // len(table))]
    listed = [points[period] for _, points in table for period in periods if period in points]
    counted = measure.adds_up
    summary = view.summary(measure, geo)
    last = summary.last
    seen = facts.expectations.get(last.dataset, []) if last and last.provisional else []
    return {
        "measure": measure,
        "about": linked_data.dataset(view, measure),
        "title": measure.title(view.language.code),
        "summary": summary,
        "cited": _cited(view, measure, geo, last),
        "expected": expected_texts(still_expected(seen, last.period if last else ""), view.language.code),
        "notes": view.notes(measure, periods),
        "course": view.course(geo, measure.complete(geo), measure.unit),
        "plot": panels.over_time(view, measure),
        "closeup": panels.closeup(view, measure),
        "columns": charts.columns_plot(measure.series.get(geo, [])) if counted else None,
        "geo": geo,
        "provinces": panels.provinces(view, measure),
        "comparison": panels.comparison(view, measure),
        "maps_of_country": [m for level in LEVELS if (m := panels.country(view, measure, level))],
        "strips": [s for level in LEVELS if (s := panels.strip(view, measure, level))],
        "periods": periods,
        "all_periods": len(every),
        "table": table,
        "marks": _marks(view, listed),
        "origins": origins(view, measure),
        "revisions": [c for c in facts.changes if c["indicator"] == measure.id][:REVISIONS],
        "warnings": [
            (row["dataset"], warning)
            for row in measure.inputs
            for warning in facts.catalogue[row["dataset"]]["warnings"]
        ],
    }


def _script(view: View, key: str) -> str:
    return chart_data.script(view, view.facts.measures[key])


PAGE = Page(
    "indicator-{key}",
    "indicators",
    "indicator.html",
    _data,
    lambda view: list(view.facts.measures),
    _script,
)
