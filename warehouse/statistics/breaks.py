"""Breaks of a series: the registered ones of `reference/breaks.yml`, and those that the figures themselves suggest.

Belongs here: tables `breaks` and `break_proposals`. Does not belong here: what a break does to an indicator
(`indicators.py`). Flags `b` of a provider are not listed: the figures carry them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

import duckdb

from sources.common.config import Problem, Strict, Text
from sources.common.config import load as load_yaml
from sources.common.periods import Period
from sources.common.sql import literal
from sources.common.units import codes
from sources.errors import InvalidPeriod
from warehouse.database import write_table
from warehouse.reference.territory import REFERENCE, unknown_territories

FILE = REFERENCE / "breaks.yml"


class Break(Strict):
    """A registered break. `indicators`: codes, or `*` for all; `geo`: a code, with `*` at its end for all within it."""

    dataset: str
    indicators: list[str]
    geo: str
    period: str
    kind: Literal["level", "spike", "perimeter"]
    reason: Text
    evidence: Text
    accepted_on: date


def load() -> list[Break]:
    """The registered breaks of `reference/breaks.yml`. Raises SpecError with file and line."""
    return load_yaml(FILE, list[Break], problems=_problems)


def _problems(entries: list[Break]) -> Iterator[Problem]:
    for number, entry in enumerate(entries):
        if entry.geo != "*":
            for _, problem in unknown_territories((), [entry.geo.removesuffix("*")]):
                yield (number, "geo"), problem
        try:
            Period.parse(entry.period)
        except InvalidPeriod as failure:
            yield (number, "period"), failure.message


def build(con: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Create `breaks` in `schema`, and temp table `series_breaks (series, periods)` with each series' own.

    A `level` starts at its period; a `spike` ends with it too, so that the following period starts a new segment.
    """
    write_table(
        con,
        f"{schema}.breaks",
        {
            "dataset": "varchar",
            "indicator": "varchar",
            "geo": "varchar",
            "period": "varchar",
            "kind": "varchar",
            "reason": "varchar",
            "evidence": "varchar",
            "accepted_on": "date",
        },
        [
            (
                entry.dataset,
                code,
                entry.geo,
                period,
                entry.kind,
                entry.reason.en,
                entry.evidence.en,
                entry.accepted_on,
            )
            for entry in load()
            for code in entry.indicators
            for period in (
                (entry.period, str(int(entry.period) + 1)) if entry.kind == "spike" else (entry.period,)
            )
        ],
    )
    con.execute(f"""
        create or replace temp table series_breaks as
        select s.series, list(b.period order by b.period) as periods
        from {schema}.series s join {schema}.breaks b
          on b.dataset = s.dataset and b.indicator in (s.indicator, '*') and s.geo like replace(b.geo, '*', '%')
        group by s.series""")


def propose(con: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Create `break_proposals` in `schema`: breaks that its `indicators` suggest and no provider flagged.

    `level`: within a country at least 80 % of five or more regions of a level move the same way from one year to the
    next, by a tenth in the median and by three times the median of that country's other years. `spike`: one year is
    half as high again as the mean of its neighbours, or less than two thirds of it, and they are within 15 % of each
    other. Only counts of 100 and more, so that chance is no evidence. `registered` where `breaks` has it already.
    """
    counts = ", ".join(literal(code) for code in codes("count"))
    con.execute(f"""
        create table {schema}.break_proposals as
        with counts as (
            select dataset, indicator, geo, geo_level, left(geo, 2) as country, period, value,
                   lag(value) over series as before, lead(value) over series as after,
                   lag(period) over series as period_before, lead(period) over series as period_after, break_before
            from {schema}.indicators join {schema}.indicator_catalogue using (indicator)
            where indicator_catalogue.unit in ({counts}) and value >= 100 and not truncated
              and indicator_catalogue.pooled is null and geo_level in ('nuts2', 'nuts3') and length(period) = 4
              and not regexp_matches(indicator, '_[0-9]y$')
            window series as (partition by indicator, dataset, geo order by period)
        ), steps as (
            select *, ln(value / before) as step from counts
            where before > 0 and period_before::int = period::int - 1
        ), years as (
            select dataset, indicator, country, geo_level, period, count(*) as regions, median(step) as middle,
                   greatest(count(*) filter (step > 0), count(*) filter (step < 0)) / count(*) as share,
                   bool_and(break_before) as marked
            from steps group by all having count(*) >= 5
        ), usual as (
            select y.dataset, y.indicator, y.country, y.geo_level, y.period, median(abs(o.middle)) as middle
            from years y join years o on o.dataset = y.dataset and o.indicator = y.indicator and o.country = y.country
                                     and o.geo_level = y.geo_level and o.period <> y.period
            group by all
        ), found as (
            select dataset, indicator, country || '*' as geo, geo_level, period, 'level' as kind, regions, share,
                   (exp(y.middle) - 1) * 100 as change_pct, marked as registered,
                   format('{{}} of {{}} regions move the same way from {{}} to {{}}, {{:+.1f}} % in the median; '
                              || '{{:.1f}} % in other years',
                          round(share * regions)::int, regions, period::int - 1, period, (exp(y.middle) - 1) * 100,
                          (exp(u.middle) - 1) * 100) as evidence
            from years y join usual u using (dataset, indicator, country, geo_level, period)
            where share >= 0.8 and abs(y.middle) >= 0.1 and abs(y.middle) >= 3 * u.middle
            union all
            select dataset, indicator, geo, geo_level, period, 'spike', 1, 1,
                   (value / sqrt(before * after) - 1) * 100, break_before,
                   format('{{:.0f}} in {{}}, between {{:.0f}} and {{:.0f}}', value, period, before, after)
            from counts
            where before > 0 and after > 0 and period_before::int = period::int - 1 and period_after::int = period::int + 1
              and abs(ln(after / before)) <= 0.15 and abs(ln(value / sqrt(before * after))) >= 0.405
        )
        select * from found order by dataset, indicator, geo, geo_level, period""")
