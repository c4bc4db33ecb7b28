"""Migrates a warehouse of an earlier version to the present form, in place and in one transaction.

In earlier versions, vintages and series were numbered in order of arrival (`max + 1`); now their numbers follow from the
manifest. Belongs here: renumbering. Does not belong here: the form itself (`schema.sql`). Figures and times stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import duckdb

from sources.errors import DamagedFolder
from warehouse.history.vintages import SERIES_PER_VINTAGE

RESTORE = "restore it from a backup (snapshots/manifest.jsonl); nothing was changed, and the published release stays."


def migrate(con: duckdb.DuckDBPyConnection, sequences: Mapping[datetime, int]) -> None:
    """Renumber the attached warehouse, if an earlier version wrote it; `sequences`: place in the manifest by moment."""
    columns = {name for name, *_ in con.execute("describe vintages").fetchall()} if _exists(con) else set()
    if not columns or "provisional" in columns:
        return
    rows = con.execute("select vintage, known_from from vintages").fetchall()
    if any(moment not in sequences for _, moment in rows):
        raise DamagedFolder(
            "The manifest lacks acceptances whose figures are in the warehouse.", hint=RESTORE
        )
    numbers = ", ".join(f"({vintage}, {sequences[moment]})" for vintage, moment in rows) or "(0, 0)"
    con.execute(f"""
        drop view if exists series;
        drop view if exists history;
        create temp table numbers as select * from (values {numbers}) t (old, new);
        create temp table kept as select * from vintages;
        create temp table brought as  -- the vintage that brought each later series
        select s.series, coalesce(min(h.vintage), (select min(k.vintage) from kept k where k.dataset = s.dataset)) as vintage
        from later_series s left join later_history h using (series) group by s.series, s.dataset;
        create temp table renumbered as
        select b.series as old, n.new * {SERIES_PER_VINTAGE}::bigint
               + row_number() over (partition by b.vintage order by b.series) as new
        from brought b join numbers n on n.old = b.vintage;
        create temp table firsts as
        select k.dataset, k.series_from as old, n.new * {SERIES_PER_VINTAGE}::bigint as new
        from kept k join numbers n on n.old = k.vintage where k.series_from is not null;
        create temp table new_history as
        select coalesce(r.new, h.series - f.old + f.new)::bigint as series, h.period, h.value, h.flag, h.conf, h.deleted,
               n.new::integer as vintage
        from later_history h join kept k using (vintage) join numbers n on n.old = h.vintage
        left join renumbered r on r.old = h.series left join firsts f on f.dataset = k.dataset;
        create temp table new_series as
        select s.* replace (r.new::bigint as series) from later_series s join renumbered r on r.old = s.series;
        drop table vintages; drop table later_history; drop table later_series;
        """)
    con.execute((Path(__file__).parent / "schema.sql").read_text())
    for name, *_ in con.execute("describe new_series").fetchall():
        con.execute(f'alter table later_series add column if not exists "{name}" varchar')
    con.execute(f"""
        insert into vintages by name
        select k.* replace (n.new::integer as vintage,
                            if(k.series_from is null, null, n.new * {SERIES_PER_VINTAGE}::bigint) as series_from),
               false as provisional
        from kept k join numbers n on n.old = k.vintage order by n.new;
        insert into later_series by name select * from new_series order by series;
        insert into later_history by name select * from new_history order by vintage, series, period;
        drop table numbers; drop table kept; drop table brought; drop table renumbered; drop table firsts;
        drop table new_history; drop table new_series;
        """)


def _exists(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        con.execute(
            "select 1 from duckdb_tables() where database_name = 'warehouse' and table_name = 'vintages'"
        ).fetchone()
    )
