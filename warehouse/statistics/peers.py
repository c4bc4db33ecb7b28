"""Benchmarking: peer groups, rank, gap to the median, distance to the frontier.

Tables `peers`, `peer_candidates`, `peer_features` and `benchmarks`.

Belongs here: the groups fixed in `reference/benchmarks.yml`, the structural peers that the figures find, and rank,
gap and distance to the frontier. Does not belong here: which territory is ours (`reference/territory.yml`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby

import duckdb

from sources.common.config import Names, Problem, Strict, Text, load
from sources.common.sql import literal
from sources.common.units import codes
from warehouse.database import write_table
from warehouse.reference.territory import REFERENCE, Territory, unknown_territories
from warehouse.statistics import ranking, series_changes
from warehouse.statistics.reliability import RELIABLE_SQL

FILE = REFERENCE / "benchmarks.yml"


class Group(Strict):
    """A peer group fixed beforehand. `members`: who each territory is, by code; after a colon why it was chosen."""

    id: str
    title: Names
    reason: Text
    members: dict[str, Text]


class Structural(Strict):
    """How structurally similar regions are found: `features` are indicators, each the mean of `periods` periods."""

    level: str
    nearest: int
    least_candidates: int
    periods: int
    features: list[str]
    least: int


class Benchmarks(Strict):
    """`benchmarks.yml`. `frontier`: the share of the territories of a group's level that make up the frontier."""

    fixed_on: date
    frontier: float
    shown: list[str]
    groups: list[Group]
    structural: Structural


@cache
def benchmarks() -> Benchmarks:
    """Groups and features, as `reference/benchmarks.yml` fixes them. Raises SpecError with file and line."""
    return load(FILE, Benchmarks, problems=_problems)


def _problems(said: Benchmarks) -> Iterator[Problem]:
    for place, group in enumerate(said.groups):
        for geo in group.members:
            for _, problem in unknown_territories((), [geo]):
                yield ("groups", place, "members", geo), problem
    members = {geo for group in said.groups for geo in group.members}
    for place, geo in enumerate(said.shown):
        if geo not in members:
            yield ("shown", place), f"{geo} is a member of no group"


def shown() -> dict[str, Text]:
    """The members that charts show one by one, with the text that says what each is and why it was chosen."""
    words: dict[str, Text] = {}
    for group in benchmarks().groups:
        for geo, said in group.members.items():
            # if a territory is in several groups, keep the description that states a reason
            if ": " in said.en or geo not in words:
                words[geo] = said
    return {geo: words[geo] for geo in benchmarks().shown}


def build(con: duckdb.DuckDBPyConnection, ours: Territory, schema: str) -> None:
    """Create the four tables in `schema`, from its `indicators`; `ours` is the territory's file."""
    said = benchmarks()
    write_table(
        con,
        f"{schema}.peers",
        {
            "group_id": "varchar",
            "title_it": "varchar",
            "title_en": "varchar",
            "reason": "varchar",
            "geo": "varchar",
            "member": "varchar",
            "position": "integer",
            "distance": "double",
        },
        [
            (
                group.id,
                group.title.it,
                group.title.en,
                group.reason.en.strip(),
                geo,
                why.en,
                None,
                None,
            )
            for group in said.groups
            for geo, why in group.members.items()
        ],
    )
    _structural(con, said.structural, ours.region, schema)
    # a table that has not followed a renamed code yet, or never will, has the member under its earlier one
    con.execute(f"""
        insert into {schema}.peers
        with recursive earlier as (
            select p.*, g.geo as before, s.valid_from as until
            from {schema}.peers p join {schema}.geography g on g.successor = p.geo join {schema}.geography s on s.geo = p.geo
            union all
            select e.* replace (g.geo as before, s.valid_from as until)
            from earlier e join {schema}.geography g on g.successor = e.before join {schema}.geography s on s.geo = e.before
        )
        select * exclude (before, until) replace (before as geo, member || ', before NUTS ' || until as member)
        from earlier order by all""")
    _benchmarks(con, said.frontier, ours, schema)


def _structural(con: duckdb.DuckDBPyConnection, structural: Structural, region: str, schema: str) -> None:
    """`peer_candidates`, `peer_features` and the structural group of `peers`, empty with too few candidates."""
    con.execute(f"create table {schema}.peer_candidates as {_candidates_sql(structural, region, schema)}")
    (candidates,) = con.execute(
        f"select count(*) from {schema}.peer_candidates where candidate and geo <> {literal(region)}"
    ).fetchall()[0]
    enough = candidates >= structural.least_candidates
    con.execute(
        f"create table {schema}.peer_features as {_features_sql(structural, region, schema)}"
        f"{'' if enough else ' limit 0'}"
    )
    con.execute(f"""
        insert into {schema}.peers
        select 'structural', 'Regioni strutturalmente simili', 'Structurally similar regions',
               'Nearest of {candidates} candidates in the space of '
                   || (select string_agg(distinct indicator, ', ' order by indicator) from {schema}.peer_features),
               geo, coalesce(g.name_en, geo), any_value(position), any_value(distance)
        from {schema}.peer_features join {schema}.geography g using (geo) where position > 0 group by geo, g.name_en
        order by any_value(position)""")


def _means_sql(structural: Structural, region: str, schema: str) -> str:
    """CTEs up to `means`: each region's mean of the region's last complete periods, by feature, under codes of today.

    Tables that keep the codes of an earlier NUTS version are read by `geography.successor`, where a territory was renamed only.
    """
    features = ", ".join(literal(indicator) for indicator in structural.features)
    return f"""
        with recursive renamed as (
            select geo, geo as now from {schema}.geography where successor is null
            union all
            select g.geo, r.now from {schema}.geography g join renamed r on g.successor = r.geo
        ), known as (
            select i.* replace (r.now as geo) from {schema}.indicators i join renamed r using (geo)
            where indicator in ({features}) and geo_level = {literal(structural.level)} and value is not null and not truncated
              and reliability in {RELIABLE_SQL}
            qualify row_number() over (partition by indicator, r.now, period order by i.geo <> r.now, i.geo) = 1
        ), spans as (
            select indicator, period from known where geo = {literal(region)}
            qualify row_number() over (partition by indicator order by period desc) <= {structural.periods}
        ), means as (
            select t.indicator, t.geo, avg(t.value order by t.period) as value,
                   min(t.period) as first_period, max(t.period) as last_period
            from known t join spans using (indicator, period)
            group by t.indicator, t.geo
            having count(*) = (select count(*) from spans s where s.indicator = t.indicator)
        )"""


def _candidates_sql(structural: Structural, region: str, schema: str) -> str:
    """Every region of today's NUTS version: whether it has our features, and which it lacks."""
    return f"""
        {_means_sql(structural, region, schema)}, ours as (
            select indicator from means where geo = {literal(region)}
        ), places as (
            select geo, name_en from {schema}.geography
            where level = {literal(structural.level)} and successor is null
              and valid_to::integer = (select max(valid_to::integer) from {schema}.geography)
        )
        select p.geo, count(o.indicator) >= {structural.least} and count(m.indicator) = count(o.indicator) as candidate,
               list(o.indicator order by o.indicator) filter (o.indicator is not null and m.indicator is null) as lacking
        from places p left join ours o on true left join means m on m.geo = p.geo and m.indicator = o.indicator
        group by p.geo order by p.geo"""


def _features_sql(structural: Structural, region: str, schema: str) -> str:
    """Each nearest region's features beside ours (position 0): mean of the last complete periods, and standardised."""
    return f"""
        {_means_sql(structural, region, schema)}, standard as (
            select *, (value - avg(value) over feature) / nullif(stddev_pop(value) over feature, 0) as standardised
            from means window feature as (partition by indicator)
        ), apart as (
            select s.geo, sqrt(avg(pow(s.standardised - o.standardised, 2) order by s.indicator)) as distance
            from standard s join standard o on o.indicator = s.indicator and o.geo = {literal(region)}
            where o.standardised is not null
            group by s.geo
            having count(s.standardised) = (select count(standardised) from standard where geo = {literal(region)})
               and count(*) >= {structural.least}
        ), nearest as (
            select geo, distance, row_number() over (order by distance, geo) - 1 as position
            from apart qualify position <= {structural.nearest}
        )
        select position::integer as position, geo, distance, indicator, first_period, last_period, value, standardised
        from nearest join standard using (geo)
        where standardised is not null order by position, indicator"""


def _benchmarks(con: duckdb.DuckDBPyConnection, frontier: float, ours: Territory, schema: str) -> None:
    """Create `benchmarks`, with the range of our own rank from pairwise tests."""
    con.execute(f"create or replace temp table standing as {_benchmarks_sql(frontier, ours, schema)}")
    ranges = _rank_ranges(con, schema)
    con.execute(
        "create or replace temp table rank_ranges "
        "(group_id varchar, indicator varchar, period varchar, dataset varchar, rank_low integer, rank_high integer)"
    )
    if ranges:
        con.execute(
            "insert into rank_ranges select unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6)",
            [list(column) for column in zip(*ranges, strict=True)],
        )
    con.execute(f"""
        create table {schema}.benchmarks as
        select s.* exclude (numerator, denominator), r.rank_low, r.rank_high
        from standing s left join rank_ranges r
          on s.ours and (r.group_id, r.indicator, r.period, r.dataset) = (s.group_id, s.indicator, s.period, s.dataset)
        order by s.group_id, s.indicator, s.period, s.rank nulls last, s.geo""")
    con.execute("drop table standing; drop table rank_ranges")


@dataclass(frozen=True)
class _Member:
    """A row of `benchmarks`, as comparisons read it; only rows that are ranked are read."""

    period: str
    value: float | None
    flag: str | None
    reliability: str
    dataset: str
    numerator: float | None
    denominator: float | None
    break_before: bool = False
    truncated: bool = False


def _rank_ranges(
    con: duckdb.DuckDBPyConnection, schema: str
) -> list[tuple[str, str, str, str, int | None, int | None]]:
    """Of each group, indicator, period and table in which ours is ranked: the range of its rank."""
    known = series_changes.read(con, schema)
    rows = con.execute("""
        select group_id, indicator, period, dataset, geo, ours, value, flag, reliability, numerator, denominator from standing
        where rank is not null and indicator in (select indicator from standing where numerator is not null)
        order by all""").fetchall()
    ranges: list[tuple[str, str, str, str, int | None, int | None]] = []
    for key, members in groupby(rows, key=lambda row: row[:4]):
        group, indicator, period, dataset = key
        figures: dict[str, _Member] = {}
        our_geo = ""
        for *_, geo, is_ours, value, flag, reliability, numerator, denominator in members:
            figures[geo] = _Member(period, value, flag, reliability, dataset, numerator, denominator)
            our_geo = geo if is_ours else our_geo
        found = ranking.rank(figures, our_geo, known.rules[indicator], known.directions[indicator])
        if found is not None and found.low is not None:
            ranges.append((group, indicator, period, dataset, found.low, found.high))
    return ranges


def _benchmarks_sql(frontier: float, ours: Territory, schema: str) -> str:
    """Our territory and its peers of each group, by indicator and period: rank, percentile, gap, distance to the frontier.

    Amounts (counts and money) have none of these: they grow with the size of the territory.
    """
    amounts = ", ".join(literal(code) for code in codes("count", "money"))
    seat = ours.seat or ours.region
    return f"""
        with members as (
            select group_id, geo, false as ours from {schema}.peers where geo <> {literal(ours.region)}
            union
            select group_id, case max(g.level) when 'nuts3' then {literal(seat)} else {literal(ours.region)} end, true
            from {schema}.peers join {schema}.geography g using (geo) group by group_id
        ), known as (
            select m.group_id, m.ours, i.indicator, i.geo, i.period, i.dataset, i.value, i.unit, i.flag,
                   i.reliability, c.direction, i.numerator, i.denominator,
                   case when i.reliability in {RELIABLE_SQL} and not i.truncated and i.unit not in ({amounts})
                       then if(c.direction = 'down', -i.value, i.value) end as score
            from {schema}.indicators i join members m using (geo) join {schema}.indicator_catalogue c using (indicator)
            where i.value is not null and not exists (
                from {schema}.indicators j join {schema}.geography g on g.geo = i.geo and g.successor = j.geo
                where (j.indicator, j.period, j.dataset) = (i.indicator, i.period, i.dataset) and j.value is not null)
            qualify bool_or(m.ours) over (partition by m.group_id, i.indicator, i.period, i.dataset)
        ), ranked as (
            select *, case when score is not null then rank() over (partition by group_id, indicator, period, dataset
                                                                    order by score desc nulls last) end as rank,
                   count(score) over everyone as n,
                   count(*) over (partition by group_id, indicator, period, dataset, score) as tied,
                   count(*) filter (reliability in {RELIABLE_SQL}) over everyone as reliable,
                   median(value) filter (score is not null) over everyone as median
            from known window everyone as (partition by group_id, indicator, period, dataset)
        ), leaders as (
            -- added in one order: a sum of the same numbers in another order differs in its last digit
            select group_id, indicator, period, dataset,
                   list_avg(list_sort(list(value) filter (rank <= greatest(1, ceil(n * {frontier}))))) as best
            from ranked group by all
        )
        select group_id, indicator, period, geo, ours, dataset, value, unit, flag, reliability, direction, rank::integer as rank,
               n::integer as n, 
               case when n > 1 and rank is not null then (n - rank - (tied - 1)) / (n - 1) * 100 end as percentile,
               median, value - median as gap, case when direction <> 'none' then best end as frontier,
               case when rank is not null and direction = 'up' then greatest(best - value, 0)
                    when rank is not null and direction = 'down' then greatest(value - best, 0) end as frontier_distance,
               numerator, denominator
        from ranked join leaders using (group_id, indicator, period, dataset)
        where n > 1 or (unit in ({amounts}) and reliable > 1)
        order by group_id, indicator, period, rank nulls last, geo"""
