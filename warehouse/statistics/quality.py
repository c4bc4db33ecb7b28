"""The tables of the quality report: what the figures show about their quality.

Belongs here: disagreements within a provider's table, sizes of revisions, the bias of provisional figures, coverage and
reliability. Does not belong here: checks that block a release (`publishing/checks`) and the page.
"""

from __future__ import annotations

from statistics import fmean, stdev

import duckdb

from sources.common.sql import identifier, literal
from warehouse.database import write_table
from warehouse.statistics import series_changes
from warehouse.statistics.reliability import RELIABLE_SQL

# the fewest periods whose mean revisions show whether a series is revised in one direction
PERIODS = 5
# years of a figure's life that are looked at
YEARS = 5
# columns of `revisions` that say what changed, not of which series
_CHANGED = (
    "kind",
    "old_value",
    "value",
    "delta",
    "delta_pct",
    "old_flag",
    "flag",
    "old_conf",
    "conf",
    "known_from",
    "old_snapshot_id",
    "snapshot_id",
)
# the provider's own rate of each recomputed indicator, by table; the rounding of its decimals
_PUBLISHED_RATES = """
    ('enterprise_birth_rate', 'bd_size_r3', 'V97020', 0.005), ('enterprise_birth_rate', 'bd_hgnace_r', 'ENT_BRTHR_PC', 0.05),
    ('enterprise_death_rate', 'bd_size_r3', 'V97030', 0.005), ('enterprise_death_rate', 'bd_hgnace_r', 'ENT_DTHR_PC', 0.05),
    ('enterprise_churn', 'bd_size_r3', 'V97015', 0.005), ('enterprise_churn', 'bd_hgnace_r', 'ENT_BRTHR_DTHR_PC', 0.05),
    ('enterprise_net_growth', 'bd_size_r3', 'V97010', 0.005), ('enterprise_net_growth', 'bd_hgnace_r', 'GRW_ENT_PC', 0.05),
    ('enterprise_survival_3y', 'bd_size_r3', 'V97043', 0.005),
    ('enterprise_survival_3y', 'bd_hgnace_r', 'ENT_SRVLR_BRTH_Y3_PC', 0.05)"""


def build(con: duckdb.DuckDBPyConnection, country: str, schema: str) -> None:
    """Create the seven tables in `schema`, from its observations, revisions and indicators; `country` is the territory's."""
    con.execute(f"create table {schema}.quality_disagreements as {_disagreements_sql(schema)}")
    con.execute(f"create table {schema}.revision_triangle as {_triangle_sql(con, schema)}")
    _revision_bias(con, schema)
    con.execute(f"create table {schema}.expected_revisions as {_expected_sql(schema)}")
    _provisional_bias(con, country, schema)
    con.execute(f"""
        create table {schema}.dataset_coverage as
        select c.dataset, count(o.dataset) as figures, count(distinct o.geo) as territories,
               count(distinct o.geo) filter (starts_with(o.geo, {literal(country)})) as territories_of_country,
               min(o.period) as first_period, max(o.period) as last_period,
               count(o.dataset) filter (o.value is null) as without_value,
               count(o.dataset) filter (o.flag is null) as flag_unknown,
               count(o.dataset) filter (o.flag <> '') as flagged
        from {schema}.catalogue c left join {schema}.observations o using (dataset)
        -- of restricted figures the release has none, which would read as a dataset without figures
        where c.redistribution = 'allowed' group by c.dataset order by c.dataset""")
    con.execute(f"""
        create table {schema}.reliability_shares as
        select indicator, geo_level, reliability, count(*) as figures,
               count(*) / sum(count(*)) over (partition by indicator, geo_level) as share
        from {schema}.indicators group by indicator, geo_level, reliability order by all""")


def _disagreements_sql(schema: str) -> str:
    """Published rates that differ from the rate of the same table's counts by more than their rounding."""
    return f"""
        select i.dataset, i.indicator, i.geo, i.period, i.unit, i.value as recomputed, o.value as published,
               o.value - i.value as difference
        from {schema}.indicators i
        join (values {_PUBLISHED_RATES}) p (indicator, dataset, code, rounding) using (indicator, dataset)
        join {schema}.enterprise_births o
          on o.dataset = i.dataset and o.indicator = p.code and o.geo = i.geo and o.period = i.period
        where (o.dataset <> 'bd_size_r3' or o.sizeclas = 'TOTAL') and (o.dataset <> 'bd_hgnace_r' or o.nace_r2 = 'B-S_X_O_S94')
          and abs(i.value - o.value) > p.rounding + 1e-9
        order by i.dataset, i.indicator, i.geo, i.period"""


def _triangle_sql(con: duckdb.DuckDBPyConnection, schema: str) -> str:
    """The sizes of the first, second ... revision of each period, by table and code of the provider."""
    columns = [name for name, *_ in con.execute(f"describe {schema}.revisions").fetchall()]
    key = ", ".join(identifier(column) for column in columns if column not in _CHANGED)
    return f"""
        with revised as (
            select dataset, indicator, unit, period, delta_pct,
                   row_number() over (partition by {key} order by known_from) as revision
            from {schema}.revisions where kind in ('changed', 'reflagged')
        )
        select dataset, indicator, unit, period, revision::integer as revision, count(*) as figures,
               avg(coalesce(delta_pct, 0)) as mean_pct, median(coalesce(delta_pct, 0)) as median_pct,
               max(abs(coalesce(delta_pct, 0))) as largest_pct
        from revised group by all order by all"""


def _expected_sql(schema: str) -> str:
    """SQL for how far first figures moved, by dataset and year of their life, in percent of the first value.

    A figure is in its first year while its dataset has no figure of a later year, in its second while there is one later
    year, and so on. Looked at are figures that were known in their first year and whose year of life is over; what moved in
    it is the change from the value at the end of the year of life before, or from the first value. Bundled figures that live
    ones replaced are left out. Territories of a period are revised together, so that a period counts once: medians of its
    figures first, then the median of periods. Below PERIODS periods nothing is concluded, as for `revision_bias`.
    """
    return f"""
        with live as (
            select v.* from {schema}.vintages v
            left join (select dataset, max(vintage) as restart from {schema}.vintages
                       where kind = 'baseline' group by dataset) using (dataset)
            where restart is null or vintage >= restart
        ), versions as (
            select h.series, h.period, left(h.period, 4)::integer as year, h.value, vintage, dataset
            from {schema}.history h join live using (vintage)
        ), reached as (
            select dataset, vintage, max(max(year)) over (partition by dataset order by vintage) as last_year
            from versions where value is not null group by dataset, vintage
        ), lives as (
            select v.*, r.last_year - v.year + 1 as life
            from versions v asof join reached r on r.dataset = v.dataset and r.vintage <= v.vintage
            where (v.dataset, v.year) in (select (dataset, last_year) from reached)
        ), firsts as (
            select series, period, arg_min(value, vintage) as first_value
            from lives where value is not null group by all
            having arg_min(life, vintage) = 1 and first_value <> 0
        ), moved as (
            select l.dataset, l.period, y.life as year_of_life,
                   (arg_max(l.value, l.vintage) filter (l.life <= y.life)
                    - coalesce(arg_max(l.value, l.vintage) filter (l.life < y.life), any_value(f.first_value)))
                   / abs(any_value(f.first_value)) * 100 as pct
            from lives l join firsts f using (series, period)
            join (select dataset, max(last_year) as last_year from reached group by dataset) r using (dataset)
            join (select unnest(range(1, {YEARS + 1}))::integer as life) y on y.life < r.last_year - l.year + 1
            group by l.dataset, l.series, l.period, y.life
        ), periods as (
            select dataset, year_of_life, period, count(*) as figures, count(*) filter (pct <> 0) as revised,
                   median(pct) as median_pct, median(abs(pct)) as median_abs, quantile_cont(abs(pct), 0.9) as high_abs
            from moved where pct is not null group by all
        )
        select dataset, year_of_life, count(*)::integer as periods, sum(figures)::bigint as figures,
               sum(revised) / sum(figures) as revised_share,
               case when count(*) >= {PERIODS} then median(median_pct) end as median_pct,
               case when count(*) >= {PERIODS} then median(median_abs) end as median_abs_pct,
               case when count(*) >= {PERIODS} then median(high_abs) end as high_abs_pct
        from periods group by dataset, year_of_life order by all"""


def _revision_bias(con: duckdb.DuckDBPyConnection, schema: str) -> None:
    """`revision_bias`: the mean revision of each code over its periods, with Student's 95 % interval.

    All territories of a period are revised at once, so that a period counts once.
    """
    rows = con.execute(f"""
        select dataset, indicator, list(mean_pct order by period) from (
            select dataset, indicator, period, sum(mean_pct * figures) / sum(figures) as mean_pct
            from {schema}.revision_triangle group by all)
        group by dataset, indicator order by all""").fetchall()
    write_table(
        con,
        f"{schema}.revision_bias",
        {
            "dataset": "varchar",
            "indicator": "varchar",
            "periods": "integer",
            "mean_pct": "double",
            "ci_low": "double",
            "ci_high": "double",
            "neutral": "boolean",
        },
        [(dataset, indicator, len(means), *_bias(means)) for dataset, indicator, means in rows],
    )


def _bias(means: list[float]) -> tuple[float, float | None, float | None, bool | None]:
    """Mean revision, its 95 % interval, and whether 0 lies in it; unknown below five periods."""
    mean = fmean(means)
    if len(means) < PERIODS:
        return mean, None, None, None
    from scipy.special import stdtrit

    reach = float(stdtrit(len(means) - 1, 0.975)) * stdev(means) / len(means) ** 0.5
    return mean, mean - reach, mean + reach, mean - reach <= 0 <= mean + reach


def _provisional_bias(con: duckdb.DuckDBPyConnection, country: str, schema: str) -> None:
    """`provisional_bias`: by year, how figures of indicators with revisions due change in the median of the territories.

    The years without revisions due show what is usual; a last year far from them shows the bias of provisional figures.
    """
    known = series_changes.read(con, schema)
    due = [
        (indicator, dataset, last.text, known.due[indicator])
        for (indicator, dataset), last in known.last.items()
        if known.due.get(indicator) and last.freq == "A"
    ]
    con.execute(
        "create or replace temp table maturing (indicator varchar, dataset varchar, last varchar, due integer)"
    )
    if due:
        con.executemany("insert into maturing values (?, ?, ?, ?)", due)
    con.execute(f"""
        create table {schema}.provisional_bias as
        select i.indicator, i.dataset, i.geo_level, i.period,
               -- other indicators have quarters and months, which no year is compared with
               greatest(0, any_value(m.due) - (any_value(m.last)::integer - any_value(try_cast(i.period as integer))))
                   as revisions_due,
               count(*) as territories, count(*) filter (contains(coalesce(i.flag, ''), 'p')) as flagged_provisional,
               count(*) filter (i.value > b.value) as rising,
               median((i.value / b.value - 1) * 100) as median_change_pct
        from {schema}.indicators i join maturing m using (indicator, dataset)
        join {schema}.indicators b on (b.indicator, b.dataset, b.geo) = (i.indicator, i.dataset, i.geo)
                                  and try_cast(b.period as integer) = try_cast(i.period as integer) - 1
        where starts_with(i.geo, {literal(country)}) and i.reliability in {RELIABLE_SQL} and b.reliability in {RELIABLE_SQL}
          and not i.break_before and b.value > 0
        group by i.indicator, i.dataset, i.geo_level, i.period order by all""")
    con.execute("drop table maturing")
