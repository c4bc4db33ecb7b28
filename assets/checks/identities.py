"""Identities between staged figures of one body, such as per head x population = total.

Belongs here: the pairs that an entry names in `checks.plausibility.per_head` and `.rates`, and its `checks.rectangular`,
`.totals`, `.territories_add_up` and `.new_period`. Does not belong here: figures against their own past (`plausibility.py`),
sums across tables (`warehouse/publishing/checks/`).
"""

from __future__ import annotations

import duckdb

from assets.checks.plausibility import Judged, worst
from sources.catalogue import Dataset, PerHead, Rate, Total
from sources.common.sql import identifier, literal

NAMES = ("per_head", "rates", "rectangular", "totals", "territories_add_up", "new_period")
# sums of counts are exact; of amounts with decimals this much is rounding
ROUNDING = 0.5
# a period of which more figures than this are those of the period before is a copy; smaller counts are equal by chance
COPIED, LARGE_COUNT = 0.95, 20


def find(con: duckdb.DuckDBPyConnection, dataset: Dataset, whole: bool) -> list[Judged]:
    """Judge the temp table `cells` by each identity of the entry. `whole`: the decoder left nothing of the body out."""
    limits = dataset.checks.plausibility
    found = []
    for rule in limits.per_head:
        for where, limit in (
            ("watched", limits.max_population_ratio),
            ("not watched", limits.max_other_population_ratio),
        ):
            frame, count = worst(con, _population_sql(dataset, rule, where), "factor")
            found.append(Judged("per_head", "factor", frame, count, limit))
    for rate in limits.rates:
        frame, count = worst(con, _rate_sql(dataset, rate), "factor")
        found.append(Judged("rates", "factor", frame, count, limits.max_rate_ratio))
    checks = dataset.checks
    if checks.rectangular:
        frame, count = worst(con, _empty_cells_sql(dataset), "empty cells")
        found.append(Judged("rectangular", "empty cells", frame, count, 0))
    sums = [("totals", _total_sql(dataset, total)) for total in checks.totals]
    if checks.territories_add_up:
        sums.append(("territories_add_up", _territories_sql(dataset, whole)))
    for name, sql in sums:
        frame, count = worst(con, sql, "difference")
        found.append(Judged(name, "difference", frame, count, ROUNDING))
    if checks.new_period:
        frame, count = worst(con, COPIES, "share")
        found.append(Judged("new_period", "share", frame, count, COPIED))
    return found


COPIES = f"""
    with beside as (
        -- of a file a period, `cells` has that period alone, and `ref` the one before it
        select cells.rowid as id, period, staged, new,
               coalesce(lag(coalesce(new, old)) over (partition by key order by period), if(added, ref, null)) as before
        from cells
    )
    select period || ' has the figures of the period before' as subject, count(*) as size,
           count(*) filter (new = before) / count(*) as share, min(id) as example
    from beside where staged and greatest(new, before) >= {LARGE_COUNT} and period = (select max(period) from cells where staged)
    group by period having count(before) >= {LARGE_COUNT}"""


def _empty_cells_sql(dataset: Dataset) -> str:
    """Of each combination of codes with a value, the periods without one; of each territory, the combinations it lacks."""
    others = ", ".join(identifier(name) for name in dataset.dimensions if name != "geo")
    return f"""
        with present as (select key, geo, ({others}) as codes, count(new) as n, min(cells.rowid) as id
                         from cells join keys using (key) where staged group by all),
        expected as (select count(distinct codes) as combinations,
                            (select count(distinct period) from cells where staged) as periods from present)
        select geo || ', of ' || combinations || ' combinations of codes in ' || periods || ' periods' as subject,
               count(*) as size, combinations * periods - sum(n) as "empty cells", min(id) as example
        from present, expected group by geo, combinations, periods"""


def _total_sql(dataset: Dataset, rule: Total) -> str:
    """The difference between a total and the sum of all other codes of its dimension, where there are any."""
    d = identifier(rule.dimension)
    others = ", ".join(identifier(name) for name in dataset.dimensions if name != rule.dimension)
    total = f"{d} = {literal(rule.total)}"
    return f"""
        select geo || ', ' || period || ': {rule.dimension} {rule.total} against the sum of the others' as subject,
               count(*) as size,
               abs(coalesce(sum(new) filter ({total}), 0) - coalesce(sum(new) filter (not {total}), 0)) as difference,
               coalesce(any_value(cells.rowid) filter ({total}), min(cells.rowid)) as example
        from cells join keys using (key) where staged
        group by {others}, period having count(*) filter (not {total}) > 0"""


def _territories_sql(dataset: Dataset, whole: bool) -> str:
    """The difference between a country and its regions, or its provinces, and between a region and its provinces.

    Regions have codes of four characters, provinces of five. Provinces are not added up where some were left out.
    """
    others = ", ".join(identifier(name) for name in dataset.dimensions if name != "geo")
    return f"""
        with places as (
            select cells.rowid as id, geo, {others}, period, what, new from cells join keys using (key) where staged
        ), each_ as (
            select unnest([left(geo, 2), if(length(geo) = 5, left(geo, 4), null)]) as whole_, length(geo) as level, * from places
            where length(geo) = 4 {"or length(geo) = 5" if whole else ""}
        ), parts as (
            select whole_, level, {others}, period, sum(new) as together, count(*) as size from each_ group by all
        )
        select p.geo || ', ' || p.what || ', ' || p.period || ' against its '
               || if(s.level = 4, 'regions', 'provinces') as subject,
               s.size, abs(coalesce(p.new, 0) - s.together) as difference, p.id as example
        from places p join parts s on s.whole_ = p.geo and s.period = p.period
             and ({_others_of("s", dataset)}) = ({_others_of("p", dataset)})"""


def _others_of(table: str, dataset: Dataset) -> str:
    """The dimensions but the territory, as columns of `table`."""
    return ", ".join(f"{table}.{identifier(name)}" for name in dataset.dimensions if name != "geo")


def _population_sql(dataset: Dataset, rule: PerHead, where: str) -> str:
    """The factor between the population that total and per head imply, and the one they implied before: in the figures held, else
    in the period before; and between a territory's and that of its parts together."""
    d = identifier(rule.dimension)
    others = ", ".join(identifier(name) for name in dataset.dimensions if name not in (rule.dimension, "geo"))
    others = f", {others}" if others else ""
    return f"""
        with sides as (
            select geo, any_value(parent) as parent, bool_or(watched) as watched, period{others},
                   any_value(new) filter ({d} = '{rule.total}') / any_value(new) filter ({d} = '{rule.per_head}') as heads,
                   any_value(ref) filter ({d} = '{rule.total}' and held)
                   / any_value(ref) filter ({d} = '{rule.per_head}' and held) as held_heads,
                   any_value(what) filter ({d} = '{rule.per_head}') as what,
                   any_value(cells.rowid) filter ({d} = '{rule.per_head}') as example
            from cells join keys using (key) where {d} in ('{rule.total}', '{rule.per_head}') and new > 0
            group by geo, period{others}
        ), compared as (
            select *, coalesce(held_heads, lag(heads) over (partition by geo{others} order by period)) as before from sides
        ), parts as (
            select parent as geo, period{others}, sum(heads) as together from sides where parent is not null
            group by all having count(*) > 1
        ), judged_ as (
            select c.*, abs(ln(heads / before)) as moved,
                   if(heads < 0.5 * together or heads > 2 * together, abs(ln(heads / together)), 0) as apart
            from compared c left join parts p using (geo, period{others})
        )
        select geo || ', ' || what || ' against {rule.total}' as subject, 1 as size,
               exp(greatest(coalesce(moved, 0), coalesce(apart, 0))) as factor, example
        from judged_ where {where} and (moved is not null or apart > 0)"""


def _rate_sql(dataset: Dataset, rule: Rate) -> str:
    """The factor between a rate and what its counts of the same body give, of ours and the peers; 1 within a point."""
    d = identifier(rule.dimension)
    others = ", ".join(identifier(name) for name in dataset.dimensions if name not in (rule.dimension, "geo"))
    others = f", {others}" if others else ""
    return f"""
        with sides as (
            select geo, period{others}, bool_or(watched) as watched, bool_or(not held or new is distinct from ref) as changed,
                   any_value(new) filter ({d} = '{rule.rate}') as rate,
                   any_value(new) filter ({d} = '{rule.part}') as part, any_value(new) filter ({d} = '{rule.whole}') as whole,
                   any_value(what) filter ({d} = '{rule.rate}') as what,
                   any_value(cells.rowid) filter ({d} = '{rule.rate}') as example
            from cells join keys using (key) where {d} in ('{rule.rate}', '{rule.part}', '{rule.whole}')
            group by geo, period{others}
        )
        select geo || ', ' || what || ' against {rule.part} / {rule.whole}' as subject, 1 as size,
               if(abs(rate - part / whole * {rule.scale}) > 1,
                  exp(abs(ln(rate / (part / whole * {rule.scale})))), 1) as factor, example
        from sides where watched and changed and whole > 0 and part > 0 and rate > 0"""
