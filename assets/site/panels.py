"""Panels: a chart or map together with its title and period, as pages and the board sheet show it.

Belongs here: which territories and periods a panel compares. Does not belong here: coordinates (`charts.py`,
`maps.py`) and markup (`templates/`).
"""

from __future__ import annotations

from dataclasses import dataclass

from assets.site import charts, maps, series, strips
from assets.site.queries import Measure, Point
from assets.site.view import View
from sources.common.units import unit_or_unknown
from warehouse.statistics.count_tests import comparison_interval

# our highest value as a share of the peers' highest, below which our lines get a chart of their own
PRESSED = 0.2


@dataclass(frozen=True)
class Dots:
    """Rows of a dot plot: positions in percent of the track, and the Goldstein-Healy intervals as `(left, width)`."""

    at: dict[str, float]
    from_zero: bool
    spans: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """Territories in one period, from the highest value to the lowest."""

    title: str
    period: str
    ranked: list[series.Ordered]
    dots: Dots
    without: list[str]
    reference: Point | None = None
    map: maps.Map | None = None


@dataclass(frozen=True)
class CountryPanel:
    """The country's territories of one level in one period: their map, and their values from the highest."""

    level: str
    period: str
    map: maps.Map
    ranked: list[tuple[str, Point]]
    without: list[str]


def country(view: View, measure: Measure, level: str) -> CountryPanel | None:
    """The map of the country's territories of `level`; None where fewer than half of them have a value."""
    layout = maps.country_layout(level)
    if layout is None:
        return None
    points = {geo: measure.complete(geo) for geo in layout.shapes}
    period = series.common_period(points, layout.shapes)
    found = {
        geo: point
        for geo, run in points.items()
        for point in run
        if point.period == period and point.value is not None
    }
    if period is None or 2 * len(found) < len(layout.shapes):
        return None
    values = {geo: point.value for geo, point in found.items() if point.value is not None}
    if measure.adds_up:
        drawn = maps.circle_map(layout, values, maps.LARGEST_OF_COUNTRY)
    else:
        drawn = maps.class_map(
            layout, values, [p.value for run in points.values() for p in run if p.value is not None]
        )
    return CountryPanel(
        level,
        period,
        drawn,
        sorted(found.items(), key=lambda item: -(item[1].value or 0)),
        [geo for geo in layout.shapes if geo not in found],
    )


def strip(view: View, measure: Measure, level: str) -> strips.Strip | None:
    """All European territories of `level` with ours marked; None for amounts, which territories of unequal size have."""
    spread = view.facts.spreads.get((measure.id, level))
    if spread is None or measure.adds_up:
        return None
    facts = view.facts
    # the seat last, so that it lies on top
    ours = [facts.region, *sorted(facts.geos("province"), key=lambda geo: geo == facts.seat)]
    return strips.strip(spread, ours)


def provinces(view: View, measure: Measure) -> Panel | None:
    """The provinces in their last common period; None where none has a value."""
    facts, say = view.facts, view.language.say
    geos = facts.geos("province")
    points = {geo: measure.complete(geo) for geo in facts.places}
    period = series.common_period(points, geos)
    if period is None:
        return None
    ranked = view.ordered(measure, geos, period)
    shown = [r for r in ranked if r.point]
    firm = [r for r in shown if r.rank]
    if measure.adds_up:
        title = say("finding.provinces_amounts", period=view.language.period(period))
    elif len(firm) > 1:
        title = say(
            _range_words(firm[0], firm[-1]),
            top=view.place_name(firm[0].geo),
            high=view.value(firm[0].point, measure.unit),
            bottom=view.place_name(firm[-1].geo),
            low=view.value(firm[-1].point, measure.unit),
        )
    else:
        title = say(
            "finding.provinces_one",
            top=view.place_name(shown[0].geo),
            high=view.value(shown[0].point, measure.unit),
        )
    reference = None
    if not measure.adds_up:
        reference = next(
            (p for p in points[facts.region] if p.period == period and p.value is not None), None
        )
    return Panel(
        title,
        period,
        ranked,
        _dots(ranked, measure.unit, reference),
        [r.geo for r in ranked if not r.point],
        reference,
        _map(view, measure, ranked),
    )


def _range_words(first: series.Ordered, last: series.Ordered) -> str:
    """Which words fit the ends of a ranking: "highest" and "lowest" only where tests set them apart from all others."""
    ranks = [row.rank for row in (first, last) if row.rank]
    if any(rank.low is None for rank in ranks):
        return "finding.provinces_untested"
    return "finding.provinces" if all(rank.low == rank.high for rank in ranks) else "finding.provinces_range"


def comparison(view: View, measure: Measure) -> Panel | None:
    """Our region among the territories of its level in its last period; None where there is no other."""
    facts, language = view.facts, view.language
    region = facts.region
    level = facts.places[region].level
    geos = [place.geo for place in facts.places.values() if place.role == "peer" and place.level == level]
    own = series.latest(measure.complete(region))
    # amounts of territories of unequal size have no rank
    if own is None or measure.adds_up:
        return None
    ranked = [r for r in view.ordered(measure, [region, *geos], own.period) if r.point]
    if len(ranked) < 2:
        return None
    mine = next(r for r in ranked if r.geo == region)
    if mine.rank:
        title = language.say(
            "finding.rank",
            place=view.place_name(region),
            rank=view.rank(mine.rank),
            among=mine.rank.among,
        )
        if view.sampled(measure):
            title += language.say("finding.sampled")
    else:
        title = language.say("finding.rank_none", period=language.period(own.period))
    return Panel(title, own.period, ranked, _dots(ranked, measure.unit), [])


def over_time(view: View, measure: Measure, peers: bool = True) -> charts.Plot | None:
    """Lines of our region, its seat and the country, with the territories to compare with in grey."""
    facts = view.facts
    roles = {facts.region: "region"}
    if facts.seat:
        roles[facts.seat] = "seat"
    roles[facts.country] = "country"
    if peers:
        roles |= dict.fromkeys(facts.geos("peer"), "peer")
    indexed = measure.adds_up
    aims = [] if indexed else [t for t in view.standing if t["indicator"] == measure.id]
    return charts.lines_plot(measure.series, roles, measure.until, indexed, aims)


def closeup(view: View, measure: Measure) -> charts.Plot | None:
    """The same lines without the peers, where the peers press ours down to the axis."""

    def values(geo: str) -> list[float]:
        return [p.value for p in measure.series.get(geo, []) if p.value is not None]

    ours = values(view.facts.region)
    theirs = [value for geo in view.facts.geos("peer") for value in values(geo)]
    if measure.adds_up or not ours or not theirs or max(ours) > PRESSED * max(theirs):
        return None
    return over_time(view, measure, peers=False)


def mapped(view: View) -> Measure | None:
    """The indicator of the first map: a rate of the provinces, preferably one with a target."""
    aimed = {target["indicator"] for target in view.standing}
    rates = [
        measure
        for measure in view.facts.measures.values()
        if not measure.adds_up and provinces(view, measure)
    ]
    return min(rates, key=lambda measure: measure.id not in aimed, default=None)


def _dots(ranked: list[series.Ordered], unit: str, reference: Point | None = None) -> Dots:
    """Positions on a track that begins at zero where zero is not far."""
    values = {r.geo: r.point.value for r in ranked if r.point and r.point.value is not None}
    if reference and reference.value is not None:
        values[""] = reference.value
    bounds = {
        r.geo: interval
        for r in ranked
        if r.point
        and r.point.value is not None
        and (interval := comparison_interval(r.point.value, r.point.ci_low, r.point.ci_high))
    }
    ends = [end for pair in bounds.values() for end in pair]
    axis = charts.scale([*values.values(), *ends], zero=unit_or_unknown(unit).adds_up)
    low, high = (
        charts.strip({geo: pair[side] for geo, pair in bounds.items()}, axis.low, axis.high)
        for side in (0, 1)
    )
    return Dots(
        charts.strip(values, axis.low, axis.high),
        axis.low == 0,
        {geo: (low[geo], round(high[geo] - low[geo], 1)) for geo in bounds},
    )


def _map(view: View, measure: Measure, ranked: list[series.Ordered]) -> maps.Map | None:
    layout = maps.layout()
    if layout is None:
        return None
    values = {r.geo: r.point.value for r in ranked if r.point and r.point.value is not None}
    if measure.adds_up:
        return maps.circle_map(layout, values)
    over_time = [
        p.value for geo in view.facts.geos("province") for p in measure.complete(geo) if p.value is not None
    ]
    return maps.class_map(layout, values, over_time)
