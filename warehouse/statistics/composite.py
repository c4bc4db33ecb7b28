"""Composite index of the regions of our territory's country, following the ten steps of the OECD/JRC handbook (2008).

Pillars, indicators and goalposts: `reference/composite.yml`. Fixed goalposts bring each indicator to 0..100, a pillar is the
mean of its indicators, the index the geometric mean of the pillars, all of equal weight. Where a pillar lacks more than a
third of its indicators there is no index.

Belongs here: tables `composite`, `composite_parts`, `composite_goalposts`, `composite_coverage`. Does not belong here:
targets and ranks of a single indicator.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import duckdb

from sources.common.config import Strict, load
from sources.common.sql import literal
from warehouse.database import write_table
from warehouse.reference.territory import REFERENCE, Territory
from warehouse.statistics.reliability import RELIABLE_SQL

if TYPE_CHECKING:
    import numpy

FILE = REFERENCE / "composite.yml"
SEED = 20261123
DRAWS = 1000
# a normalised value of 0 would make the geometric mean 0 whatever the other pillars are
FLOOR = 1.0
# a pillar is there with two thirds of its indicators
PRESENT = 2 / 3


class Part(Strict):
    """An indicator of a pillar. `baseline`: first and last period of its goalposts."""

    indicator: str
    baseline: list[str]


class Pillar(Strict):
    """A pillar of the index, the mean of its indicators."""

    id: str
    indicators: list[Part]


class Composite(Strict):
    """`composite.yml`. `fewest_regions`: with fewer there is no index."""

    level: str
    fewest_regions: int
    pillars: list[Pillar]


def normalise(value: float, low: float, high: float, direction: str) -> float:
    """`value` between its goalposts as 1 to 100; beyond them it stays at the end. Equal goalposts divide by zero."""
    share = (value - low) / (high - low)
    share = 1 - share if direction == "down" else share
    return max(FLOOR, min(100.0, share * 100))


def geometric(scores: numpy.ndarray, weights: numpy.ndarray) -> numpy.ndarray:
    """Weighted geometric mean of the pillars: scores (regions, pillars), weights (draws, pillars); gives (draws, regions)."""
    import numpy

    return numpy.exp(weights @ numpy.log(scores).T)


def sensitivity(scores: numpy.ndarray) -> dict[str, numpy.ndarray]:
    """Index, rank, and how both move: 1,000 draws of the weights (Dirichlet, seed fixed), and each pillar left out once.

    `scores` (regions, pillars) within 1 to 100. Ranks begin with 1, the highest index; equal ones share the better rank.
    """
    import numpy

    pillars = scores.shape[1]
    equal = numpy.full((1, pillars), 1 / pillars)
    drawn = numpy.random.default_rng(SEED).dirichlet(numpy.ones(pillars), DRAWS)
    index = geometric(scores, equal)[0]
    ranks = _ranks(geometric(scores, drawn))
    without = numpy.stack(
        [
            _ranks(geometric(numpy.delete(scores, left, 1), numpy.full((1, pillars - 1), 1 / (pillars - 1))))[
                0
            ]
            for left in range(pillars)
        ]
    )
    return {
        "index": index,
        "rank": _ranks(index[None])[0],
        "rank_p05": numpy.percentile(ranks, 5, axis=0, method="nearest"),
        "rank_p95": numpy.percentile(ranks, 95, axis=0, method="nearest"),
        "rank_lowest": without.min(axis=0),
        "rank_highest": without.max(axis=0),
    }


def _ranks(index: numpy.ndarray) -> numpy.ndarray:
    return (index[:, None, :] > index[:, :, None] + 1e-12).sum(axis=2) + 1


def build(con: duckdb.DuckDBPyConnection, ours: Territory, schema: str) -> None:
    """Create the four tables in `schema`, empty where the parts are absent; `ours` is the territory's file."""
    said = load(FILE, Composite)
    parts = [
        (pillar.id, one.indicator, *one.baseline) for pillar in said.pillars for one in pillar.indicators
    ]
    values = ", ".join(f"({literal(p)}, {literal(i)}, {literal(a)}, {literal(b)})" for p, i, a, b in parts)
    places = f"geo_level = {literal(said.level)} and starts_with(geo, {literal(ours.country)})"
    con.execute(f"""
        create table {schema}.composite_goalposts as
        select pillar, indicator, c.direction, first_period, last_period, min(i.value) as low, max(i.value) as high,
               count(distinct i.geo) as regions
        from (values {values}) p (pillar, indicator, first_period, last_period)
        join {schema}.indicator_catalogue c using (indicator) join {schema}.indicators i using (indicator)
        where i.{places} and i.period between first_period and last_period and i.value is not null and not i.truncated
          and i.reliability in {RELIABLE_SQL}
        group by all having min(i.value) < max(i.value) order by pillar, indicator""")
    con.execute(f"""
        create table {schema}.composite_coverage as
        select pillar, indicator, min(i.period) as first_period, max(i.period) as last_period
        from (values {values}) p (pillar, indicator, first_baseline, last_baseline)
        left join (
            select * from {schema}.indicators
            where geo = {literal(ours.region)} and value is not null and not truncated and reliability in {RELIABLE_SQL}
        ) i using (indicator)
        group by pillar, indicator order by pillar, indicator""")
    found = con.execute(f"""
        select i.period, i.geo, g.pillar, i.indicator, i.value, g.low, g.high, g.direction
        from {schema}.composite_goalposts g join {schema}.indicators i using (indicator)
        where i.{places} and i.value is not null and not i.truncated and i.reliability in {RELIABLE_SQL}
        order by period, geo, pillar, indicator""").fetchall()
    wanted = {pillar.id: [one.indicator for one in pillar.indicators] for pillar in said.pillars}
    scores: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    rows = []
    for period, geo, pillar, indicator, value, low, high, direction in found:
        score = normalise(value, low, high, direction)
        scores[period][geo][pillar].append(score)
        rows.append((period, geo, pillar, indicator, value, score))
    write_table(
        con,
        f"{schema}.composite_parts",
        {
            "period": "varchar",
            "geo": "varchar",
            "pillar": "varchar",
            "indicator": "varchar",
            "value": "double",
            "score": "double",
        },
        [],
    )
    results = []
    for period, regions in scores.items():
        whole = {
            geo: [sum(pillars[p]) / len(pillars[p]) for p in wanted]
            for geo, pillars in regions.items()
            if all(len(pillars.get(p, ())) >= PRESENT * len(wanted[p]) for p in wanted)
        }
        if ours.region in whole and len(whole) >= said.fewest_regions:
            results += _results(period, whole, list(wanted))
    if results:
        outcome = {row[0] for row in results}
        con.executemany(
            f"insert into {schema}.composite_parts values (?, ?, ?, ?, ?, ?)",
            [row for row in rows if row[0] in outcome],
        )
    write_table(
        con,
        f"{schema}.composite",
        {
            "period": "varchar",
            "geo": "varchar",
            "value": "double",
            "pillars": "map(varchar, double)",
            "rank": "integer",
            "n": "integer",
            "rank_p05": "integer",
            "rank_p95": "integer",
            "rank_lowest": "integer",
            "rank_highest": "integer",
        },
        results,
    )


def absence(con: duckdb.DuckDBPyConnection, schema: str = "main") -> dict[str, str] | None:
    """Why the release has no index, in Italian and English; None where it has one.

    Names the periods in which our region has each pillar's indicators: an index needs all pillars in one period.
    """
    if con.execute(f"select count(*) from {schema}.composite").fetchall()[0][0]:
        return None
    said = load(FILE, Composite)
    spans = {
        indicator: (first, last)
        for indicator, first, last in con.execute(
            f"select indicator, first_period, last_period from {schema}.composite_coverage"
        ).fetchall()
    }
    titles = {
        indicator: (it, en)
        for indicator, it, en in con.execute(
            f"select indicator, title_it, title_en from {schema}.indicator_catalogue"
        ).fetchall()
    }
    lines: dict[str, list[str]] = {"it": [], "en": []}
    for pillar in said.pillars:
        for one in pillar.indicators:
            indicator = one.indicator
            first, last = spans[indicator]
            it, en = titles[indicator]
            lines["it"].append(f"{it}: {f'{first}-{last}' if first else 'nessun dato'}")
            lines["en"].append(f"{en}: {f'{first}-{last}' if first else 'no figure'}")
    return {
        "it": "Nessun periodo in cui tutti i pilastri hanno due terzi dei loro indicatori. "
        + "; ".join(lines["it"])
        + ".",
        "en": "No period in which every pillar has two thirds of its indicators. "
        + "; ".join(lines["en"])
        + ".",
    }


def _results(period: str, whole: dict[str, list[float]], pillars: list[str]) -> list[tuple[Any, ...]]:
    import numpy

    geos = sorted(whole)
    outcome = sensitivity(numpy.array([whole[geo] for geo in geos]))
    return [
        (
            period,
            geo,
            float(outcome["index"][place]),
            dict(zip(pillars, whole[geo], strict=True)),
            int(outcome["rank"][place]),
            len(geos),
            *(int(outcome[key][place]) for key in ("rank_p05", "rank_p95", "rank_lowest", "rank_highest")),
        )
        for place, geo in enumerate(geos)
    ]
