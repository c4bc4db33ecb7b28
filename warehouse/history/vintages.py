"""History as SQL: appending a snapshot's differences, reading them back as of a moment, naming the revisions.

A row of `history` is written only when value or flag changed; a vanished observation gets a tombstone, and
only inside the coverage its snapshot declares. A dataset's first figures differ from nothing: they stay in the
staged files they came as, kept in `baselines/DATASET` beside the warehouse; a lake, which has no folder, has them in its
tables. Does not belong here: which snapshot is accepted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from sources.common.sql import identifier, literal, one_row, scalar
from sources.data_folder import sync_folder
from sources.formats.staged import Staged
from warehouse.reference.territory import timezone

if TYPE_CHECKING:
    from sources.catalogue import Dataset
    from sources.snapshots import Acceptance, Snapshot

NO_KEY = "series is null or period is null"
# the number of a series is that of the vintage that added it, times this, plus its place in that vintage's file
SERIES_PER_VINTAGE = 100_000_000


def append(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    snapshot: Snapshot,
    acceptance: Acceptance,
    staged: Staged,
    decide: Callable[[], None] = lambda: None,
    provisional: bool = False,
) -> None:
    """Write what `staged` changes, adds and leaves out against the latest figures, in one transaction.

    `decide` is called once everything is written, before the transaction is committed.
    """
    con.begin()
    try:
        # literals: given parameters DuckDB imports pandas, a third of a second
        if _has_figures(con, dataset):
            start = None
            counts = _append_differences(con, dataset, snapshot, staged, acceptance)
        else:
            start = acceptance.sequence * SERIES_PER_VINTAGE
            _refuse_empty_keys(con, dataset, staged)
            if in_tables(con):
                _insert_first(con, dataset, staged, acceptance.sequence)
            else:
                _keep_first(_baselines(con) / dataset.id, staged)
            added = scalar(con, f"select count(*) from read_parquet({literal(staged.series)})")
            counts = added, 0, 0, 0, 0, 0
        _insert_vintage(con, acceptance, counts, start, provisional)
        show(con)
        decide()
        con.commit()
    except BaseException:
        con.rollback()
        raise


def append_empty(con: duckdb.DuckDBPyConnection, acceptance: Acceptance) -> None:
    """Write a vintage that changes nothing: the withdrawal of a snapshot that never entered history."""
    _insert_vintage(con, acceptance, (0, 0, 0, 0, 0, 0), None, False)


def take_out(con: duckdb.DuckDBPyConnection, vintage: int) -> None:
    """Remove the newest vintage of its dataset, with the series that it added."""
    con.begin()
    try:
        first = con.execute(
            f"select dataset from vintages where vintage = {vintage} and series_from is not null"
        ).fetchone()
        start = vintage * SERIES_PER_VINTAGE
        con.execute(f"""
            delete from later_history where vintage = {vintage};
            delete from later_series where series between {start} and {start + SERIES_PER_VINTAGE - 1};
            delete from vintages where vintage = {vintage}""")
        show(con)
        con.commit()
    except BaseException:
        con.rollback()
        raise
    if first and not in_tables(con):
        shutil.rmtree(_baselines(con) / first[0], ignore_errors=True)


def in_tables(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether first figures are in the tables too, which then have a column `dataset` each: the form of a lake."""
    return any(name == "dataset" for name, *_ in con.execute("describe later_history").fetchall())


def _has_figures(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> bool:
    return bool(
        con.execute(
            f"select 1 from vintages where dataset = {literal(dataset.id)} and series_from is not null"
        ).fetchone()
    )


def _insert_vintage(
    con: duckdb.DuckDBPyConnection,
    acceptance: Acceptance,
    counts: tuple[int, ...],
    series_from: int | None,
    provisional: bool,
) -> None:
    con.execute(f"""
        insert into vintages values ({acceptance.sequence}, {literal(acceptance.dataset)},
            {literal(acceptance.snapshot_id)}, timestamptz {literal(acceptance.accepted_at.isoformat())},
            {literal(acceptance.kind)}, {", ".join(map(str, counts))}, {series_from or "null"}, {provisional})""")


def _refuse_empty_keys(con: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged) -> None:
    """Raise duckdb.ConstraintException where a key of the staged figures is empty.

    First figures are kept as the file they came as, which no constraint guards.
    """
    empty = " or ".join(f"{identifier(dimension)} is null" for dimension in dataset.dimensions)
    for file, condition in ((staged.series, f"series is null or {empty}"), (staged.observations, NO_KEY)):
        found = scalar(con, f"select count(*) from read_parquet({literal(file)}) where {condition}")
        if found:
            raise duckdb.ConstraintException(f"{found} rows have an empty key")


def show(con: duckdb.DuckDBPyConnection) -> None:
    """Define `series` and `history`: first figures from their files, later ones from their tables.

    And the macro `history_of(dataset)`, which reads no more than it needs.
    """
    if in_tables(con):
        # `series` and `history` are defined once for all (lake.sql)
        con.execute("""
            create or replace temp macro history_of(name) as table
            select * exclude (dataset) from later_history where dataset = name""")
        return
    series, history = ["from later_series"], ["from later_history"]
    for dataset, vintage, start in con.execute(
        "select dataset, vintage, series_from from vintages where series_from is not null order by vintage"
    ).fetchall():
        first = Staged(_baselines(con) / dataset)
        series.append(
            f"select {start}::bigint + series as series, {literal(dataset)} as dataset, * exclude (series) "
            f"from read_parquet({literal(first.series)})"
        )
        history.append(
            f"select {start}::bigint + series as series, * exclude (series), false as deleted, {vintage} as vintage "
            f"from read_parquet({literal(first.observations)})"
        )
    con.execute(f"create or replace view series as {' union all by name '.join(series)}")
    con.execute(f"create or replace view history as {' union all by name '.join(history)}")
    con.execute("create or replace temp macro history_of(name) as table from history")


def _baselines(con: duckdb.DuckDBPyConnection) -> Path:
    file = scalar(con, "select path from duckdb_databases() where database_name = 'warehouse'")
    return Path(file).parent / "baselines"


def _insert_first(con: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged, vintage: int) -> None:
    start, name = vintage * SERIES_PER_VINTAGE, literal(dataset.id)
    con.execute(f"""
        insert into later_series by name
        select {start}::bigint + series as series, {name} as dataset, * exclude (series)
        from read_parquet({literal(staged.series)});
        insert into later_history by name
        select {start}::bigint + series as series, {name} as dataset, * exclude (series), false as deleted,
               {vintage} as vintage
        from read_parquet({literal(staged.observations)})""")


def _keep_first(folder: Path, staged: Staged) -> None:
    """Put the staged files into `folder`, durably; files left there by a killed run are replaced."""
    aside = folder.with_name(f".{folder.name}")
    for left in (aside, folder):
        shutil.rmtree(left, ignore_errors=True)
    aside.mkdir(parents=True)
    for path in staged.files:
        try:
            os.link(path, aside / path.name)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, aside / path.name)
        with open(aside / path.name, "rb") as handle:
            os.fsync(handle.fileno())
    sync_folder(aside)
    os.rename(aside, folder)
    sync_folder(folder.parent)


def _append_differences(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    snapshot: Snapshot,
    staged: Staged,
    acceptance: Acceptance,
) -> tuple[int, ...]:
    """What differs from the figures known before; counts in the order of the columns of `vintages`."""
    vintage, kind = acceptance.sequence, acceptance.kind
    _refuse_empty_keys(con, dataset, staged)
    _number_series(con, dataset, staged, vintage)
    con.execute(
        f"create or replace temp table differences as {differences_sql(dataset, snapshot, staged, kind)}"
    )
    con.execute(f"""
        insert into later_history by name
        select series, period, value, flag, conf, kind = 'deleted' as deleted, {vintage} as vintage
               {f", {literal(dataset.id)} as dataset" if in_tables(con) else ""}
        from differences order by series, period""")
    counts = one_row(
        con,
        """
        select count(distinct series) filter (kind = 'series_added'), count(*) filter (kind = 'added'),
               count(*) filter (kind = 'changed'), count(*) filter (kind = 'reflagged'),
               count(*) filter (kind = 'deleted'), count(*) filter (kind = 'returned')
        from differences""",
    )
    con.execute("drop table differences; drop table numbered")
    return counts


def differences_sql(dataset: Dataset, snapshot: Snapshot, staged: Staged, kind: str = "update") -> str:
    """`series, period, value, flag, conf, kind` of every observation that `staged` changes; needs temp table `numbered`.

    Of kind `baseline` every observation counts as changed, so that live figures never lead back to the shipped ones they
    replace. A `withdrawal` changes those that are known from this very snapshot: they vanish.
    """
    covered = (
        " and ".join(
            f"{identifier(dimension)} in ({', '.join(literal(code) for code in codes)})"
            for dimension, codes in snapshot.coverage.items()
        )
        or "true"
    )
    # an uploaded file covers its own periods; the others are in files uploaded before
    periods = (
        f"h.period in (select period from read_parquet({literal(staged.observations)}))"
        if dataset.accumulates
        else "true"
    )
    restarts, withdrawn = kind == "baseline", kind == "withdrawal"
    whose = f"h.vintage in (select vintage from vintages where snapshot_id = {literal(snapshot.id)})"
    return f"""
        with incoming as (
            select n.series, o.period, o.value, o.flag, o.conf
            from read_parquet({literal(staged.observations)}) o join numbered n on n.staged = o.series
            where not {withdrawn}
        ), known as (
            select h.series, h.period, h.value, h.flag, h.conf, h.deleted
            from history_of({literal(dataset.id)}) h semi join (
                select series from series where dataset = {literal(dataset.id)} and {covered}
            ) using (series)
            where {periods}
            qualify row_number() over (partition by h.series, h.period order by h.vintage desc) = 1
                and {whose if withdrawn else "true"}
        ), old_series as (select distinct series from known)
        select coalesce(i.series, k.series) as series, coalesce(i.period, k.period) as period, i.value, i.flag, i.conf,
               case when i.series is null then 'deleted'
                    when k.series is null and o.series is null then 'series_added'
                    when k.series is null then 'added'
                    when k.deleted then 'returned'
                    when i.value is distinct from k.value then 'changed'
                    when i.flag is distinct from k.flag or i.conf is distinct from k.conf then 'reflagged'
                    else 'confirmed' end as kind
        from incoming i
        full join known k on i.series = k.series and i.period = k.period
        left join old_series o on o.series = i.series
        where k.series is null
           or (i.series is null and not k.deleted)
           or (i.series is not null and ({restarts} or k.deleted or i.value is distinct from k.value
                                         or i.flag is distinct from k.flag or i.conf is distinct from k.conf))"""


def _number_series(con: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged, vintage: int) -> None:
    """Give every staged series its number in the warehouse: temp table `numbered (staged, series)`."""
    keys = ", ".join(identifier(dimension) for dimension in dataset.dimensions)
    match_series(con, dataset, staged)
    con.execute(f"""
        insert into later_series (series, dataset, {keys})
        select {vintage * SERIES_PER_VINTAGE}::bigint + row_number() over (order by s.series),
            {literal(dataset.id)}, {keys}
        from read_parquet({literal(staged.series)}) s join numbered n on n.staged = s.series where n.series is null""")
    match_series(con, dataset, staged)


def match_series(con: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged) -> None:
    """Temp table `numbered (staged, series)`; `series` is NULL where the warehouse has no such series yet."""
    same = " and ".join(
        f"w.{identifier(dimension)} = s.{identifier(dimension)}" for dimension in dataset.dimensions
    )
    con.execute(f"""
        create or replace temp table numbered as
        select s.series as staged, w.series
        from read_parquet({literal(staged.series)}) s
        left join (select * from series where dataset = {literal(dataset.id)}) w on {same}""")


def moment_sql() -> str:
    """SQL that reads the macro parameter `ts` as a moment, on the territory's clock.

    A DATE, also as text, is the end of that day; a TIMESTAMP, or a text without a zone, is local time.
    """
    zone = literal(timezone().key)
    return f"""case
    when typeof(ts) = 'DATE' or (typeof(ts) = 'VARCHAR' and length(ts::varchar) = 10)
        then ((ts::date + interval 1 day)::timestamp at time zone {zone}) - interval 1 microsecond
    when typeof(ts) = 'VARCHAR' and not regexp_matches(ts::varchar, '(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')
        then ts::timestamp at time zone {zone}
    when typeof(ts) in ('TIMESTAMP', 'TIMESTAMP_NS', 'TIMESTAMP_MS', 'TIMESTAMP_S')
        then ts::timestamp at time zone {zone}
    else ts::timestamptz end"""


def as_of_sql(columns: list[str], moment: str, schema: str) -> str:
    """Every observation as it was known at the SQL expression `moment`; tables are those of `schema`.

    A dataset's first vintage supersedes nothing, so only the few rows of later ones are looked up, by an equality:
    four times as fast as a window over all rows, and a fifth faster than a correlated `not exists`. A subquery, since
    DuckDB 1.4.0 and 1.4.1 cannot bind a table macro that has a CTE.
    """
    return f"""
        select {", ".join(columns)}
        from {schema}.history h join {schema}.vintages v using (vintage) join {schema}.series s using (series)
        left join (
            select h.series as later_series, h.period as later_period, max(h.vintage) as newest
            from {schema}.history h join {schema}.vintages v using (vintage)
            where v.known_from <= {moment} and vintage not in (select min(vintage) from {schema}.vintages group by dataset)
            group by all
        ) later on later_series = h.series and later_period = h.period
        where v.known_from <= {moment} and not h.deleted and (newest is null or newest <= h.vintage)"""


def revisions_sql(columns: list[str], schema: str) -> str:
    """Each change of an observation known before: what, from what to what, when, by which snapshots.

    Shipped figures replaced by live ones (kind `baseline`) are no revision; a series' first appearance is counted
    in `vintages`, not listed.
    """
    return f"""
        with touched as (
            select distinct h.series, h.period from {schema}.history h join {schema}.vintages v using (vintage)
            where v.kind <> 'baseline'
        ), chain as (
            select h.*, v.known_from, v.snapshot_id, v.kind as vintage_kind,
                   lag(h.value) over w as old_value, lag(h.flag) over w as old_flag, lag(h.conf) over w as old_conf,
                   lag(h.deleted) over w as old_deleted,
                   lag(v.snapshot_id) over w as old_snapshot_id,
                   f.first_vintage
            from {schema}.history h semi join touched using (series, period) join {schema}.vintages v using (vintage)
            join (select series, min(vintage) as first_vintage from {schema}.history group by all) f using (series)
            window w as (partition by h.series, h.period order by h.vintage)
        )
        select {", ".join(columns)},
               case when deleted then 'deleted' when old_deleted is null then 'added' when old_deleted then 'returned'
                    when value is distinct from old_value then 'changed' else 'reflagged' end as kind,
               old_value, value, value - old_value as delta,
               case when old_value <> 0 then (value - old_value) / abs(old_value) * 100 end as delta_pct,
               old_flag, flag, old_conf, conf, known_from, old_snapshot_id, snapshot_id
        from chain join {schema}.series s using (series)
        where vintage_kind <> 'baseline' and vintage > first_vintage"""
