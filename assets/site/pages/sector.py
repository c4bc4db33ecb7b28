"""The sector's page: what public statistics say about the district's sector, each with its age or what it needs.

The list is `warehouse/reference/sector.yml`. No figure of a single employer is subtracted, derived or shown: the figures
of an item with fewer local units than its `least` are suppressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assets.site import ages, series
from assets.site.pages.page import Entry, Page
from assets.site.queries import Measure
from assets.site.view import Summary, View
from sources.common.ages import since_end
from sources.common.config import Names
from warehouse.reference.sector import SectorItem, sector


@dataclass(frozen=True)
class Row:
    """A figure of the item with its age in words."""

    summary: Summary
    age: str


@dataclass(frozen=True)
class Observed:
    """A figure of a table without an indicator, with its age in words."""

    dataset: str
    indicator: str
    geo: str
    period: str
    value: float
    unit: str
    flag: str | None
    age: str


@dataclass(frozen=True)
class Item:
    """An entry of the page. `suppressed`: too few local units. `needed`: what has to be done to have figures, each with its
    command, which may be empty."""

    id: str
    title: str
    rows: list[Row]
    observations: list[Observed]
    suppressed: bool
    needed: list[tuple[str, str]]
    # its datasets of which no body has been seen
    unproven: list[dict[str, Any]]
    # why there is no figure, in few words
    reason: str


def _data(view: View, _key: str) -> dict[str, Any]:
    given = sector()
    return {
        "title": view.language.of(given.title),
        "lead": view.language.of(given.lead),
        "caution": view.language.of(given.caution),
        "items": items(view),
    }


def items(view: View) -> list[Item]:
    """The entries of `sector.yml` with their figures; none for another region."""
    return [_item(view, item) for item in sector().items if _keys(view)]


def _item(view: View, item: SectorItem) -> Item:
    measures = [view.facts.measures[id_] for id_ in item.indicators if id_ in view.facts.measures]
    rows, suppressed = [], False
    for measure in measures:
        geo = _geo(view, measure)
        if geo is None:
            continue
        if measure.id != item.few and _few(view, item, geo):
            suppressed = True
            continue
        summary = view.summary(measure, geo)
        if summary.last:
            rows.append(Row(summary, ages.period_age(view, summary.last)))
    observations = [
        Observed(**vars(o), age=since_end(o.period, view.today, view.language.code))
        for o in view.facts.sector
        if o.dataset in item.observations
    ]
    needed: list[tuple[str, str]] = []
    used = [view.facts.catalogue.get(dataset, {}) for dataset in (*item.datasets, *item.observations)]
    unproven = [entry for entry in used if entry.get("status") == "unproven"]
    reason = view.language.say("sector.suppressed" if suppressed else "sector.none")
    if not rows and not observations and not suppressed:
        needed = [_needed(view, dataset, "") for dataset in item.datasets]
        if item.datasets:
            reason, _ = _needed(view, item.datasets[0], "short_")
    return Item(
        item.id, view.language.of(item.title), rows, observations, suppressed, needed, unproven, reason
    )


def _geo(view: View, measure: Measure) -> str | None:
    """The seat if it has a value, else the region."""
    places = (view.facts.seat, view.facts.region)
    return next((geo for geo in places if geo and series.latest(measure.complete(geo))), None)


def _few(view: View, item: SectorItem, geo: str) -> bool:
    """True if `geo` has fewer local units than the item's least number, or their number is unknown."""
    if item.few is None:
        return False
    measure = view.facts.measures.get(item.few)
    last = series.latest(measure.complete(geo)) if measure else None
    return last is None or last.value is None or last.value < item.least


def _needed(view: View, dataset: str, form: str) -> tuple[str, str]:
    """What has to be done to have the figures of a dataset, and the command, if there is one; `form`: short_ or empty."""
    entry = view.facts.catalogue.get(dataset)
    state = entry["state"] if entry else "missing"
    title = entry[f"title_{view.language.code}"] if entry else dataset
    key = {"missing": "fetch", "not configured": "configure"}.get(state, "no_value")
    command = f"distretto refresh --only {dataset}" if key == "fetch" else ""
    return view.language.say(f"sector.{form}{key}", title=title, dataset=dataset), command


def _keys(view: View) -> list[str]:
    """The page exists for the region that `sector.yml` is about."""
    return [""] if sector().region == view.facts.region else []


PAGE = Page(
    "sector", "sector", "sector.html", _data, _keys, entry=Entry("top", 1, Names(it="Settore", en="Sector"))
)
