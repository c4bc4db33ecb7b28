"""What a release knows of its series when their figures are compared: rules, revisions due, open break proposals.

Belongs here: reading that knowledge once from a release's tables, and the change of a series by it. Does not belong here: the
rule itself (`comparison.py`) and the words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import duckdb

from sources.common.config import Names, Strict, load
from sources.common.periods import Period
from sources.common.sql import literal
from sources.common.units import Unit, unit_or_unknown
from warehouse.reference.territory import REFERENCE
from warehouse.statistics.comparison import (
    Change,
    Comparable,
    ComparedWith,
    Rules,
    Source,
    Test,
    compare,
)
from warehouse.statistics.ranking import Direction
from warehouse.statistics.reliability import is_reliable

FILE = REFERENCE / "maturity.yml"
# which test an indicator's interval implies
_TESTS: dict[str, Test] = {"poisson": "counts", "gamma": "counts", "wilson": "shares", "none": "none"}


class MaturityRule(Strict):
    """An entry of `reference/maturity.yml`: how many of the last periods of these indicators have revisions due, and why."""

    indicators: list[str]
    revisions_due: int
    reason: Names


@cache
def maturity() -> dict[str, MaturityRule]:
    """The rule of each indicator that has one."""
    return {indicator: rule for rule in load(FILE, list[MaturityRule]) for indicator in rule.indicators}


@dataclass(frozen=True)
class SeriesChanges:
    """The comparisons of one release. Made by `read`; the site, headlines and feeds ask `change` of each series they show."""

    rules: Mapping[str, Rules]
    directions: Mapping[str, Direction] = field(default_factory=dict)
    # the number of last periods with revisions due, by indicator
    due: Mapping[str, int] = field(default_factory=dict)
    # the last period that a table has of an indicator, in any territory
    last: Mapping[tuple[str, str], Period] = field(default_factory=dict)
    # open break proposals: dataset, indicator, the territory or the beginning of its code, period
    proposals: frozenset[tuple[str, str, str, str]] = frozenset()
    # (indicator, dataset) whose mean revision cannot be distinguished from 0
    neutral: frozenset[tuple[str, str]] = frozenset()

    def revisions_due(self, indicator: str, figure: Comparable) -> int:
        """How many revisions a figure still expects by the rule of its indicator, whatever its flags."""
        last = self.last.get((indicator, figure.dataset))
        if not last:
            return 0
        return max(0, self.due.get(indicator, 0) - (last.ordinal - Period.parse(figure.period).ordinal))

    def change(
        self, indicator: str, geo: str, figures: Sequence[Comparable], unit: Unit | None = None
    ) -> Change:
        """The change of the newest figure of a series against the one that its rules name, which is the one before it or that of
        the same period a year earlier; figures without a value are passed over.

        `unit`: that of a series that is no indicator, such as the district's own figures.
        """
        valued = sorted((f for f in figures if f.value is not None), key=lambda f: Period.parse(f.period))
        rules = self.rules.get(indicator) or (Rules(unit) if unit else None)
        if rules is None:
            raise KeyError(f"{indicator} is no indicator of this release, and no unit is given")
        path = _compared(valued, rules)
        if len(path) < 2:
            change = compare(valued[-1] if valued else None, None, rules)
            if change.kind == "new" and len(valued) > 1:
                return Change(
                    "gap", rules.reference(Period.parse(valued[-1].period)).text, missing_earlier=True
                )
            return change
        now, before = valued[path[-1]], valued[path[-2]]
        passed = valued[path[-2] + 1 :]
        return compare(
            now,
            before,
            rules,
            revisions_due=(self.revisions_due(indicator, now), self.revisions_due(indicator, before)),
            revisions_neutral=(indicator, now.dataset) in self.neutral,
            break_between=_broken(passed),
            break_proposed=any(self.break_proposed(indicator, geo, figure) for figure in passed),
            earlier=_comparable_run(valued, path[:-1], rules),
        )

    def break_proposed(self, indicator: str, geo: str, figure: Comparable) -> bool:
        """Whether an open proposal puts a break between the figure and the period before."""
        return any(
            (figure.dataset, indicator, place, figure.period) in self.proposals
            for place in (geo, f"{geo[:2]}*")
        )


def read(con: duckdb.DuckDBPyConnection, schema: str = "main") -> SeriesChanges:
    """The comparisons of the release whose tables are in `schema` of `con`."""
    headers = con.execute(
        "select indicator, unit, if(count_from is null, interval, 'gamma'), source_kind, prices, direction, "
        f"compared_with, coalesce(provisional_periods, 0) from {schema}.indicator_catalogue"
    ).fetchall()
    last = con.execute(
        f"select indicator, dataset, max(period) from {schema}.indicators where value is not null group by all"
    ).fetchall()
    overriding = {indicator: rule.revisions_due for indicator, rule in maturity().items()}
    return SeriesChanges(
        rules={
            indicator: _rules(unit_or_unknown(unit), interval, source, prices, compared_with)
            for indicator, unit, interval, source, prices, _, compared_with, _ in headers
        },
        directions={indicator: direction for indicator, *_, direction, _, _ in headers},
        due={indicator: provisional for indicator, *_, provisional in headers} | overriding,
        last={(indicator, dataset): Period.parse(period) for indicator, dataset, period in last},
        proposals=_open_proposals(con, schema),
        neutral=_neutral(con, schema),
    )


def _open_proposals(con: duckdb.DuckDBPyConnection, schema: str) -> frozenset[tuple[str, str, str, str]]:
    """Proposals that no registered break answers, of the indicators concerned and of all that use the same figures.

    A spike concerns the step to its period and the step from it.
    """
    rows = con.execute(f"""
        with open as (
            select dataset, indicator, geo, period, kind from {schema}.break_proposals where not registered
        ), codes as (
            select distinct indicator, input_dataset, input_indicator from {schema}.indicator_inputs
        ), concerned as (
            select distinct o.dataset, other.indicator, o.geo, o.period, o.kind
            from open o join codes own using (indicator) join codes other using (input_dataset, input_indicator)
            where own.input_dataset = o.dataset
        )
        from concerned""").fetchall()
    steps = {(dataset, indicator, geo, period) for dataset, indicator, geo, period, _ in rows}
    after = {
        (dataset, indicator, geo, Period.parse(period).shift(1).text)
        for dataset, indicator, geo, period, kind in rows
        if kind == "spike"
    }
    return frozenset(steps | after)


def _neutral(con: duckdb.DuckDBPyConnection, schema: str) -> frozenset[tuple[str, str]]:
    """Indicators and tables whose figures were revised, without a mean revision that can be distinguished from 0.

    Every revised code that the indicator rests on must be so. Empty in a release that has no `revision_bias` yet.
    """
    built = con.execute(
        "select count(*) from duckdb_tables() where table_name = 'revision_bias' "
        f"and {literal(schema)} in (schema_name, database_name)"
    ).fetchall()[0][0]
    if not built:
        return frozenset()
    rows = con.execute(f"""
        select i.indicator, i.input_dataset
        from (select distinct indicator, input_dataset, input_indicator from {schema}.indicator_inputs) i
        join {schema}.revision_bias b on (b.dataset, b.indicator) = (i.input_dataset, i.input_indicator)
        group by all having bool_and(coalesce(b.neutral, false))""").fetchall()
    return frozenset(rows)


def _compared(valued: Sequence[Comparable], rules: Rules) -> list[int]:
    """The places in `valued`, figures in the order of their periods, that comparisons lead through to the newest.

    All of them, or those of its period in each year; without the figure of a year earlier the newest alone.
    """
    if rules.compared_with == "preceding":
        return list(range(len(valued)))
    places = {Period.parse(figure.period): place for place, figure in enumerate(valued)}
    found: list[int] = []
    period = max(places, default=None)
    while period in places:
        found.append(places[period])
        period = rules.reference(period)
    return found[::-1]


def _broken(figures: Sequence[Comparable]) -> bool:
    """Whether the step to any of the figures, which follow each other, must not be compared across."""
    return any(
        figure.break_before or figure.dataset != before.dataset
        for before, figure in zip([figures[0], *figures], figures, strict=False)
    )


def _comparable_run(valued: Sequence[Comparable], path: Sequence[int], rules: Rules) -> list[Comparable]:
    """The last figures of `path`, places in `valued`, between which nothing hinders a comparison."""
    run: list[Comparable] = []
    last = 0
    for place in path:
        figure = valued[place]
        joined = (
            run
            and not _broken(valued[last + 1 : place + 1])
            and figure.dataset == run[-1].dataset
            and rules.reference(Period.parse(figure.period)) == Period.parse(run[-1].period)
        )
        last = place
        if not is_reliable(figure):
            run = []
        else:
            run = [*run, figure] if joined else [figure]
    return run


def _rules(
    unit: Unit, interval: str, source: Source | None, prices: str | None, compared_with: ComparedWith | None
) -> Rules:
    """An indicator that does not name its source has counts of a register if it has intervals, else perhaps a sample."""
    return Rules(
        unit,
        _TESTS[interval],
        source or ("survey" if interval == "none" else "register"),
        current_prices=unit.kind == "money" if prices is None else prices == "current",
        compared_with=compared_with or "preceding",
    )
