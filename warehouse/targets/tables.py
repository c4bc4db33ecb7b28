"""The published tables about targets: `targets`, `target_results`, `target_ledger`, `target_anchors`, `target_drafts`.

Belongs here: their rows, and reading them from a release. Does not belong here: how a result is judged
(`assessment.py`), whether an entry is sound (`verification.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from sources.common.sql import rows
from warehouse.database import write_rows
from warehouse.targets import drafts
from warehouse.targets.assessment import (
    Figure,
    Result,
    chance,
    change,
    change_of_peers,
    judge_latest,
    judge_point,
)
from warehouse.targets.figures import figures, known_on
from warehouse.targets.ledger import Ledger
from warehouse.targets.schema import Entry, Point, content
from warehouse.targets.verification import Verdict

Pair = tuple[str, str]


@dataclass(frozen=True)
class TargetRow:
    """A row of `targets`: one version of a target."""

    target_id: str
    version: int
    superseded_by: int | None
    stage: str
    directive: str
    indicator: str
    geo: str
    direction: str
    unit: str
    baseline_period: str
    baseline_value: float
    target_period: str
    target_value: float
    assess_on: date
    on_track_from: float
    delayed_from: float
    max_age_days: int
    watch: str | None
    timing: str
    fixed_on: date
    fixed_by: str
    document: str
    because: str
    recorded_at: datetime
    number: int
    verification: str | None
    verification_it: str | None
    verification_en: str | None
    stamped_at: datetime | None
    authority: str | None


@dataclass(frozen=True)
class ResultRow:
    """A row of `target_results`: a version of a target at one point."""

    target_id: str
    version: int
    point: str
    period: str | None
    goal: float
    judged_on: date
    value: float | None
    unit: str
    flag: str | None
    reliability: str | None
    expected: float | None
    gap: float | None
    progress: float | None
    change: float | None
    peers_change: float | None
    peers: int | None
    status: str
    reason_it: str | None
    reason_en: str | None
    probability: float | None
    probability_basis: str | None
    value_then: float | None
    status_then: str | None
    dataset: str | None
    snapshot_id: str | None
    watch: str | None = None
    watch_period: str | None = None
    watch_value: float | None = None
    watch_unit: str | None = None
    watch_known_from: datetime | None = None


@dataclass(frozen=True)
class LedgerRow:
    """A row of `target_ledger`: what is sealed."""

    number: int
    seal: str
    content: str


@dataclass(frozen=True)
class AnchorRow:
    """A row of `target_anchors`: what dates the ledger from outside."""

    number: int
    anchors: str
    protocol: str | None
    stamped_at: datetime | None
    authority: str | None
    token_sha256: str | None
    recorded_at: datetime
    verification: str | None
    verification_it: str | None
    verification_en: str | None


# -- building


def build(
    con: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    verdicts: Mapping[int, Verdict],
    late: Callable[[str], bool],
    peers: Sequence[str],
    on: date,
    schema: str,
) -> None:
    """Create the tables about targets in `schema`, judged on the day `on`.

    `verdicts`: of the ledger's verification, by number. `late` says of a dataset that it is behind its calendar.
    `peers`: the territories to compare with; those of a target's own level count.
    """
    numbers = {(entry.id, entry.version) for entry in ledger.targets}
    write_rows(
        con,
        f"{schema}.targets",
        TargetRow,
        [_target_row(entry, (entry.id, entry.version + 1) in numbers, verdicts) for entry in ledger.targets],
    )
    write_rows(
        con,
        f"{schema}.target_ledger",
        LedgerRow,
        [LedgerRow(entry.number, entry.seal, content(entry)) for entry in ledger.entries],
    )
    write_rows(
        con,
        f"{schema}.target_anchors",
        AnchorRow,
        [
            AnchorRow(
                anchor.number,
                anchor.anchors,
                anchor.protocol,
                anchor.stamped_at,
                anchor.authority,
                anchor.token_sha256,
                anchor.recorded_at,
                *_verified(verdicts.get(anchor.number)),
            )
            for anchor in ledger.anchors
        ],
    )
    write_rows(con, f"{schema}.target_results", ResultRow, _all_results(con, ledger, late, peers, on, schema))
    write_rows(con, f"{schema}.target_drafts", drafts.DraftRow, drafts.rows(con, drafts.load(), on, schema))


def _verified(verdict: Verdict | None) -> tuple[str | None, str | None, str | None]:
    if verdict is None:
        return None, None, None
    return verdict.outcome, verdict.reason_it or None, verdict.reason_en or None


def _target_row(entry: Entry, superseded: bool, verdicts: Mapping[int, Verdict]) -> TargetRow:
    verdict = verdicts.get(entry.number)
    outcome, reason_it, reason_en = _verified(verdict)
    stamp = verdict.stamp if verdict else None
    return TargetRow(
        target_id=entry.id,
        version=entry.version,
        superseded_by=entry.version + 1 if superseded else None,
        stage=entry.stage,
        directive=entry.directive,
        indicator=entry.indicator,
        geo=entry.geo,
        direction=entry.direction,
        unit=entry.unit,
        baseline_period=entry.baseline.period,
        baseline_value=entry.baseline.value,
        target_period=entry.target.period,
        target_value=entry.target.value,
        assess_on=entry.target.assess_on,
        on_track_from=entry.thresholds.on_track,
        delayed_from=entry.thresholds.delayed,
        max_age_days=entry.thresholds.max_age_days,
        watch=entry.watch,
        timing=entry.timing,
        fixed_on=entry.fixed_on,
        fixed_by=entry.fixed_by,
        document=entry.document,
        because=entry.because,
        recorded_at=entry.recorded_at,
        number=entry.number,
        verification=outcome,
        verification_it=reason_it,
        verification_en=reason_en,
        stamped_at=stamp.time if stamp else None,
        authority=stamp.authority if stamp else None,
    )


def _all_results(
    con: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    late: Callable[[str], bool],
    peers: Sequence[str],
    on: date,
    schema: str,
) -> list[ResultRow]:
    judged = [entry for entry in ledger.targets if entry.stage != "withdrawn"]
    wanted: list[Pair] = [(entry.indicator, entry.geo) for entry in judged]
    watched: list[Pair] = [(entry.watch, entry.geo) for entry in judged if entry.watch]
    level = dict(con.execute(f"select geo, level from {schema}.geography").fetchall())
    beside = {
        pair: [(pair[0], peer) for peer in peers if level.get(peer) == level.get(pair[1]) and peer != pair[1]]
        for pair in wanted
    }
    others = [pair for pairs in beside.values() for pair in pairs]
    now = figures(con, schema, [*wanted, *watched, *others])
    found: list[ResultRow] = []
    for entry in judged:
        pair = (entry.indicator, entry.geo)
        then = {
            point.assess_on: known_on(con, schema, pair, point.assess_on)
            for point in entry.points
            if point.assess_on <= on
        }
        watch = _newest(now[entry.watch, entry.geo]) if entry.watch else None
        found += _results(entry, now[pair], [now[peer] for peer in beside[pair]], then, watch, on, late)
    return found


def _results(
    entry: Entry,
    series: list[Figure],
    peers: list[list[Figure]],
    then: Mapping[date, list[Figure]],
    watch: Figure | None,
    on: date,
    late: Callable[[str], bool],
) -> list[ResultRow]:
    """The rows of one version of a target: its newest figure, its milestones, itself.

    `then`: the series as known on each day of assessment that has come.
    """
    latest = judge_latest(entry, series, on, late)
    newest = latest.figure.period if latest.figure else None
    judged: list[tuple[str, str | None, Point, date, Result]] = [("latest", newest, entry.target, on, latest)]
    for point in entry.points:
        name = "target" if point == entry.target else "milestone"
        judged.append((name, point.period, point, point.assess_on, judge_point(entry, point, series, on)))
    found = []
    for name, period, point, judged_on, result in judged:
        figure = result.figure
        old = None
        if name != "latest" and point.assess_on in then:
            old = judge_point(entry, point, then[point.assess_on], point.assess_on)
        peers_change: float | None = None
        count: int | None = None
        comparable = figure is not None and result.status != "not_comparable"
        if comparable and period is not None:
            peers_change, count = change_of_peers(entry, period, peers)
        probability, basis = chance(entry, point, series, latest)
        beside = watch if name == "latest" else None
        found.append(
            ResultRow(
                target_id=entry.id,
                version=entry.version,
                point=name,
                period=period,
                goal=point.value,
                judged_on=judged_on,
                value=figure.value if figure else None,
                unit=entry.unit,
                flag=figure.flag if figure else None,
                reliability=figure.reliability if figure else None,
                expected=result.expected,
                gap=result.gap,
                progress=result.progress,
                change=change(entry.baseline.value, figure.value) if figure and comparable else None,
                peers_change=peers_change,
                peers=count,
                status=result.status,
                reason_it=result.reason_it or None,
                reason_en=result.reason_en or None,
                probability=probability,
                probability_basis=basis,
                value_then=old.figure.value if old and old.figure else None,
                status_then=old.status if old else None,
                dataset=figure.dataset if figure else None,
                snapshot_id=figure.snapshot_id if figure else None,
                watch=entry.watch if name == "latest" else None,
                watch_period=beside.period if beside else None,
                watch_value=beside.value if beside else None,
                watch_unit=beside.unit if beside else None,
                watch_known_from=beside.known_from if beside else None,
            )
        )
    return found


def _newest(series: Sequence[Figure]) -> Figure | None:
    """The newest complete and reliable figure."""
    return max((f for f in series if f.usable), key=lambda f: (f.period[:4], f.ordinal), default=None)


# -- reading


def falling_short(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Results of the release that `con` reads whose target is in force and at risk by its newest figure, or `missed`.

    A milestone or a target is missed from its day of assessment on. `since`: moment from which the figure is known,
    None for an own figure. `title_*` and `name_*` say what it is about and where, NULL if no table does.
    """
    return rows(
        con,
        """
        select r.*, t.indicator, t.geo, r.point <> 'latest' as missed, i.known_from as since, title_it, title_en, name_it, name_en
        from target_results r join targets t using (target_id, version)
        left join indicator_catalogue c on c.indicator = t.indicator left join geography g on g.geo = t.geo
        left join indicators i on i.indicator = t.indicator and i.geo = t.geo and i.period = r.period
        where t.superseded_by is null and r.value is not null and r.status in ('delayed', 'off_track')
          and r.judged_on <= (select max(judged_on) from target_results where point = 'latest')
        order by target_id, missed desc, r.period""",
    )


def published(con: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """The sealed contents by number that the release `con` reads holds; none in a release of before there were targets."""
    if not con.execute("from duckdb_tables() where table_name = 'target_ledger'").fetchall():
        return {}
    return dict(con.execute("select number, content from target_ledger").fetchall())


def results(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Every row of `target_results` of the release that `con` reads, with its target's terms."""
    return rows(
        con,
        """
        select target_id, version, superseded_by, stage, directive, indicator, geo, timing, point, period, goal, judged_on,
               baseline_period, baseline_value, r.* exclude (target_id, version, point, period, goal, judged_on)
        from target_results r join targets t using (target_id, version)
        order by directive, target_id, version, point <> 'latest', period""",
    )
