"""Indicators as they were published: a row per change, carried over from release to release, and `indicators_as_of(ts)`.

Belongs here: the table `indicator_history` and its macro. Does not belong here: what a change did to ranks and targets
(`revisions.py`). It begins with the first release that has it: what was published before, or lost with the data folder, is
not invented from later figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from sources.common.sql import literal, scalar
from warehouse.history.vintages import moment_sql

COLUMNS = (
    "indicator, geo, geo_level, period, value, unit, numerator, denominator, flag, reliability, ci_low, ci_high, ci_method, "
    "break_before, truncated, provisional, derived, dataset, snapshot_id, method_version"
)


def build(con: duckdb.DuckDBPyConnection, before: Path | None, release: dict[str, Any], schema: str) -> None:
    """Create `indicator_history` in `schema`: the rows of the release `before`, and what differs from its last ones."""
    built_at = f"timestamptz {literal(release['built_at'].isoformat())}"
    stamp = f"{literal(release['release_id'])} as release_id, {built_at} as known_from"
    columns = ", ".join(f"i.{column.strip()}" for column in COLUMNS.split(","))
    # the columns and their types, also where there is no release before
    empty = f"select {columns}, false as deleted, {stamp} from {schema}.indicators i limit 0"
    kept = f"({empty})"
    if before is not None:
        con.execute(f"attach {literal(before)} as before (read_only)")
        if scalar(
            con,
            "select count(*) from duckdb_tables() where database_name = 'before' and table_name = 'indicator_history'",
        ):
            kept = f"(from {kept} union all by name from before.indicator_history)"
    try:
        # in one statement: what is appended to a written table leaves unused blocks in the file
        con.execute(f"""
            create table {schema}.indicator_history as
            with earlier as (select *, row_number() over () as place from {kept}),
            last as (
                select * from earlier
                qualify row_number() over (partition by indicator, geo, period order by known_from desc) = 1
            )
            select * exclude (part, place) from (
                select *, 0 as part from earlier
                union all by name
                select {columns}, false as deleted, {stamp}, 1 as part, i.rowid as place
                from {schema}.indicators i left join last l using (indicator, geo, period)
                where l.indicator is null or l.deleted
                   or (i.flag, i.reliability, i.unit, i.break_before, i.truncated, i.provisional, i.dataset, i.method_version)
                      is distinct from
                      (l.flag, l.reliability, l.unit, l.break_before, l.truncated, l.provisional, l.dataset, l.method_version)
                   or (i.value is null) <> (l.value is null)
                   -- sums of several threads may differ in the last bit
                   or abs(i.value - l.value) > 1e-12 * greatest(abs(i.value), abs(l.value))
                union all by name
                select * exclude (deleted, release_id, known_from), true as deleted, {stamp}, 2 as part
                from (from last anti join {schema}.indicators using (indicator, geo, period)) where not deleted
            ) order by part, place""")
    finally:
        if before is not None:
            con.execute("detach before")
    con.execute(f"""
        create macro {schema}.indicators_as_of(ts) as table
        select * exclude (deleted) from {schema}.indicator_history
        where known_from <= ({moment_sql()})
        qualify row_number() over (partition by indicator, geo, period order by known_from desc) = 1 and not deleted""")
