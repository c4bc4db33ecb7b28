"""What became of the indicators from one release to the next, with the effect on rank and on targets.

Belongs here: the table `indicator_revisions`, which every release takes over from the one before and adds to.
Does not belong here: revisions of observations (`vintages.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from sources.common.sql import literal
from warehouse.reference.territory import local_day
from warehouse.targets.assessment import Figure, all_figures_sql, figures, judge_latest, judge_point
from warehouse.targets.ledger import Entry, Ledger

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
    shipped snapshot that a live one replaces. `cause` is `method` where the indicator's definition changed, else `data`.
    """
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    con.execute(f"create table {schema}.indicator_revisions ({columns})")
    if before is None:
        return
    con.execute(f"attach {literal(before)} as before (read_only)")
    try:
        (kept,) = con.execute(
            "select count(*) from duckdb_tables() where database_name = 'before' and table_name = 'indicator_revisions'"
        ).fetchone()
        if not kept:
            return
        con.execute(f"insert into {schema}.indicator_revisions by name from before.indicator_revisions")
        con.execute(f"""
            insert into {schema}.indicator_revisions by name
            with old as ({_ranked_sql("before")}), new as ({_ranked_sql(schema)})
            select {literal(release["release_id"])} as release_id,
                   timestamptz {literal(release["built_at"].isoformat())} as revised_at,
                   indicator, geo, period, o.unit, o.dataset,
                   case when n.value is null then 'withdrawn' when o.value is null then 'returned' else 'changed' end as kind,
                   case when n.method_version <> o.method_version then 'method' else 'data' end as cause,
                   o.value as old_value, n.value, n.value - o.value as delta,
                   case when o.value <> 0 then (n.value - o.value) / abs(o.value) * 100 end as delta_pct,
                   o.flag as old_flag, n.flag, o.reliability as old_reliability, n.reliability,
                   o.rank as old_rank, n.rank, o.known_from as old_known_from, o.snapshot_id as old_snapshot_id, n.snapshot_id
            from old o left join new n using (indicator, geo, period)
            left join before.snapshots s on s.snapshot_id = o.snapshot_id
            left join {schema}.snapshots t on t.snapshot_id = n.snapshot_id
            where indicator in (select indicator from new)
              and ((n.value is null) <> (o.value is null)
                   -- sums of several threads may differ in the last bit
                   or abs(n.value - o.value) > 1e-12 * greatest(abs(n.value), abs(o.value)))
              and not (s.origin = 'shipped' and coalesce(t.origin, 'live') = 'live')
            order by indicator, geo, period""")
    finally:
        con.execute("detach before")
    _mark_targets(con, ledger, release, schema)


def _ranked_sql(schema: str) -> str:
    """The figures with their place among the territories of their level and country; the first has the highest value."""
    return f"""
        select indicator, geo, period, value, unit, flag, reliability, dataset, method_version, snapshot_id, known_from,
               case when value is not null and starts_with(geo_level, 'nuts')
                   then rank() over (partition by indicator, period, geo_level, left(geo, 2), value is null
                                     order by value desc) end as rank
        from ({all_figures_sql(schema)})"""


def _mark_targets(
    con: duckdb.DuckDBPyConnection, ledger: Ledger, release: dict[str, Any], schema: str
) -> None:
    """`target_effect` of the new rows: what each revision, taken alone, did to the status of the targets that stand."""
    standing = [
        entry for entry in ledger.targets if ledger.last(entry.id) == entry and entry.stage != "withdrawn"
    ]
    series = figures(con, schema, [(entry.indicator, entry.geo) for entry in standing])
    for entry in standing:
        found = con.execute(f"""
            select period, old_value from {schema}.indicator_revisions
            where release_id = {literal(release["release_id"])} and indicator = {literal(entry.indicator)}
              and geo = {literal(entry.geo)}""").fetchall()
        now = series[entry.indicator, entry.geo]
        for period, old_value in found:
            told = effect(entry, now, period, old_value, local_day(release["built_at"]))
            con.execute(
                f"update {schema}.indicator_revisions set target_effect = list_concat(coalesce(target_effect, []), ?) "
                "where release_id = ? and indicator = ? and geo = ? and period = ?",
                [told, release["release_id"], entry.indicator, entry.geo, period],
            )


def effect(entry: Entry, now: Sequence[Figure], period: str, old_value: float | None, on: date) -> list[str]:
    """`TARGET/VERSION POINT: old status -> status` of the newest figure and each point, as if nothing else had changed."""
    before = [replace(figure, value=old_value) if figure.period == period else figure for figure in now]
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
        f"{entry.id}/{entry.version} {name}: {f'{old} -> {new}' if old != new else f'{new}, as before'}"
        for name, (old, new) in judged
    ]
