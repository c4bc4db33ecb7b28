"""Results beside targets: expected path, gap, progress, status with its reason, probability; the tables of a release.

Belongs here: the arithmetic as pure functions, and `targets` and `target_results`. Does not belong here: the file
of targets and its seals (`ledger.py`). Definitions: docs/targets.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from statistics import NormalDist, fmean, median, stdev
from typing import Any

import duckdb

from sources.common.sql import literal, rows
from warehouse.history.dataset_state import DatasetState
from warehouse.publishing.tables import write_table
from warehouse.reference.territory import timezone
from warehouse.statistics.indicators import load_indicators
from warehouse.targets.ledger import Entry, Known, Ledger, Point, bounds, content, ordinal

# the fewest changes from one period to the next that a drift is estimated from
CHANGES = 5
# the fewest peers of which a median is told
PEERS = 3
SAME = 1e-9
BASIS = {
    "interval": "normal distribution over the figure's 95 % interval",
    "drift": "random walk with drift, from the changes of the unbroken series",
}


@dataclass(frozen=True)
class Figure:
    """One row of an indicator for one territory."""

    period: str
    value: float | None
    unit: str
    flag: str | None
    reliability: str
    break_before: bool
    dataset: str
    snapshot_id: str
    known_from: datetime
    ci_low: float | None = None
    ci_high: float | None = None
    truncated: bool = False
    provisional: bool = False
    numerator: float | None = None
    denominator: float | None = None


@dataclass(frozen=True)
class Result:
    """How a target stands at one point. Values are in the target's unit, progress in percent of the whole way."""

    status: str
    reason_it: str = ""
    reason_en: str = ""
    figure: Figure | None = None
    expected: float | None = None
    gap: float | None = None
    progress: float | None = None


# -- arithmetic


def progress(baseline: float, target: float, value: float) -> float:
    """Share of the way from baseline to target in percent: 0 at the baseline, 100 at the target; not clipped.

    Safe for targets that lie below their baseline. Raises ZeroDivisionError where there is no way.
    """
    return (value - baseline) / (target - baseline) * 100


def expected(entry: Entry, period: str) -> float:
    """The value on the straight lines from baseline over the milestones to the target; constant outside them."""
    way = [(ordinal(p.period), p.value) for p in (entry.baseline, *entry.points)]
    at = ordinal(period)
    if at <= way[0][0]:
        return way[0][1]
    for (t0, v0), (t1, v1) in zip(way, way[1:], strict=False):
        if at == t1:
            return v1
        if at < t1:
            return v0 + (v1 - v0) * (at - t0) / (t1 - t0)
    return way[-1][1]


def reached(direction: str, goal: float, value: float) -> bool:
    """True where `value` is at the goal or beyond it. An exact hit is a hit, whatever the last bit of a float says."""
    sign = 1 if direction == "up" else -1
    return sign * (value - goal) >= -SAME * max(abs(goal), abs(value))


def status_of(entry: Entry, goal: float, period: str, value: float, final: bool) -> str:
    """`met`, `on_track`, `delayed` or `off_track` of a value that can be judged.

    Short of `goal`, the share of the expected progress decides, by the thresholds of the ledger. At the target itself
    (`final`) nothing is on track any more: it is met or missed, and missed by little is `delayed`.
    """
    if reached(entry.direction, goal, value):
        return "met"
    way = progress(entry.baseline.value, entry.target.value, expected(entry, period))
    share = progress(entry.baseline.value, entry.target.value, value) / way if way else 0
    if share >= entry.thresholds.on_track - SAME and not final:
        return "on_track"
    return "delayed" if share >= entry.thresholds.delayed - SAME else "off_track"


def probability_now(direction: str, goal: float, value: float, ci_low: float, ci_high: float) -> float:
    """Probability that the true value is at the goal or beyond, the 95 % interval read as a normal distribution's.

    An exact hit has one half. An interval without width leaves 0 or 1.
    """
    spread = (ci_high - ci_low) / (2 * NormalDist().inv_cdf(0.975))
    return _beyond(direction, goal, value, spread)


def probability_then(
    direction: str, goal: float, series: Sequence[tuple[str, float]], period: str
) -> float | None:
    """Probability that the value of `period` is at the goal or beyond: a random walk with drift over `series`.

    Mean: the last value and as many mean changes as periods ahead (h). Variance: that of the changes times h (1 + h / n),
    n the number of changes, since their mean is itself an estimate. None below five changes between neighbouring periods.
    """
    changes = [
        later - earlier
        for (p0, earlier), (p1, later) in zip(series, series[1:], strict=False)
        if ordinal(p1) - ordinal(p0) == 1
    ]
    if len(changes) < CHANGES:
        return None
    ahead = ordinal(period) - ordinal(series[-1][0])
    if ahead <= 0:
        return None
    mean = series[-1][1] + ahead * fmean(changes)
    return _beyond(direction, goal, mean, stdev(changes) * (ahead * (1 + ahead / len(changes))) ** 0.5)


def _beyond(direction: str, goal: float, mean: float, spread: float) -> float:
    if spread <= 0:
        return float(reached(direction, goal, mean))
    below = NormalDist(mean, spread).cdf(goal)
    return 1 - below if direction == "up" else below


# -- judging


def latest(entry: Entry, series: Sequence[Figure]) -> Figure | None:
    """The newest figure with a value after the baseline; periods whose figures are still to come are passed over."""
    later = [
        f
        for f in series
        if f.value is not None and not f.truncated and ordinal(f.period) > ordinal(entry.baseline.period)
    ]
    return max(later, key=lambda f: ordinal(f.period), default=None)


def judge_latest(entry: Entry, series: Sequence[Figure], on: date, late: Callable[[str], bool]) -> Result:
    """How the target stands on the day `on` by its newest figure; `late` says of a dataset that it is behind its calendar."""
    newest = latest(entry, series)
    if newest is None:
        return Result(
            "not_assessable",
            f"nessun dato successivo al valore di partenza ({entry.baseline.period})",
            f"no figure later than the baseline ({entry.baseline.period})",
        )
    ended = ordinal(newest.period) >= ordinal(entry.target.period)
    result = _judge(entry, entry.target.value, newest.period, series, final=ended)
    age = (on - bounds(newest.period)[1]).days
    if result.status in ("not_comparable", "not_assessable"):
        return result
    if age > entry.thresholds.max_age_days:
        days, allowed = f"{age:,}", f"{entry.thresholds.max_age_days:,}"
        return replace(
            result,
            status="not_assessable",
            reason_it=f"il dato più recente ({newest.period}) ha {days.replace(',', '.')} giorni, "
            f"più dei {allowed.replace(',', '.')} ammessi",
            reason_en=f"the newest figure ({newest.period}) is {days} days old, more than the {allowed} allowed",
        )
    if late(newest.dataset):
        return replace(
            result,
            status="not_assessable",
            reason_it=f"{newest.dataset} è in ritardo sul proprio calendario",
            reason_en=f"{newest.dataset} is behind its calendar",
        )
    return result


def judge_point(entry: Entry, point: Point, series: Sequence[Figure], on: date) -> Result:
    """How a milestone or the target stands on the day `on`, with the figures in `series`."""
    result = _judge(entry, point.value, point.period, series, final=point == entry.target)
    if on < point.assess_on and result.status != "not_comparable":
        told_it, told_en = f"da valutare il {point.assess_on}", f"to be judged on {point.assess_on}"
        return replace(
            result,
            reason_it="; ".join(filter(None, (result.reason_it, told_it))),
            reason_en="; ".join(filter(None, (result.reason_en, told_en))),
        )
    return result


def _judge(entry: Entry, goal: float, period: str, series: Sequence[Figure], final: bool) -> Result:
    figure = next((f for f in series if f.period == period), None)
    path = expected(entry, period)
    if broken := _break(entry, period, series):
        return Result("not_comparable", *broken, figure=figure, expected=path)
    if figure is None or figure.value is None:
        told = f"nessun dato per il {period}", f"no figure for {period}"
        return Result("not_assessable", *told, figure=figure, expected=path)
    reached_so_far = Result(
        "",
        figure=figure,
        expected=path,
        gap=figure.value - path,
        progress=progress(entry.baseline.value, entry.target.value, figure.value),
    )
    if figure.truncated:
        return replace(
            reached_so_far,
            status="not_assessable",
            reason_it=f"il dato del {period} è incompleto",
            reason_en=f"the figure for {period} is incomplete",
        )
    if figure.reliability in ("C", "suppressed"):
        return replace(
            reached_so_far,
            status="not_assessable",
            reason_it=f"il dato del {period} non è affidabile (classe {figure.reliability})",
            reason_en=f"the figure for {period} is not reliable (class {figure.reliability})",
        )
    told = ("dato provvisorio", "provisional figure") if figure.provisional else ("", "")
    status = status_of(entry, goal, period, figure.value, final)
    return replace(reached_so_far, status=status, reason_it=told[0], reason_en=told[1])


def _break(entry: Entry, period: str, series: Sequence[Figure]) -> tuple[str, str] | None:
    """Why the figure of `period`, or of any period before it, cannot be compared with the baseline."""
    base, at = ordinal(entry.baseline.period), ordinal(period)
    between = sorted(
        (f for f in series if base < ordinal(f.period) <= at), key=lambda figure: ordinal(figure.period)
    )
    start = next((f for f in series if f.period == entry.baseline.period), None)
    for figure in between:
        if figure.break_before or (start and figure.dataset != start.dataset):
            return (
                f"interruzione della serie tra il valore di partenza ({entry.baseline.period}) e il {figure.period}",
                f"the series breaks between the baseline ({entry.baseline.period}) and {figure.period}",
            )
        if figure.unit != entry.unit:
            return (
                f"l'unità è {figure.unit}, quella dell'obiettivo {entry.unit}",
                f"the unit is {figure.unit}, that of the target {entry.unit}",
            )
    return None


def unbroken(series: Sequence[Figure]) -> list[tuple[str, float]]:
    """Periods and values since the last break, in order; figures that are not reliable are left out."""
    found: list[tuple[str, float]] = []
    dataset = None
    for figure in sorted(series, key=lambda f: ordinal(f.period)):
        if figure.break_before or figure.dataset != dataset:
            found, dataset = [], figure.dataset
        if (
            figure.value is not None
            and figure.reliability not in ("C", "suppressed")
            and not figure.truncated
        ):
            found.append((figure.period, figure.value))
    return found


def change(baseline: float | None, value: float | None) -> float | None:
    """Change in percent of the baseline; None where a figure is missing or the baseline is not positive."""
    if baseline is None or value is None or baseline <= 0:
        return None
    return (value - baseline) / baseline * 100


def change_of_peers(entry: Entry, period: str, peers: Sequence[Sequence[Figure]]) -> tuple[float | None, int]:
    """Median change of the peers from the baseline's period to `period` in percent, and of how many; None below three.

    A peer counts only with two reliable figures of one table and no break between them.
    """
    changes = []
    for series in peers:
        pair = {f.period: f for f in series if f.reliability not in ("C", "suppressed")}
        start, end = pair.get(entry.baseline.period), pair.get(period)
        if start and end and not _break(entry, period, series):
            changes.append(change(start.value, end.value))
    told = [one for one in changes if one is not None]
    return (median(told), len(told)) if len(told) >= PEERS else (None, len(told))


def chance(
    entry: Entry, point: Point, series: Sequence[Figure], standing: Result
) -> tuple[float | None, str | None]:
    """Probability that `point` is met, and what it rests on: its own figure's interval, or the drift until then.

    None where nothing can be said: a figure without an interval, or a latest result (`standing`) that is no start.
    """
    figure = next((f for f in series if f.period == point.period and f.value is not None), None)
    if _break(entry, point.period, series):
        return None, None
    if figure is None:
        if standing.status in ("not_comparable", "not_assessable"):
            return None, None
        found = probability_then(entry.direction, point.value, unbroken(series), point.period)
        return found, None if found is None else BASIS["drift"]
    if figure.ci_low is None or figure.ci_high is None:
        return None, None
    found = probability_now(entry.direction, point.value, figure.value, figure.ci_low, figure.ci_high)
    return found, BASIS["interval"]


# -- the tables of a release


def falling_short(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Results of the release that `con` reads whose target stands and is at risk by its newest figure, or `missed`.

    A milestone or a target is missed from its day of assessment on. `since`: moment from which the figure is known,
    None for one of the district's own. `title_*` and `name_*` say what it is about and where, NULL where no table does.
    """
    return rows(
        con,
        """
        select r.*, r.point <> 'latest' as missed, i.known_from as since, title_it, title_en, name_it, name_en
        from target_results r join targets t using (target_id, version)
        left join indicator_catalogue c on c.indicator = t.indicator left join geography g on g.geo = t.geo
        left join indicators i on i.indicator = t.indicator and i.geo = t.geo and i.period = r.period
        where t.superseded_by is null and r.value is not null and r.status in ('delayed', 'off_track')
          and r.judged_on <= (select max(judged_on) from target_results where point = 'latest')
        order by target_id, missed desc, r.period""",
    )


def known(con: duckdb.DuckDBPyConnection, indicator: str, geo: str) -> Known:
    """What the release that `con` reads holds about `indicator` of `geo`."""
    series = figures(con, "main", [(indicator, geo)])[indicator, geo]
    direction = {i.id: i.header["direction"] for i in load_indicators()}.get(indicator)
    units = {figure.unit for figure in series}
    return Known(
        {figure.period: figure.value for figure in series if figure.value is not None},
        units.pop() if len(units) == 1 else None,
        direction,
    )


def published(con: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """The sealed contents by number that the release `con` reads holds; none in a release of before there were targets."""
    (there,) = con.execute(
        "select count(*) from duckdb_tables() where table_name = 'target_ledger'"
    ).fetchone()
    return dict(con.execute("select number, content from target_ledger").fetchall()) if there else {}


def results(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Every row of `target_results` of the release `con` reads, with what the target says of itself."""
    return rows(
        con,
        """
        select target_id, version, superseded_by, stage, directive, indicator, geo, timing, point, period, goal, judged_on,
               baseline_period, baseline_value, r.* exclude (target_id, version, point, period, goal, judged_on)
        from target_results r join targets t using (target_id, version)
        order by directive, target_id, version, point <> 'latest', period""",
    )


def figures(
    con: duckdb.DuckDBPyConnection, schema: str, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[Figure]]:
    """The rows for each pair of indicator and territory, or of the district's own figures, in order of their periods."""
    found: dict[tuple[str, str], list[Figure]] = {pair: [] for pair in wanted}
    pairs = ", ".join(f"({literal(indicator)}, {literal(geo)})" for indicator, geo in found)
    if pairs:
        rows = con.execute(f"""
            select indicator, geo, period, value, unit, flag, reliability, break_before, dataset, snapshot_id, known_from,
                   ci_low, ci_high, truncated, provisional, numerator, denominator
            from ({all_figures_sql(schema)}) where (indicator, geo) in ({pairs}) order by period""")
        for indicator, geo, *figure in rows.fetchall():
            found[indicator, geo].append(Figure(*figure))
    return found


def all_figures_sql(schema: str) -> str:
    """What a target can stand on: the rows of `indicators`, and the district's own figures with the same columns."""
    return f"""
        select indicator, geo, geo_level, period, value, unit, flag, reliability, break_before, dataset, snapshot_id, known_from,
               ci_low, ci_high, truncated, provisional, method_version, numerator, denominator
        from {schema}.indicators
        union all
        -- the district counts itself: nothing but its flags says how well
        select indicator, geo, 'district', period, value, unit, flag,
               case when value is null then 'suppressed'
                    when regexp_matches(coalesce(flag, ''), '[ep]') then 'B' else 'A' end,
               contains(coalesce(flag, ''), 'b'), dataset, snapshot_id, known_from,
               null, null, false, contains(coalesce(flag, ''), 'p'), null, null, null
        from {schema}.district"""


def known_on(
    con: duckdb.DuckDBPyConnection, schema: str, pair: tuple[str, str], series: Sequence[Figure], day: date
) -> list[Figure]:
    """`series` as it was known at the end of `day` in Rome: revised figures as they were, later ones left out."""
    moment = datetime.combine(day, time.max, timezone())
    revised = con.execute(f"""
        select period, old_value, unit, old_flag, old_reliability, false, dataset, old_snapshot_id, old_known_from
        from {schema}.indicator_revisions
        where indicator = {literal(pair[0])} and geo = {literal(pair[1])}
            and revised_at > timestamptz {literal(moment.isoformat())}
        qualify row_number() over (partition by period order by revised_at) = 1""").fetchall()
    then = {row[0]: Figure(*row) for row in revised}
    breaks = {figure.period: figure.break_before for figure in series}
    found = {figure.period: figure for figure in series} | {
        period: replace(figure, break_before=breaks.get(period, False)) for period, figure in then.items()
    }
    return [figure for _, figure in sorted(found.items()) if figure.known_from <= moment]


def build(
    con: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    states: Mapping[str, DatasetState],
    peers: Sequence[str],
    on: date,
    schema: str,
) -> None:
    """Create `targets`, `target_results` and `target_ledger` in `schema`, judged on the day `on`.

    `peers`: the territories to compare with; those of a target's own level count.
    """
    numbers = {(entry.id, entry.version): entry.number for entry in ledger.targets}
    write_table(
        con,
        f"{schema}.targets",
        {
            "target_id": "varchar",
            "version": "integer",
            "superseded_by": "integer",
            "stage": "varchar",
            "directive": "varchar",
            "indicator": "varchar",
            "geo": "varchar",
            "direction": "varchar",
            "unit": "varchar",
            "baseline_period": "varchar",
            "baseline_value": "double",
            "target_period": "varchar",
            "target_value": "double",
            "assess_on": "date",
            "on_track_from": "double",
            "delayed_from": "double",
            "max_age_days": "integer",
            "timing": "varchar",
            "fixed_on": "date",
            "fixed_by": "varchar",
            "document": "varchar",
            "because": "varchar",
            "recorded_at": "timestamptz",
            "number": "integer",
        },
        [
            (
                entry.id,
                entry.version,
                entry.version + 1 if (entry.id, entry.version + 1) in numbers else None,
                entry.stage,
                entry.directive,
                entry.indicator,
                entry.geo,
                entry.direction,
                entry.unit,
                entry.baseline.period,
                entry.baseline.value,
                entry.target.period,
                entry.target.value,
                entry.target.assess_on,
                entry.thresholds.on_track,
                entry.thresholds.delayed,
                entry.thresholds.max_age_days,
                entry.timing,
                entry.fixed_on,
                entry.fixed_by,
                entry.document,
                entry.because,
                entry.recorded_at,
                entry.number,
            )
            for entry in ledger.targets
        ],
    )
    write_table(
        con,
        f"{schema}.target_ledger",
        {"number": "integer", "seal": "varchar", "content": "varchar"},
        [(entry.number, entry.seal, content(entry)) for entry in ledger.entries],
    )
    wanted = [(entry.indicator, entry.geo) for entry in ledger.targets]
    level = dict(con.execute(f"select geo, level from {schema}.geography").fetchall())
    beside = {
        pair: [(pair[0], peer) for peer in peers if level.get(peer) == level.get(pair[1]) and peer != pair[1]]
        for pair in wanted
    }
    now = figures(con, schema, [*wanted, *(pair for others in beside.values() for pair in others)])
    write_table(
        con,
        f"{schema}.target_results",
        {
            "target_id": "varchar",
            "version": "integer",
            "point": "varchar",
            "period": "varchar",
            "goal": "double",
            "judged_on": "date",
            "value": "double",
            "unit": "varchar",
            "flag": "varchar",
            "reliability": "varchar",
            "expected": "double",
            "gap": "double",
            "progress": "double",
            "change": "double",
            "peers_change": "double",
            "peers": "integer",
            "status": "varchar",
            "reason_it": "varchar",
            "reason_en": "varchar",
            "probability": "double",
            "probability_basis": "varchar",
            "value_then": "double",
            "status_then": "varchar",
            "dataset": "varchar",
            "snapshot_id": "varchar",
        },
        [
            row
            for entry in ledger.targets
            if entry.stage != "withdrawn"
            for pair in [(entry.indicator, entry.geo)]
            for row in _results(
                entry,
                now[pair],
                [now[peer] for peer in beside[pair]],
                {
                    point.assess_on: known_on(con, schema, pair, now[pair], point.assess_on)
                    for point in entry.points
                    if point.assess_on <= on
                },
                on,
                states,
            )
        ],
    )


def _results(
    entry: Entry,
    series: list[Figure],
    peers: list[list[Figure]],
    then: dict[date, list[Figure]],
    on: date,
    states: Mapping[str, DatasetState],
) -> list[tuple[Any, ...]]:
    """The rows of one version of a target: its newest figure, its milestones, itself.

    `then`: the series as known on each day of assessment that has come.
    """
    standing = judge_latest(entry, series, on, lambda dataset: states[dataset].trouble == 2)
    newest = standing.figure.period if standing.figure else None
    judged = [("latest", newest, entry.target, on, standing)]
    for point in entry.points:
        name = "target" if point == entry.target else "milestone"
        judged.append((name, point.period, point, point.assess_on, judge_point(entry, point, series, on)))
    rows = []
    for name, period, point, judged_on, result in judged:
        figure = result.figure
        old = None
        if name != "latest" and point.assess_on in then:
            old = judge_point(entry, point, then[point.assess_on], point.assess_on)
        comparable = figure is not None and result.status != "not_comparable"
        rows.append(
            (
                entry.id,
                entry.version,
                name,
                period,
                point.value,
                judged_on,
                figure.value if figure else None,
                entry.unit,
                figure.flag if figure else None,
                figure.reliability if figure else None,
                result.expected,
                result.gap,
                result.progress,
                change(entry.baseline.value, figure.value) if comparable else None,
                *(change_of_peers(entry, period, peers) if comparable else (None, None)),
                result.status,
                result.reason_it or None,
                result.reason_en or None,
                *chance(entry, point, series, standing),
                old.figure.value if old and old.figure else None,
                old.status if old else None,
                figure.dataset if figure else None,
                figure.snapshot_id if figure else None,
            )
        )
    return rows
