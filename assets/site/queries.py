"""Reads what the pages show from a release's DuckDB file, read-only, into plain values.

Belongs here: the queries. Does not belong here: rules on the figures (`series.py`) and words.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args

import duckdb

from assets.site import spreads
from sources.common.sql import literal, rows, scalar
from sources.common.units import unit_or_unknown
from warehouse.publishing.exports.workbook import TERRITORIES
from warehouse.publishing.figures import Expected, expectations, published_since
from warehouse.reference.sector import sector
from warehouse.reference.territory import territory, timezone
from warehouse.statistics import peers, series_changes
from warehouse.statistics.reliability import is_reliable
from warehouse.statistics.series_changes import SeriesChanges
from warehouse.targets.schema import Directive

DIRECTIVES = get_args(Directive)


@dataclass(frozen=True)
class Point:
    """One published value of an indicator for a territory."""

    period: str
    value: float | None
    flag: str | None
    reliability: str
    break_before: bool
    numerator: float | None
    denominator: float | None
    ci_low: float | None
    ci_high: float | None
    truncated: bool
    provisional: bool
    dataset: str
    snapshot_id: str

    @property
    def firm(self) -> bool:
        """Good enough to rank and to compare by."""
        return is_reliable(self)


@dataclass(frozen=True)
class Place:
    """A territory with a page. `role`: region, province, country or peer; `reason`: why a peer was chosen (English)."""

    geo: str
    role: str
    names: dict[str, str]
    level: str
    reason: str = ""


@dataclass(frozen=True)
class Measure:
    """An indicator: its row of `indicator_catalogue` and, by territory, its points in the order of the periods."""

    id: str
    header: dict[str, Any]
    series: dict[str, list[Point]]
    inputs: list[dict[str, Any]]
    # territories of our country without a page: a reader may choose them in a chart
    others: dict[str, list[Point]] = field(default_factory=dict)

    @property
    def until(self) -> str | None:
        """The last period that is complete, where later ones are not."""
        return self.header["complete_until"]

    @property
    def unit(self) -> str:
        return self.header["unit"]

    @property
    def adds_up(self) -> bool:
        """True for amounts: drawn from zero, compared as an index, mapped as circles, never ranked."""
        return unit_or_unknown(self.unit).adds_up

    @property
    def directive(self) -> str:
        return self.header["directive"]

    def title(self, language: str) -> str:
        return self.header[f"title_{language}"]

    def complete(self, geo: str) -> list[Point]:
        """The points of `geo`, with or without a page, of periods that are complete."""
        return [p for p in self.series.get(geo) or self.others.get(geo, []) if not p.truncated]


@dataclass(frozen=True)
class Observation:
    """The newest figure of a table that no indicator uses, for one of our territories."""

    dataset: str
    indicator: str
    geo: str
    period: str
    value: float
    unit: str
    flag: str | None


@dataclass(frozen=True)
class QualityReport:
    """The tables of the quality report, each shortened to what a page can show."""

    disagreements: list[dict[str, Any]]
    disagreeing: list[dict[str, Any]]
    triangle: list[dict[str, Any]]
    bias: list[dict[str, Any]]
    provisional: list[dict[str, Any]]
    coverage: list[dict[str, Any]]
    reliability: list[dict[str, Any]]


@dataclass(frozen=True)
class Facts:
    """Everything the pages are drawn from."""

    release: dict[str, Any]
    places: dict[str, Place]
    measures: dict[str, Measure]
    targets: list[dict[str, Any]]
    drafts: list[dict[str, Any]]
    anchors: list[dict[str, Any]]
    headlines: list[dict[str, Any]]
    catalogue: dict[str, dict[str, Any]]
    snapshots: dict[str, dict[str, Any]]
    checks: list[dict[str, Any]]
    undrawn: list[dict[str, Any]]
    own: list[dict[str, Any]]
    breaks: list[dict[str, Any]]
    # names of the territories without a page that charts can show
    other_names: dict[str, dict[str, str]]
    sector: list[Observation]
    comparisons: SeriesChanges
    # by indicator and level, the values of all of Europe
    spreads: dict[tuple[str, str], spreads.Spread]
    quality: QualityReport
    changes: list[dict[str, Any]]
    # since when, and by which release, each figure is published as it is
    published: dict[tuple[str, str, str], tuple[datetime, str]]
    expectations: dict[str, list[tuple[int, Expected]]]
    versions: dict[tuple[str, str, str], list[dict[str, Any]]]
    begins: datetime
    vintages: list[dict[str, Any]]
    tables: list[dict[str, Any]]
    files: dict[str, int]
    flags: dict[str, dict[str, str]]
    units: dict[str, dict[str, str]]
    figures: dict[str, dict[str, str]]
    # territories in order, by indicator, territories and period: filled while pages are drawn, in both languages the same
    orders: dict[tuple[str, tuple[str, ...], str], Any] = field(default_factory=dict)

    def geos(self, role: str) -> list[str]:
        return [place.geo for place in self.places.values() if place.role == role]

    @property
    def region(self) -> str:
        return self.geos("region")[0]

    @property
    def country(self) -> str:
        return self.geos("country")[0]

    @property
    def seat(self) -> str | None:
        """The province of the district's seat, where the territory names one."""
        return territory().seat


def read(con: duckdb.DuckDBPyConnection, folder: Path) -> Facts:
    """The facts of the release open in `con`, whose files are in `folder`."""
    places = _places(con)
    ours = ", ".join(literal(geo) for geo in places)
    others = _others(con, ours)
    return Facts(
        release=rows(con, "from release")[0],
        places=places,
        measures=_measures(con, ours, set(others)),
        targets=_targets(con),
        drafts=_if_there(con, "target_drafts", "directive, draft"),
        anchors=_if_there(con, "target_anchors", "number"),
        headlines=rows(con, "from headlines order by number"),
        catalogue={row["dataset"]: row for row in rows(con, "from catalogue order by dataset")},
        snapshots={row["snapshot_id"]: row for row in rows(con, "from snapshots")},
        checks=rows(con, "from check_results order by scope desc, dataset, check_name"),
        undrawn=rows(
            con,
            f"from indicator_catalogue anti join (from indicators where geo in ({ours})) using (indicator) order by indicator",
        ),
        own=rows(
            con,
            "from district qualify row_number() over (partition by figure order by period desc) = 1 order by figure",
        ),
        breaks=rows(con, "from breaks order by dataset, period, indicator, geo"),
        other_names=others,
        sector=_sector(con),
        comparisons=series_changes.read(con),
        spreads=spreads.read(con),
        quality=_quality(con, ours),
        changes=_changes(con, ours),
        published=published_since(con, list(places)),
        expectations=expectations(con),
        versions=_versions(con, ours),
        begins=scalar(
            con, "select coalesce(min(known_from), (select built_at from release)) from indicator_history"
        ),
        vintages=rows(con, "from vintages order by known_from desc"),
        tables=_tables(con, folder),
        files={
            str(path.relative_to(folder)): path.stat().st_size
            for path in sorted([*folder.glob("*"), *folder.glob(f"{TERRITORIES}/*")])
            if path.is_file()
        },
        flags=_labels(con, "flag"),
        units=_labels(con, "unit"),
        figures=_labels(con, "figure"),
    )


def _places(con: duckdb.DuckDBPyConnection) -> dict[str, Place]:
    ours, chosen = territory(), peers.shown()
    own = {
        ours.region: "region",
        **dict.fromkeys(ours.provinces, "province"),
        ours.country: "country",
    }
    # who is shown to compare with may be our own territory, where another one adopts the project
    roles = own | dict.fromkeys((geo for geo in chosen if geo not in own), "peer")
    known = {row["geo"]: row for row in rows(con, "from geography")}
    filled = {row["geo"] for row in rows(con, "select distinct geo from indicators")}
    return {
        geo: Place(
            geo,
            role,
            {"it": known[geo]["name_it"], "en": known[geo]["name_en"]},
            known[geo]["level"],
            chosen[geo].en if geo in chosen else "",
        )
        for geo, role in roles.items()
        if role != "peer" or geo in filled
    }


def _others(con: duckdb.DuckDBPyConnection, ours: str) -> dict[str, dict[str, str]]:
    """Names of our country's regions and provinces that have a value but no page."""
    return {
        row["geo"]: {"it": row["name_it"], "en": row["name_en"]}
        for row in rows(
            con,
            f"""from geography semi join indicators using (geo)
                where geo like {literal(territory().country + "%")} and level in ('nuts2', 'nuts3')
                  and geo not in ({ours}) order by geo""",
        )
    }


def _measures(con: duckdb.DuckDBPyConnection, ours: str, others: set[str]) -> dict[str, Measure]:
    """Every indicator that has a value for one of our territories, in the order of the directives."""
    series: dict[str, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    beside: dict[str, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    shown = ", ".join([ours, *map(literal, sorted(others))])
    for indicator, geo, *point in con.execute(f"""
        select indicator, geo, period, value, flag, reliability, break_before, numerator, denominator, ci_low, ci_high,
               coalesce(truncated, false), coalesce(provisional, false), dataset, snapshot_id
        from indicators where geo in ({shown}) order by indicator, geo, period""").fetchall():
        (beside if geo in others else series)[indicator][geo].append(Point(*point))
    inputs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(
        con,
        f"""select indicator, input_dataset as dataset, max(input_snapshot_id) as snapshot_id, max(input_period) as last
            from indicator_inputs where geo in ({ours}) group by all order by indicator, last desc, dataset""",
    ):
        inputs[row["indicator"]].append(row)
    defined = {row["indicator"]: row for row in rows(con, "from indicator_catalogue")}
    return {
        indicator: Measure(
            indicator,
            defined[indicator],
            dict(series[indicator]),
            inputs[indicator],
            dict(beside[indicator]),
        )
        for indicator in sorted(series, key=lambda id_: (DIRECTIVES.index(defined[id_]["directive"]), id_))
    }


def _targets(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Every version of every target, each with its `results`: the newest figure first, then milestones and target."""
    results: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in rows(con, "from target_results order by target_id, version, point <> 'latest', period"):
        results[row["target_id"], row["version"]].append(row)
    return [
        row | {"results": results[row["target_id"], row["version"]]}
        for row in rows(con, "from targets order by directive, target_id, version desc")
    ]


def _if_there(con: duckdb.DuckDBPyConnection, table: str, order: str) -> list[dict[str, Any]]:
    """The rows of a table; none in a release from before there was one."""
    known = rows(con, f"from duckdb_tables() where table_name = {literal(table)}")
    return rows(con, f"from {table} order by {order}") if known else []


def since(con: duckdb.DuckDBPyConnection, places: dict[str, Place], day: date) -> list[dict[str, Any]]:
    """What is otherwise now than it was known at the end of `day`, of the observations behind our indicators.

    Rows as in `Facts.changes`, without the moment; `kind` is changed, reflagged, added or deleted.
    """
    ours = ", ".join(literal(geo) for geo in places)
    end = f"((date '{day}' + interval 1 day)::timestamp at time zone {literal(timezone().key)})"
    # from `history` by the number of the series: the macro as_of() over all of Europe, twice, took ten times as long
    return rows(
        con,
        f"""
        with mine as (
            select distinct input_series as series, indicator as our_indicator, geo as our_geo
            from indicator_inputs where geo in ({ours})),
        known as (
            select h.series, h.period, h.value, h.flag, h.deleted, vintage, known_from
            from history h join vintages using (vintage) semi join mine using (series)),
        old as (
            from (from known where known_from < {end}
                  qualify row_number() over (partition by series, period order by vintage desc) = 1) where not deleted),
        new as (
            from (from known qualify row_number() over (partition by series, period order by vintage desc) = 1)
            where not deleted)
        select series, dataset, our_indicator as indicator, our_geo as geo, period, unit, s.indicator as input,
               a.value as old_value, n.value as value, a.flag as old_flag, n.flag as flag,
               case when a.series is null then 'added' when n.series is null then 'deleted'
                    when a.value is distinct from n.value then 'changed' else 'reflagged' end as kind
        from new n full join old a using (series, period) join mine using (series) join series s using (series)
        where a.series is null or n.series is null
           or a.value is distinct from n.value or a.flag is distinct from n.flag
        order by dataset, our_indicator, our_geo, period""",
    )


def _sector(con: duckdb.DuckDBPyConnection) -> list[Observation]:
    """The newest figure of the sector's tables without an indicator, for the seat, the region and the country."""
    datasets = [dataset for item in sector().items for dataset in item.observations]
    ours = territory()
    geos = [geo for geo in (ours.seat, ours.region, ours.country) if geo]
    rows = con.execute(f"""
        select dataset, indicator, geo, period, value, unit, flag from observations
        where dataset in ({", ".join(map(literal, datasets))}) and geo in ({", ".join(map(literal, geos))})
          and value is not null
        qualify row_number() over (partition by dataset, indicator, geo order by period desc) = 1
        order by dataset, indicator, list_position([{", ".join(map(literal, geos))}], geo)""").fetchall()
    return [Observation(*row) for row in rows]


def _quality(con: duckdb.DuckDBPyConnection, ours: str) -> QualityReport:
    """The quality report: the largest disagreements, our level's provisional bias, shares of our level of territory."""
    level = f"(select level from geography where geo = {literal(territory().region)})"
    return QualityReport(
        disagreements=rows(
            con, "from quality_disagreements order by abs(difference) desc, geo, period limit 20"
        ),
        disagreeing=rows(
            con,
            "select dataset, count(*) as cells, max(abs(difference)) as largest, "
            f"count(*) filter (geo in ({ours})) as of_ours from quality_disagreements group by dataset order by dataset",
        ),
        triangle=rows(
            con, "from revision_triangle order by dataset, indicator, period desc, revision limit 60"
        ),
        bias=rows(con, "from revision_bias order by dataset, indicator"),
        provisional=rows(
            con,
            f"from provisional_bias where geo_level = {level} "
            "qualify row_number() over (partition by indicator, dataset order by period desc) <= 4 "
            "order by indicator, period desc",
        ),
        coverage=rows(con, "from dataset_coverage order by figures = 0, dataset"),
        reliability=rows(
            con,
            f"""select indicator, sum(figures) as figures, coalesce(sum(share) filter (reliability = 'A'), 0) as a,
                coalesce(sum(share) filter (reliability = 'B'), 0) as b, coalesce(sum(share) filter (reliability = 'C'), 0) as c,
                coalesce(sum(share) filter (reliability = 'suppressed'), 0) as suppressed
                from reliability_shares where geo_level = {level} group by indicator order by indicator""",
        ),
    )


def _changes(con: duckdb.DuckDBPyConnection, ours: str) -> list[dict[str, Any]]:
    """The values of our indicators that changed from one release to the next, newest first."""
    return rows(
        con,
        f"select * from indicator_revisions where geo in ({ours}) "
        "order by revised_at desc, indicator, geo, period desc",
    )


def _versions(con: duckdb.DuckDBPyConnection, ours: str) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """By indicator, territory and period: every value as published with the moment, oldest first; those alone that were not
    there, or not as now, when the history of the indicators began."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows(
        con,
        f"""
        select indicator, geo, period, unit, value, flag, deleted, known_from
        from (select *, lag((value, flag, deleted)) over each as last from indicator_history
              where geo in ({ours}) window each as (partition by indicator, geo, period order by known_from))
        where last is null or last is distinct from (value, flag, deleted)
        qualify count(*) over (partition by indicator, geo, period) > 1
             or known_from > (select min(known_from) from indicator_history)
        order by indicator, geo, period, known_from""",
    ):
        found[row["indicator"], row["geo"], row["period"]].append(row)
    return dict(found)


def _tables(con: duckdb.DuckDBPyConnection, folder: Path) -> list[dict[str, Any]]:
    """Every published table and view: description, rows, and which files it has, with their bytes."""
    found = rows(
        con,
        "select table_name as name, comment as description from duckdb_tables() where not internal "
        "union all select view_name, comment from duckdb_views() where not internal order by name",
    )
    for row in found:
        row["rows"] = scalar(con, f"select count(*) from {row['name']}")
        row["files"] = [
            {"name": path.name, "ending": ending, "bytes": path.stat().st_size}
            for ending in ("csv", "csv.gz", "it.csv", "parquet")
            if (path := folder / f"{row['name']}.{ending}").exists()
        ]
    return found


def _labels(con: duckdb.DuckDBPyConnection, dimension: str) -> dict[str, dict[str, str]]:
    return {
        row["code"]: {"it": row["label_it"], "en": row["label_en"]}
        for row in rows(con, f"from codelists where dimension = {literal(dimension)}")
    }
