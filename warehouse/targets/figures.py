"""Figures that a target, a watch or a headline can rest on, as a release has them now and as they were known earlier.

Belongs here: reading `indicators`, `indicator_history` and the district's own figures as `Figure`s; leaving out those of a
dataset that is unproven, of which no body has been seen. Does not belong here: judging them (`assessment.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time

import duckdb

from sources.common.sql import literal
from warehouse.reference.territory import timezone
from warehouse.statistics.indicators import load_indicators
from warehouse.statistics.reliability import OWN_FIGURE_CLASS
from warehouse.targets.assessment import Figure
from warehouse.targets.rules import Known
from warehouse.targets.schema import Direction, LedgerError

OWN = "own_figures"
_COLUMNS = (
    "period, value, unit, flag, reliability, break_before, dataset, snapshot_id, known_from, "
    "ci_low, ci_high, truncated, provisional, numerator, denominator"
)
_OWN_COLUMNS = f"""
    indicator, geo, 'district' as geo_level, period, value, unit, flag,
    {OWN_FIGURE_CLASS} as reliability,
    contains(coalesce(flag, ''), 'b') as break_before, dataset, snapshot_id, known_from,
    null::double as ci_low, null::double as ci_high, false as truncated,
    contains(coalesce(flag, ''), 'p') as provisional, null::varchar as method_version,
    null::double as numerator, null::double as denominator"""


def all_figures_sql(schema: str) -> str:
    """SQL for what a target can be set on: the rows of `indicators`, and the district's own figures in the same columns."""
    return f"""
        select indicator, geo, geo_level, period, value, unit, flag, reliability, break_before, dataset, snapshot_id, known_from,
               ci_low, ci_high, truncated, provisional, method_version, numerator, denominator
        from {schema}.indicators
        union all
        select {_OWN_COLUMNS} from {schema}.district"""


def figures(
    con: duckdb.DuckDBPyConnection, schema: str, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[Figure]]:
    """The series of each pair of indicator and territory, in the order of their periods, without unproven figures."""
    found: dict[tuple[str, str], list[Figure]] = {pair: [] for pair in wanted}
    pairs = ", ".join(f"({literal(indicator)}, {literal(geo)})" for indicator, geo in found)
    if pairs:
        rows = con.execute(f"""
            select indicator, geo, {_COLUMNS}
            from ({all_figures_sql(schema)})
            where (indicator, geo) in ({pairs}) and {_proven_sql(schema)} order by period""")
        for indicator, geo, *figure in rows.fetchall():
            found[indicator, geo].append(Figure(*figure))
    return found


def known_on(con: duckdb.DuckDBPyConnection, schema: str, pair: tuple[str, str], day: date) -> list[Figure]:
    """The series of `pair` as it was known at the end of `day` on the territory's clock, in the order of its periods.

    Indicators: as the last release until then had published them, from `indicator_history`. Own figures: as they had
    been accepted by then, from the history of observations.
    """
    return known_at(con, schema, pair, datetime.combine(day, time.max, timezone()))


def known_at(
    con: duckdb.DuckDBPyConnection, schema: str, pair: tuple[str, str], moment: datetime
) -> list[Figure]:
    """The series of `pair` as it was known at `moment`, in the order of its periods."""
    until = f"timestamptz {literal(moment.isoformat())}"
    # not by the macros of the release, which name the database that readers attach
    rows = con.execute(f"""
        with own as (
            select h.period, h.value, h.flag, h.deleted, s.dataset, s.indicator, s.geo, s.unit, v.known_from, v.snapshot_id
            from {schema}.history h join {schema}.series s using (series) join {schema}.vintages v using (vintage)
            where s.dataset = {literal(OWN)} and s.indicator = {literal(pair[0])} and s.geo = {literal(pair[1])}
              and v.known_from <= {until}
            qualify row_number() over (partition by series, period order by vintage desc) = 1)
        select {_COLUMNS} from (
            from {schema}.indicator_history
            where indicator = {literal(pair[0])} and geo = {literal(pair[1])} and known_from <= {until}
            qualify row_number() over (partition by period order by known_from desc) = 1)
        where not deleted and {_proven_sql(schema)}
        union all
        select {_COLUMNS} from (select {_OWN_COLUMNS} from own where not deleted)
        order by period""").fetchall()
    return [Figure(*row) for row in rows]


def _proven_sql(schema: str) -> str:
    return f"dataset not in (select dataset from {schema}.catalogue where status = 'unproven')"


def known(con: duckdb.DuckDBPyConnection, indicator: str, geo: str) -> Known:
    """What the release that `con` reads knows of `indicator` of `geo`."""
    return as_known(indicator, figures(con, "main", [(indicator, geo)])[indicator, geo])


def as_known(indicator: str, series: Sequence[Figure]) -> Known:
    """`series` as the rules for a new target need it; without a unit if the series has none or several."""
    units = {figure.unit for figure in series}
    return Known(
        {figure.period: figure.value for figure in series if figure.value is not None},
        units.pop() if len(units) == 1 else None,
        direction_of(indicator),
    )


def direction_of(indicator: str) -> Direction | None:
    """Where better lies for `indicator`; None for one that is better in no direction, and for an own figure."""
    directions: dict[str, Direction] = {"up": "up", "down": "down"}
    return next((directions.get(i.header["direction"]) for i in load_indicators() if i.id == indicator), None)


def require_proven(con: duckdb.DuckDBPyConnection, field: str, indicator: str, geo: str) -> None:
    """Raise LedgerError, naming the `field` of a target, if all that `indicator` could rest on is unproven.

    `con` reads a release.
    """
    if figures(con, "main", [(indicator, geo)])[indicator, geo]:
        return
    sources = next((one.header["sources"] for one in load_indicators() if one.id == indicator), "")
    rows = con.execute("select dataset from catalogue where status = 'unproven' order by dataset").fetchall()
    if unproven := [dataset for (dataset,) in rows if dataset in re.findall(r"\w+", sources)]:
        raise LedgerError(
            f"{field}: {indicator} rests on {', '.join(unproven)}, which is unproven: no file of it has been confirmed.",
            hint="choose another indicator, or confirm the dataset first: docs/first-live-night.md.",
        )


def require_watch(con: duckdb.DuckDBPyConnection, indicator: str, geo: str) -> None:
    """Raise LedgerError unless `indicator` is one of the project, or the release that `con` reads has figures of it.

    It must not rest on unproven figures.
    """
    require_proven(con, "watch", indicator, geo)
    known = {one.id for one in load_indicators()}
    if indicator not in known and not figures(con, "main", [(indicator, geo)])[indicator, geo]:
        raise LedgerError(
            f"watch: no indicator {indicator!r}.", hint="the table indicator_catalogue lists them."
        )
