"""One figure as it was known at a moment, beside what is known today: what a permanent address of a figure answers.

Belongs here: reading the versions of a figure from a release's history, and comparing two of them. Does not belong here:
which code a name means (`resolve.py`), texts and addresses of a figure (`citation.py`), and its inputs (`provenance.py`).

"Known then" is what `indicators_as_of` and `as_of` answer: of an indicator what the last release until then had published, of
a provider's observation what had been accepted until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

import duckdb

from sources.common.periods import Period
from sources.common.sql import identifier, literal, rows, scalar
from sources.errors import InvalidPeriod, NoSuchFigure
from warehouse.publishing.resolve import Known

# not_yet_known: history had no value then. withdrawn: there was none then any more, or there is none today.
# replaced: bundled figures gave way to the provider's own. reflagged: the same value, other flag or reliability.
Status = Literal["current", "revised", "replaced", "reflagged", "withdrawn", "not_yet_known"]
# of periods and territories listed in a message
_MOST_LISTED = 12


@dataclass(frozen=True)
class Version:
    """A figure as it was known from `known_from` until its next version. A `deleted` one says that there was none."""

    known_from: datetime
    deleted: bool
    value: float | None
    unit: str
    flag: str | None
    dataset: str
    snapshot_id: str | None
    bundled: bool
    reliability: str | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    ci_method: str | None = None
    numerator: float | None = None
    denominator: float | None = None
    break_before: bool = False
    truncated: bool = False
    provisional: bool = False
    derived: bool = False
    method_version: str | None = None
    release_id: str | None = None

    def differs(self, other: Version) -> bool:
        """Whether the values differ by more than sums of several threads may."""
        if self.value is None or other.value is None:
            return (self.value is None) != (other.value is None)
        return abs(self.value - other.value) > 1e-12 * max(abs(self.value), abs(other.value))


@dataclass(frozen=True)
class Origin:
    """Where a version came from: dataset and snapshot, with what a citation needs."""

    dataset: str
    title_it: str | None
    title_en: str | None
    provider: str | None
    provider_title: str | None
    provider_code: str | None
    licence: str | None
    licence_url: str | None
    citation: str | None
    snapshot_id: str | None
    sha256: str | None
    url: str | None
    retrieved_at: datetime | None
    provider_updated_at: datetime | None


@dataclass(frozen=True)
class Expected:
    """How far figures of a dataset moved in one year of their life, in percent of the first value (`expected_revisions`).

    `usual_pct`: half of the figures moved by less; `high_pct`: nine in ten moved by less.
    """

    year_of_life: int
    periods: int
    usual_pct: float
    high_pct: float


@dataclass(frozen=True)
class Figure:
    """One figure of a territory and period, `then` and `today`; both None-able: nothing was, or is, known.

    `dimensions`: of a provider's observation the codes that tell it from its siblings; empty for an indicator.
    `origin`: of the version at the moment asked for, or else of the first.
    `revised_at`: when the first version came that differs from `then` as `status` says. `versions`: all, oldest first.
    `expected`: the revisions that a provisional figure has still to expect, as far as enough of them were seen.
    """

    indicator: str
    geo: str
    period: str
    kind: Literal["indicator", "observation"]
    dimensions: dict[str, str]
    status: Status
    then: Version | None
    today: Version | None
    revised_at: datetime | None
    versions: tuple[Version, ...]
    origin: Origin
    expected: tuple[Expected, ...]

    @property
    def known_since(self) -> datetime:
        """When the history first had a version of this figure."""
        return self.versions[0].known_from


@dataclass(frozen=True)
class Answer:
    """The figures that GEO/INDICATOR/PERIOD names, as known at `as_of`.

    `final`: no later release can change what was known then. `release_id`, `built_at`: the release whose history was asked,
    which is the newest. `history_since`: before this moment the history knows nothing of the indicator, or
    of the dataset. Titles and names are those of today, the code where there is none.
    """

    indicator: str
    geo: str
    period: str
    as_of: datetime
    final: bool
    release_id: str
    built_at: datetime
    history_since: datetime
    title_it: str
    title_en: str
    name_it: str
    name_en: str
    figures: tuple[Figure, ...]


def look_up(
    con: duckdb.DuckDBPyConnection,
    known: Known,
    territory: str,
    indicator: str,
    period: str,
    as_of: datetime | None = None,
    shown: datetime | None = None,
) -> Answer:
    """The figures that TERRITORY/INDICATOR/PERIOD names, by code or name, as known at `as_of` (default: today).

    `con` reads the newest release, whose history has that of all earlier ones; `shown` is the moment of the release that is
    shown today, where that is an earlier one (a rollback). Raises NoSuchFigure, which names the part that is missing.
    """
    geos = known.geos(territory)
    code = known.indicator(indicator)
    try:
        text = Period.parse(period).text
    except InvalidPeriod:
        raise no_such_period(con, geos, code, period) from None
    # the moment in the id has no fraction of a second, and figures may have come within that second
    release_id, built_at = con.execute(
        "select release_id, greatest(built_at, known_until) from release"
    ).fetchall()[0]
    today = shown or built_at
    moment = as_of or today
    for geo in geos:
        found = _indicator(con, code, geo, text, moment, today) or _observations(
            con, code, geo, text, moment, today
        )
        if found:
            return Answer(
                code,
                geo,
                text,
                moment,
                moment <= built_at,
                release_id,
                built_at,
                _history_since(con, found[0]),
                *_titles(con, code),
                *_names(con, geo),
                tuple(found),
            )
    raise no_such_period(con, geos, code, text)


def version_at(versions: Sequence[Version], moment: datetime) -> Version | None:
    """The version in force at `moment`; `versions` are in order. None before the first."""
    return next((one for one in reversed(versions) if one.known_from <= moment), None)


def compare(versions: Sequence[Version], moment: datetime, today: datetime) -> tuple[Status, datetime | None]:
    """What became of the version at `moment` until `today`, and when that began."""
    then, now = version_at(versions, moment), version_at(versions, today)
    if then is None:
        return "not_yet_known", None
    if then.deleted:
        return "withdrawn", then.known_from
    since = [one for one in versions if then.known_from < one.known_from <= today]
    # also where an earlier release is shown, after a rollback: nothing came after `then`
    if now is None or now.known_from <= then.known_from:
        return "current", None
    if now.deleted:
        return "withdrawn", next(one.known_from for one in since if one.deleted)
    if now.differs(then):
        at = next(one for one in since if one.deleted or one.differs(then))
        return ("replaced" if then.bundled and not at.bundled else "revised"), at.known_from
    if (now.flag, now.reliability) != (then.flag, then.reliability):
        changed = (one for one in since if (one.flag, one.reliability) != (then.flag, then.reliability))
        return "reflagged", next(changed).known_from
    return "current", None


def changes(versions: Sequence[Version]) -> list[tuple[Version, Version]]:
    """Consecutive versions of which the later one has another value, or none, or is back."""
    return [(a, b) for a, b in pairwise(versions) if a.deleted != b.deleted or a.differs(b)]


def no_such_period(
    con: duckdb.DuckDBPyConnection, geos: Sequence[str], indicator: str, period: str
) -> NoSuchFigure:
    """The error that says that the period is missing and which there are; or, without any, that the territory is."""
    figures = f"""
        (select geo, period from indicator_history where not deleted and indicator = {literal(indicator)}
         union select s.geo, h.period from history h join series s using (series)
               where not h.deleted and s.indicator = {literal(indicator)})"""
    for geo in geos:
        found = con.execute(f"select period from {figures} where geo = {literal(geo)} order by 1")
        if periods := [text for (text,) in found.fetchall()]:
            listed = (
                ", ".join(periods)
                if len(periods) <= _MOST_LISTED
                else f"{periods[0]} to {periods[-1]}, {len(periods)} in all"
            )
            return NoSuchFigure(
                f"There is no {indicator} of {_names(con, geo)[1]} ({geo}) for {period}.",
                hint=f"there are these periods: {listed}.",
                near=periods[-_MOST_LISTED:],
            )
    others = [geo for (geo,) in con.execute(f"select distinct geo from {figures} order by 1").fetchall()]
    more = len(others) - _MOST_LISTED
    listed = ", ".join(others[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
    return NoSuchFigure(
        f"There is no {indicator} of {_names(con, geos[0])[1]} ({geos[0]}) for any period.",
        hint=f"there are figures of {listed}.",
        near=others[:_MOST_LISTED],
    )


def _indicator(
    con: duckdb.DuckDBPyConnection, indicator: str, geo: str, period: str, moment: datetime, today: datetime
) -> list[Figure]:
    # literals: given parameters DuckDB imports pandas
    found = rows(
        con,
        f"""
        select h.known_from, h.deleted, h.value, h.unit, h.flag, h.dataset, h.snapshot_id,
               coalesce(s.origin = 'shipped', false) as bundled, h.reliability, h.ci_low, h.ci_high, h.ci_method,
               h.numerator, h.denominator, h.break_before, h.truncated, h.provisional, h.derived, h.method_version,
               h.release_id
        from indicator_history h left join snapshots s using (snapshot_id)
        where h.indicator = {literal(indicator)} and h.geo = {literal(geo)} and h.period = {literal(period)}
        order by h.known_from""",
    )
    versions = [Version(**row) for row in found]
    return (
        [_figure(con, indicator, geo, period, "indicator", {}, versions, moment, today)] if versions else []
    )


def _observations(
    con: duckdb.DuckDBPyConnection, indicator: str, geo: str, period: str, moment: datetime, today: datetime
) -> list[Figure]:
    own = {"series", "dataset", "indicator", "geo", "unit"}
    names = [name for name, *_ in con.execute("describe series").fetchall() if name not in own]
    dimensions = ", ".join(f"s.{identifier(name)}" for name in names)
    found = rows(
        con,
        f"""
        select s.series, {dimensions}, v.known_from, h.deleted, h.value, s.unit, h.flag, s.dataset, v.snapshot_id,
               coalesce(n.origin = 'shipped', false) as bundled,
               contains(coalesce(h.flag, ''), 'b') as break_before, contains(coalesce(h.flag, ''), 'p') as provisional
        from (select * from history where period = {literal(period)} and series in (
                  select series from series where indicator = {literal(indicator)} and geo = {literal(geo)})) h
        join series s using (series) join vintages v using (vintage) left join snapshots n using (snapshot_id)
        order by s.dataset, s.series, h.vintage""",
    )
    series: dict[int, tuple[dict[str, str], list[Version]]] = {}
    for row in found:
        codes = {name: row.pop(name) for name in names}
        _, versions = series.setdefault(
            row.pop("series"), ({name: code for name, code in codes.items() if code is not None}, [])
        )
        versions.append(Version(**row))
    return [
        _figure(con, indicator, geo, period, "observation", codes, versions, moment, today)
        for codes, versions in series.values()
    ]


def _figure(
    con: duckdb.DuckDBPyConnection,
    indicator: str,
    geo: str,
    period: str,
    kind: Literal["indicator", "observation"],
    dimensions: dict[str, str],
    versions: list[Version],
    moment: datetime,
    today: datetime,
) -> Figure:
    status, at = compare(versions, moment, today)
    then, now = version_at(versions, moment), version_at(versions, today)
    then, now = (one if one and not one.deleted else None for one in (then, now))
    return Figure(
        indicator,
        geo,
        period,
        kind,
        dimensions,
        status,
        then,
        now,
        at,
        tuple(versions),
        # stays the same whatever comes later
        _origin(con, version_at(versions, moment) or versions[0]),
        _expected(con, now, period) if now and now.provisional else (),
    )


def _origin(con: duckdb.DuckDBPyConnection, version: Version) -> Origin:
    found: list[dict[str, Any]] = rows(
        con,
        f"""
        select d.dataset, c.title_it, c.title_en, c.provider, c.provider_title, c.provider_code,
               coalesce(c.licence, s.licence) as licence, c.licence_url, c.citation,
               s.snapshot_id, s.sha256, s.url, s.fetched_at as retrieved_at, s.provider_updated_at
        from (select {literal(version.dataset)} as dataset) d left join catalogue c using (dataset)
        left join snapshots s on s.snapshot_id = {literal(version.snapshot_id or "")}""",
    )
    return Origin(**found[0])


def _expected(con: duckdb.DuckDBPyConnection, version: Version, period: str) -> tuple[Expected, ...]:
    return still_expected(expectations(con).get(version.dataset, []), period)


def expectations(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[int, Expected]]]:
    """By dataset, its last year and what was seen of revisions, a pair for each year of life that enough is known of."""
    found: dict[str, list[tuple[int, Expected]]] = {}
    for dataset, last_year, *row in con.execute("""
        select dataset, left(last_period, 4)::integer, year_of_life, periods, median_abs_pct, high_abs_pct
        from expected_revisions join dataset_coverage using (dataset)
        where median_abs_pct is not null order by dataset, year_of_life""").fetchall():
        found.setdefault(dataset, []).append((last_year, Expected(*row)))
    return found


def published_since(
    con: duckdb.DuckDBPyConnection, geos: Sequence[str]
) -> dict[tuple[str, str, str], tuple[datetime, str]]:
    """Since when, and by which release, each indicator of `geos` is published as it is: by indicator, territory, period."""
    found = con.execute(f"""
        select indicator, geo, period, max(known_from), max_by(release_id, known_from) from indicator_history
        where geo in ({", ".join(map(literal, geos))}) group by indicator, geo, period""")
    return {
        (indicator, geo, period): (at, release) for indicator, geo, period, at, release in found.fetchall()
    }


def still_expected(seen: Sequence[tuple[int, Expected]], period: str) -> tuple[Expected, ...]:
    """What a figure of `period` has still to expect, of the `expectations` of its dataset."""
    return tuple(one for last_year, one in seen if one.year_of_life > last_year - int(period[:4]))


def _history_since(con: duckdb.DuckDBPyConnection, figure: Figure) -> datetime:
    """When the history begins: of indicators with the first release that kept one, of a dataset with its first figures."""
    if figure.kind == "indicator":
        return scalar(con, "select min(known_from) from indicator_history")
    return scalar(
        con,
        f"select min(known_from) from vintages where dataset = {literal(figure.versions[0].dataset)}",
    )


def _titles(con: duckdb.DuckDBPyConnection, indicator: str) -> tuple[str, str]:
    found = con.execute(f"""
        select title_it, title_en from indicator_catalogue where indicator = {literal(indicator)}
        union all (select label_it, label_en from codelists where code = {literal(indicator)}
                   order by dimension <> 'indicator', dimension)""").fetchone()
    it, en = found or (None, None)
    return it or en or indicator, en or it or indicator


def _names(con: duckdb.DuckDBPyConnection, geo: str) -> tuple[str, str]:
    found = con.execute(f"select name_it, name_en from geography where geo = {literal(geo)}").fetchone()
    it, en = found or (None, None)
    return it or en or geo, en or it or geo
