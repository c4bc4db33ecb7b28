"""Identities: what one staged figure says of another of the same body, such as per head x population = total.

Belongs here: the pairs that an entry names in `checks.plausibility.per_head` and `.rates`. Does not belong here: figures
against their own past (`plausibility.py`), sums of territories (`warehouse/publishing/checks/`).
"""

from __future__ import annotations

import duckdb

from assets.checks.plausibility import Judged, worst
from sources.catalogue import Dataset, PerHead, Rate
from sources.common.sql import identifier

NAMES = ("per_head", "rates")


def find(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """Judge the temp table `cells` by each identity of the entry."""
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
    return found


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
