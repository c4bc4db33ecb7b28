"""Revisions of indicators from one release to the next, with their effect on rank and on targets.

Belongs here: the table `indicator_revisions`, which every release takes over from the one before and adds to.
Does not belong here: every state of an indicator (`indicator_history.py`), revisions of observations (`vintages.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from sources.common import units
from sources.common.sql import literal
from warehouse.reference.territory import local_day
from warehouse.targets.assessment import Figure, judge_latest, judge_point
from warehouse.targets.figures import OWN, all_figures_sql, figures
from warehouse.targets.ledger import Ledger
from warehouse.targets.schema import Entry

# units of amounts, which grow with the size of a territory and are not ranked
AMOUNTS = units.codes("count", "money")
COLUMNS = {
    "release_id": "varchar",
    "revised_at": "timestamptz",
    "indicator": "varchar",
    "geo": "varchar",
    "period": "varchar",
    "unit": "varchar",
    "dataset": "varchar",
    "kind": "varchar",
    "cause": "varchar",
    "old_value": "double",
    "value": "double",
    "delta": "double",
    "delta_pct": "double",
    "old_flag": "varchar",
    "flag": "varchar",
    "old_reliability": "varchar",
    "reliability": "varchar",
    "old_rank": "integer",
    "rank": "integer",
    "target_effect": "varchar[]",
    "old_known_from": "timestamptz",
    "old_snapshot_id": "varchar",
    "snapshot_id": "varchar",
}


def build(
    con: duckdb.DuckDBPyConnection,
    before: Path | None,
    ledger: Ledger,
    release: dict[str, Any],
    schema: str,
) -> None:
    """Create `indicator_revisions` in `schema`: the rows of the release `before`, and what differs from its indicators.

    The district's own figures are among them. An indicator's first appearance is no revision, nor is a figure of a
    shipped snapshot that a live one replaces. `kind`: the value `changed`, it was `withdrawn`, a withdrawn one
    `returned`, or only flag or reliability changed (`reflagged`). `cause` is `method` if the indicator's definition
    changed, else `data`. Needs `indicator_history` of this release.
    """
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    con.execute(f"create table {schema}.indicator_revisions ({columns})")
    if before is None:
        return
    con.execute(f"attach {literal(before)} as before (read_only)")
    try:
        there = {
            table
            for (table,) in con.execute(
                "select table_name from duckdb_tables() where database_name = 'before'"
            ).fetchall()
        }
        if "indicator_revisions" not in there:
            return
        con.execute(f"insert into {schema}.indicator_revisions by name from before.indicator_revisions")
        con.execute(f"""
            insert into {schema}.indicator_revisions by name
            with old as ({_ranked_sql("before", schema)}), new as ({_ranked_sql(schema, schema)}),
            -- what an earlier release had withdrawn, and this one has again
            back as ({_withdrawn_sql(schema)})
            select {literal(release["release_id"])} as release_id,
                   timestamptz {literal(release["built_at"].isoformat())} as revised_at,
                   indicator, geo, period, coalesce(o.unit, n.unit) as unit, coalesce(o.dataset, n.dataset) as dataset,
                   case when o.value is null and n.value is null then 'reflagged' when n.value is null then 'withdrawn'
                        when o.value is null then 'returned'
                        when {_differ_sql("n.value", "o.value")} then 'changed' else 'reflagged' end as kind,
                   case when n.method_version <> o.method_version then 'method' else 'data' end as cause,
                   o.value as old_value, n.value, n.value - o.value as delta,
                   case when o.value <> 0 then (n.value - o.value) / abs(o.value) * 100 end as delta_pct,
                   o.flag as old_flag, n.flag, o.reliability as old_reliability, n.reliability,
                   o.rank as old_rank, n.rank, o.known_from as old_known_from, o.snapshot_id as old_snapshot_id, n.snapshot_id
            from old o full join new n using (indicator, geo, period)
            left join back b using (indicator, geo, period)
            left join before.snapshots s on s.snapshot_id = o.snapshot_id
            left join {schema}.snapshots t on t.snapshot_id = n.snapshot_id
            where case when o.indicator is null then b.indicator is not null and n.value is not null
                  -- an indicator that is defined no more is not withdrawn figure by figure
                  else (indicator in (select indicator from {schema}.indicator_catalogue) or o.dataset = {literal(OWN)})
                       and ((n.value is null) <> (o.value is null) or {_differ_sql("n.value", "o.value")}
                            or (n.indicator is not null and (n.flag is distinct from o.flag
                                                             or n.reliability is distinct from o.reliability)))
                       and not (coalesce(s.origin, 'live') = 'shipped' and coalesce(t.origin, 'live') = 'live') end
            order by indicator, geo, period""")
    finally:
        con.execute("detach before")
    _mark_targets(con, ledger, release, schema)


def _differ_sql(a: str, b: str) -> str:
    """SQL for whether two values differ: sums of several threads may do so in the last bit."""
    return f"coalesce(abs({a} - {b}) > 1e-12 * greatest(abs({a}), abs({b})), false)"


def _withdrawn_sql(schema: str) -> str:
    """Figures that an earlier release had and the last one had not.

    The district's own figures are not in `indicator_history`: theirs are those whose last revision is a withdrawal.
    """
    return f"""
        select distinct indicator, geo, period from {schema}.indicator_history where deleted
        union
        select indicator, geo, period from (
            from {schema}.indicator_revisions
            qualify row_number() over (partition by indicator, geo, period order by revised_at desc) = 1)
        where kind = 'withdrawn'"""


def _ranked_sql(schema: str, defined_in: str) -> str:
    """SQL for the figures of `schema` with their place among the territories of their level and country.

    The place is that of `ranking.rank`, for every figure of a release in one query: none for amounts and for figures that may
    not be ranked. The direction of an indicator is that of `indicator_catalogue` in `defined_in`.
    """
    amounts = ", ".join(map(literal, AMOUNTS))
    return f"""
        with figures as (
            select f.*, c.direction = 'down' as lowest_first,
                   coalesce(value is not null and reliability in ('A', 'B') and not coalesce(truncated, false)
                            and starts_with(geo_level, 'nuts') and f.unit not in ({amounts}), false) as ranked
            from ({all_figures_sql(schema)}) f left join {defined_in}.indicator_catalogue c using (indicator))
        select indicator, geo, period, value, unit, flag, reliability, dataset, method_version, snapshot_id, known_from,
               case when ranked and count(*) over alike > 1
                   then rank() over (alike order by case when lowest_first then value else -value end) end as rank
        from figures
        window alike as (partition by indicator, period, geo_level, left(geo, 2), ranked)"""


def _mark_targets(
    con: duckdb.DuckDBPyConnection, ledger: Ledger, release: dict[str, Any], schema: str
) -> None:
    """`target_effect` of the new rows: what each revision, taken alone, did to the status of the targets that stand."""
    standing = ledger.standing
    series = figures(con, schema, [(entry.indicator, entry.geo) for entry in standing])
    for entry in standing:
        found = con.execute(f"""
            select period, old_value, old_flag, old_reliability from {schema}.indicator_revisions
            where release_id = {literal(release["release_id"])} and indicator = {literal(entry.indicator)}
              and geo = {literal(entry.geo)}""").fetchall()
        now = series[entry.indicator, entry.geo]
        for period, *old in found:
            effects = effect(entry, now, period, Old(*old), local_day(release["built_at"]))
            con.execute(
                f"update {schema}.indicator_revisions set target_effect = list_concat(coalesce(target_effect, []), ?) "
                "where release_id = ? and indicator = ? and geo = ? and period = ?",
                [effects, release["release_id"], entry.indicator, entry.geo, period],
            )


@dataclass(frozen=True)
class Old:
    """What a figure was before its revision; without a value where there was none."""

    value: float | None
    flag: str | None = None
    reliability: str | None = "A"


def effect(entry: Entry, now: Sequence[Figure], period: str, old: Old, on: date) -> list[str]:
    """`TARGET/VERSION POINT: old status -> status` of the newest figure and each point, as if nothing else had changed."""
    before = [
        replace(figure, value=old.value, flag=old.flag, reliability=old.reliability or "suppressed")
        if figure.period == period
        else figure
        for figure in now
    ]
    judged = [
        (
            "latest",
            [judge_latest(entry, series, on, lambda dataset: False).status for series in (before, now)],
        )
    ]
    for point in entry.points:
        name = f"{'target' if point == entry.target else 'milestone'} {point.period}"
        judged.append((name, [judge_point(entry, point, series, on).status for series in (before, now)]))
    return [
        f"{entry.id}/{entry.version} {name}: {f'{was} -> {is_}' if was != is_ else f'{is_}, as before'}"
        for name, (was, is_) in judged
    ]
