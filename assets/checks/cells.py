"""Staged figures paired with those in history: the tables that the plausibility checks query.

Belongs here: pairing figures by key and period, and which of them are ours, revised or added. Does not belong here: what is
plausible (`plausibility.py`, `identities.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from sources.catalogue import Dataset
from sources.common.sql import identifier, literal
from sources.common.units import Unit, unit_or_unknown, units
from sources.formats.staged import Staged
from sources.snapshots import Snapshot
from warehouse.history import vintages
from warehouse.reference.territory import geography, territory
from warehouse.statistics import peers

# in standard deviations of a Poisson count, roughly: smaller differences of counts are noise
NOISE = 3
# other figures, such as rates of few cases, are compared where the difference is at least this part of the usual figure
SMALL = 0.05


def watched() -> list[str]:
    """The territories that are judged one by one: ours and the peers that are shown."""
    ours = territory()
    return [ours.country, ours.region, *ours.provinces, *peers.shown()]


def codes_sql(dataset: Dataset) -> list[str]:
    """The dimensions whose codes are judged one by one: all but territory and frequency."""
    return [dimension for dimension in dataset.dimensions if dimension not in ("geo", "freq")]


def pair(con: duckdb.DuckDBPyConnection, dataset: Dataset, snapshot: Snapshot, staged: Staged) -> None:
    """Make the temp tables `keys` and `cells`, of the staged figures and of those that history holds.

    `keys (key, [dimensions], what, country, parent, watched, scale)`: a series; `what` names all but its territory; `scale` as in
    units.yml where it is a count, else NULL.
    `cells (key, period, new, old, staged, held, ref, l, clear)`: `ref` is the value held or, of a figure that is `added`, that of
    the period before; `l` is ln(new / ref), NULL unless both are positive and no figure of the kind is negative, as growth rates
    are; `magnitude` the same of absolute values; `clear` where the difference exceeds the noise of a count.
    """
    vintages.match_series(con, dataset, staged)
    _make_keys(con, dataset, staged)
    covered = (
        " and ".join(
            f"{identifier(d)} in ({', '.join(map(literal, codes))})" for d, codes in snapshot.coverage.items()
        )
        or "true"
    )
    periods = "period in (select period from staged_rows)" if dataset.accumulates else "true"
    con.execute(f"""
        create or replace temp table cells as
        with held as (
            select series as key, period, value from history h semi join (
                select series from series where dataset = {literal(dataset.id)} and {covered}) using (series)
            -- the current snapshot is judged against what was known before it
            where vintage < coalesce((select min(vintage) from vintages where snapshot_id = {literal(snapshot.id)}), 2147483647)
            qualify row_number() over (partition by series, period order by vintage desc) = 1 and not deleted
        ), incoming as (
            select coalesce(n.series, -n.staged) as key, o.period, o.value
            from staged_rows o join numbered n on n.staged = o.series
        ), both_ as (
            select coalesce(i.key, h.key) as key, coalesce(i.period, h.period) as period, i.value as new, h.value as old,
                   i.key is not null as staged, h.key is not null as held
            from incoming i full join held h on i.key = h.key and i.period = h.period
        ), referred as (
            select *, coalesce(old, lag(coalesce(new, old)) over (partition by key order by period)) as ref from both_
        ), kinds as (
            select what, min(least(new, ref)) >= 0 as never_negative, median(abs(new)) as usual
            from referred join keys using (key) group by what
        )
        select r.*, not held as added,
               case when new <> 0 and ref <> 0 then ln(abs(new / ref)) end as magnitude,
               case when new > 0 and ref > 0 and never_negative then ln(new / ref) end as l,
               case when k.scale is null then abs(new - ref) > {SMALL} * usual
                    else abs(sqrt(greatest(new, 0) / k.scale) - sqrt(greatest(ref, 0) / k.scale)) > {NOISE} end as clear
        from referred r join keys k using (key) join kinds using (what) where {periods}""")


def drop(con: duckdb.DuckDBPyConnection) -> None:
    """Free the memory of the tables."""
    con.execute("drop table cells; drop table keys")


def _make_keys(con: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged) -> None:
    names = ", ".join(identifier(dimension) for dimension in dataset.dimensions)
    what = " || ' ' || ".join(identifier(dimension) for dimension in codes_sql(dataset)) or "''"
    parents = ", ".join(f"({literal(geo)}, {literal(parent)})" for geo, parent in geography().items())
    near = ", ".join(map(literal, watched()))
    con.execute(f"""
        create or replace temp table keys as
        with every as (
            select series as key, {names} from series where dataset = {literal(dataset.id)}
            union all
            select -s.series, {names} from staged_series s join numbered n on n.staged = s.series where n.series is null
        )
        select e.*, {what} as what, left(geo, 2) as country, p.parent, geo in ({near}) as watched,
               {_unit_case(dataset, lambda unit: unit.scale if unit.kind == "count" else None)} as scale,
               {_unit_case(dataset, lambda unit: int(unit.adds_up))} = 1 as amount
        from every e left join (values {parents}) p (place, parent) on p.place = e.geo""")


def _unit_case(dataset: Dataset, said: Callable[[Unit], float | None]) -> str:
    """SQL for the value that `said` has for the unit of a series, else NULL."""
    if isinstance(dataset.unit, dict):
        ((dimension, named),) = dataset.unit.items()
    elif dataset.unit in dataset.dimensions:
        dimension, named = dataset.unit, {code: code for code in units()}
    else:
        return f"{said(unit_or_unknown(dataset.unit)) or 'null'}::double"
    values = {code: said(unit_or_unknown(unit)) for code, unit in named.items()}
    cases = " ".join(f"when {literal(code)} then {value}" for code, value in values.items() if value)
    return f"case {identifier(dimension)} {cases} end::double" if cases else "null::double"
