"""Plausibility: how far staged figures are from the figures that history holds, and from their own past.

Each query over `cells` gives one row for what it judges, a code, a country, a territory or a figure, with one number that
has limits, and the figure that shows it best. Belongs here: these queries. Does not belong here: the limits, which are data
of the catalogue entry; identities between figures (`identities.py`); judging (`expectations.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import duckdb

from assets.checks.cells import codes_sql
from assets.checks.expectations import Rule, Severity
from sources.catalogue import Dataset, Filter
from sources.common.sql import identifier, literal

NAMES = (
    "level_of_codes",
    "level_of_countries",
    "level_of_territories",
    "revisions",
    "jumps",
    "decimal_places",
    "kept_values",
    "codes_not_swapped",
    "periods_not_shifted",
)
# rows that are read of a query: the worst ones
MOST = 200
# a change that a series with less than three earlier ones may always make
YOUNG = 1.5
# of each of our territories and peers: the share of its kinds of figures that are far from its own last ones and three times
# nearer to those of another, as histories are that were exchanged and revised
ALIKE = """
    with near as (
        select cells.rowid as id, key, geo, what, period, new, ref, l from cells join keys using (key)
        where watched and not added and l is not null
    ), own as (
        select geo, what, avg(abs(l)) as far, min(id) as id from near group by all having count(*) >= 4
    ), sizes as (select geo, count(*) as size from own group by geo),
    crossed as (
        select m.geo, m.what, h.geo as other, avg(abs(ln(m.new / h.ref))) as far
        from near m semi join (select geo from own group by geo having median(far) > 0.02) using (geo)
        join near h on h.what = m.what and h.period = m.period and h.geo <> m.geo
        group by all having count(*) >= 4
    ), one_way as (
        select geo, other, count(*) as kinds, count(*) / any_value(size) as share, min(id) as id
        from own join crossed c using (geo, what) join sizes using (geo)
        where own.far > 0.02 and c.far < own.far / 3 group by geo, other
    )
    -- both ways: else a country that is revised as a whole may come near to another
    select a.geo || ' has the values of ' || a.other || ' and the reverse, nearly' as subject, a.kinds as size,
           least(a.share, b.share) as share, a.id as example
    from one_way a join one_way b on a.geo = b.other and a.other = b.geo"""
# what shows a finding best: the figure that is furthest off
EXAMPLE = "arg_max(cells.rowid, abs(l)) as example"


@dataclass(frozen=True)
class Judged:
    """What a query found: `frame` has the number `measure`, `subject`, `size` and `example`, worst first.

    Above `hold` the figures are refused, above `alert` they are published and the analyst is notified. `judged`: how many numbers
    were compared, of which `frame` holds the worst; with 0 the check was not run.
    """

    check: str
    measure: str
    frame: Any
    judged: int
    hold: float | None
    alert: float | None = None


def find(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """Judge the temp table `cells`; each check of NAMES once or more."""
    return [
        *_codes(con, dataset),
        *_countries(con, dataset),
        *_territories(con, dataset),
        *_single(con, dataset),
        *_scaled(con, dataset),
        *_kept(con, dataset),
        *_swapped(con, dataset),
        *_shifted(con, dataset),
    ]


def rules(judged: list[Judged]) -> tuple[dict[str, Any], list[Rule]]:
    """One frame a check, with its limits in each row, and the expectations that judge it."""
    import great_expectations.expectations as gxe
    import pandas as pd

    parts: dict[str, list[Any]] = {}
    for one in judged:
        rows = parts.setdefault(one.check, [])
        if one.judged:
            frame = (
                one.frame
                if len(one.frame)
                else pd.DataFrame([{"subject": "none", one.measure: 0.0, "geo": None}])
            )
            frame = frame.assign(measure=one.measure, measured=frame[one.measure])
            # the first row has the number of all, not only of the worst
            frame["judged"] = [one.judged, *[0] * (len(frame) - 1)]
            rows.append(frame.assign(hold=_limit(one.hold), alert=_limit(one.alert)))
    frames, found = {}, []
    for check, rows in parts.items():
        whole = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
        frames[check] = whole.sort_values("measured", ascending=False, kind="stable") if rows else whole
        limits: tuple[tuple[Severity, str], ...] = (("quarantine", "hold"), ("alert", "alert"))
        for severity, limit in limits:
            within = gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=limit, column_B="measured", or_equal=True
            )
            found.append(Rule(check, check, within, severity))
    return frames, found


def _limit(limit: float | None) -> float:
    return inf if limit is None else limit


def worst(con: duckdb.DuckDBPyConnection, sql: str, measure: str) -> tuple[Any, int]:
    """The worst rows of `sql` with the figures of their examples, and how many it has."""
    con.execute(f"create or replace temp table judged as {sql}")
    (count,) = con.execute("select count(*) from judged").fetchall()[0]
    frame = con.execute(f"""
        select j.* exclude (example), k.geo, k.what, c.period, c.ref as old, c.new
        from (from judged order by "{measure}" desc, subject limit {MOST}) j
        left join cells c on c.rowid = j.example left join keys k using (key) order by "{measure}" desc, subject""").df()
    con.execute("drop table judged")
    return frame, count


def chosen(rule: Filter, prefix: str = "") -> str:
    """SQL that is true of the series that `rule` selects; false where it is empty."""
    return (
        " and ".join(
            f"{prefix}{identifier(d)} in ({', '.join(map(literal, codes))})" for d, codes in rule.items()
        )
        or "false"
    )


def _codes(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """The median of new / old, or of new / the period before, of each code of each dimension."""
    limits, found = dataset.checks.plausibility, []
    for dimension in codes_sql(dataset) or ["geo"]:
        code = identifier(dimension) if dimension != "geo" else "''"
        frame, count = worst(
            con,
            f"""select {literal(dimension)} || ' ' || {code} || if(added, ', new periods', '') as subject,
                       count(*) as size, exp(abs(median(magnitude))) as factor,
                       arg_max(cells.rowid, abs(magnitude)) as example
                from cells join keys using (key) where magnitude is not null group by {code}, added
                having count(*) >= if(added, 20, 10)""",
            "factor",
        )
        found.append(Judged("level_of_codes", "factor", frame, count, limits.max_level_ratio))
    return found


def _countries(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """The share of a country's figures of one kind that are far from the last ones."""
    limits = dataset.checks.plausibility
    sql = f"""
        select country || ', ' || what as subject, count(*) as size,
               count(*) filter (clear and abs(l) > ln({limits.max_country_ratio})) / count(*) as share, {EXAMPLE}
        from cells join keys using (key)
        where l is not null and not added and %s ({chosen(limits.national_currency)})
        group by country, what having count(*) >= 10"""
    frame, count = worst(con, sql % "not", "share")
    own, owns = worst(con, sql % "", "share")
    return [
        Judged("level_of_countries", "share", frame, count, limits.max_country_share),
        # a country that changes its currency has its whole past in the new one
        Judged("level_of_countries", "share", own, owns, None, limits.max_country_share),
    ]


def _territories(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """The median of new / old of each territory's figures of one kind."""
    limits = dataset.checks.plausibility
    sql = f"""
        select geo || ', ' || what as subject, count(*) as size, exp(abs(median(if(clear, l, 0)))) as factor, {EXAMPLE}
        from cells join keys using (key)
        where l is not null and not added and %s watched and not ({chosen(limits.national_currency)})
        group by geo, what having count(*) >= 3"""
    frame, count = worst(con, sql % "", "factor")
    others, further = worst(con, sql % "not", "factor")
    name = "level_of_territories"
    return [
        Judged(name, "factor", frame, count, limits.max_territory_ratio, limits.alert_territory_ratio),
        Judged(name, "factor", others, further, limits.max_revision),
    ]


def _single(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """Of our territories and the peers: each revised figure against the last one, each new figure against the period before.

    A new figure is judged by how far it goes beyond the largest change that its own series made before.
    """
    limits = dataset.checks.plausibility
    revised, count = worst(
        con,
        f"""select geo || ', ' || what as subject, 1 as size, exp(abs(l)) as factor,
                   cells.rowid as example
            from cells join keys using (key)
            where l is not null and not added and clear and watched and not ({chosen(limits.national_currency)})""",
        "factor",
    )
    amounts, of_amounts = worst(con, _jumps_sql("watched and amount"), "factor")
    others, of_others = worst(con, _jumps_sql("watched and not amount"), "factor")
    return [
        Judged("revisions", "factor", revised, count, limits.max_revision, limits.alert_revision),
        Judged("jumps", "factor", amounts, of_amounts, limits.max_jump, limits.alert_jump),
        # rates of few cases change by a multiple every year
        Judged("jumps", "factor", others, of_others, limits.max_jump),
    ]


def _jumps_sql(where: str) -> str:
    """New figures with the `factor` by which their change exceeds the largest earlier one of the same series, at least 1."""
    return f"""
        with changes as (
            select id, key, added, clear, l, staged,
                   max(abs(l)) over past as earlier, count(l) over past as n_earlier
            from (select * replace (case when value > 0 and before > 0 then ln(value / before) end as l) from (
                select cells.*, cells.rowid as id, coalesce(new, old) as value,
                       lag(coalesce(new, old)) over (partition by key order by period) as before
                from cells semi join (select key from keys where {where}) using (key)))
            window past as (partition by key order by period rows between unbounded preceding and 1 preceding)
        )
        select geo || ', ' || what as subject, 1 as size,
               exp(abs(l) - greatest(coalesce(earlier, 0), if(n_earlier < 3, ln({YOUNG}), 0))) as factor,
               id as example
        from changes join keys using (key) where l is not null and added and clear and staged and n_earlier >= 1"""


def _scaled(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """The share of figures that are several times too large or too small, of each code of each dimension."""
    limits = dataset.checks.plausibility
    off = f"clear and abs(l) > ln({limits.max_revision})"
    found = []
    for dimension in codes_sql(dataset) or ["geo"]:
        code = identifier(dimension) if dimension != "geo" else "''"
        frame, count = worst(
            con,
            f"""select {literal(dimension)} || ' ' || {code} as subject, count(*) filter ({off}) as size,
                       count(*) filter ({off}) / count(*) as share, {EXAMPLE}
                from cells join keys using (key) where l is not null and not added and not ({chosen(limits.national_currency)})
                group by {code} having count(*) >= 3""",
            "share",
        )
        found.append(Judged("decimal_places", "share", frame, count, limits.max_scaled_share, 0))
    return found


def _kept(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """The share of values that became 0 or missing: of each code, of each country, of each of our territories.

    Territories and periods that are gone altogether are left to other checks: codes change with every version of NUTS.
    """
    limits, found = dataset.checks.plausibility, []
    con.execute("""
        create or replace temp table kept as
        with there as (select distinct geo from keys semi join (select key from cells where staged) using (key)),
        counted as (
            select key, count(*) as n, count(*) filter (coalesce(new, 0) = 0) as gone,
                   count(*) filter (not added) as n_held,
                   count(*) filter (not added and coalesce(new, 0) = 0) as gone_held,
                   min(cells.rowid) filter (coalesce(new, 0) = 0) as id
            from cells semi join (select distinct period from cells where staged) using (period)
            where ref <> 0 and (held or staged) group by key
        )
        select * from counted join keys using (key) semi join there using (geo)""")
    groups = [
        (identifier(d), f"{literal(d)} || ' ' || {identifier(d)}", 20, "true", "") for d in codes_sql(dataset)
    ]
    groups += [
        ("country", "country || ', all figures'", 20, "true", ""),
        # a small territory has genuine zeros beside its other years: only figures that were held count
        ("geo", "geo || ', all figures'", 5, "watched", "_held"),
    ]
    for code, subject, least, where, held in groups:
        frame, count = worst(
            con,
            f"""select {subject} as subject, sum(gone{held}) as size,
                       sum(gone{held}) / sum(n{held}) as share, min(id) as example
                from kept where {where} group by {code} having sum(n{held}) >= {least}""",
            "share",
        )
        found.append(Judged("kept_values", "share", frame, count, limits.max_lost_share))
    con.execute("drop table kept")
    return found


def _swapped(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """The share of a code's figures that are now exactly those which another code of the same dimension had."""
    limits, found = dataset.checks.plausibility, []
    (pairs,) = con.execute("select count(*) from cells where not added and new is not null").fetchall()[0]
    for dimension in [d for d in dataset.dimensions if d != "freq"]:
        code = identifier(dimension)
        others = ", ".join(identifier(d) for d in dataset.dimensions if d != dimension)
        # of territories each kind of figure by itself; of other codes each country
        part = "what" if dimension == "geo" else "country"
        frame, _ = worst(
            con,
            f"""with sides as (
                    select cells.rowid as id, period, ref, new, {code} as code, {part} as part, hash({others or "0"}) as rest,
                           not ({chosen(limits.national_currency)}) as counts
                    from cells join keys using (key) where not added and new <> 0
                ), matched as (
                    select m.code, h.code as other, m.part, count(*) as n, min(m.id) as example
                    from sides m join sides h on h.period = m.period and h.ref = m.new and h.rest = m.rest and h.code <> m.code
                    -- small whole numbers are equal by chance
                    where m.counts and m.new <> m.ref and (abs(m.new) >= 100 or m.new <> round(m.new))
                    group by all having n >= 4 and count(distinct m.new) >= 4
                ), sizes as (select code, part, count(*) as size from sides group by all)
                select code || ' has the values of ' || other || ', ' || part as subject, n as size, n / size as share, example
                from matched join sizes using (code, part)""",
            "share",
        )
        found.append(Judged("codes_not_swapped", "share", frame, pairs, limits.max_swapped_share))
    frame, _ = worst(con, ALIKE, "share")
    # kinds in which both are alike are near to both
    found.append(Judged("codes_not_swapped", "share", frame, pairs, limits.max_swapped_share / 2))
    return found


def _shifted(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """The share of a country's series that follow the last figures of the next or the preceding period, not of the same.

    A series follows those from which its ratio varies least.
    """
    limits = dataset.checks.plausibility
    frame, count = worst(
        con,
        """with beside as (
               select rowid as id, key, new, ref, lag(ref) over w as before, lead(ref) over w as after
               from cells where not added and ref > 0 window w as (partition by key order by period)
           ), series_ as (
               select key, stddev_pop(ln(new / ref)) as own, stddev_pop(ln(new / before)) as earlier,
                      stddev_pop(ln(new / after)) as later,
                      arg_max(id, abs(new - ref)) as id
               from beside where new > 0 and before > 0 and after > 0 group by key having count(*) >= 4
           )
           select country || ', all figures' as subject, count(*) as size,
                  count(*) filter (own > 0.002 and least(earlier, later) < 0.5 * own) / count(*) as share,
                  min(id) filter (own > 0.002 and least(earlier, later) < 0.5 * own) as example
           from series_ join keys using (key) group by country having count(*) >= 5""",
        "share",
    )
    return [Judged("periods_not_shifted", "share", frame, count, limits.max_shifted_share)]
