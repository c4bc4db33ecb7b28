"""Writes `site/` into a release's folder: every page in both languages, the pages' CSV files, the board sheet.

Belongs here: which pages there are and what each is given. Does not belong here: queries (`facts.py`), rules
(`findings.py`), geometry (`draw.py`) and words (`words.yml`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb

from assets.site import board, draw, findings
from assets.site.facts import DIRECTIVES, Facts, Measure, Place, Point, read, since
from assets.site.language import LANGUAGES, Language
from sources.common.sql import literal
from warehouse.publishing.release import Release, reading
from warehouse.reference.territory import territory

HERE = Path(__file__).parent
NAVIGATION = ("index", "indicators", "territories", "targets", "changes", "quality", "downloads")
MORE = ("calendar", "reading")
# the files of a release beside its tables, by what they are for; the words of each are `file.*`
FILES = {
    "whole": ("distretto.duckdb", "indicators.xlsx"),
    "explained": ("LEGGIMI.md", "README.md", "data_dictionary.md", "CITATION.cff"),
    "machines": ("datapackage.json", "csv-metadata.json", "catalog.ttl"),
    "followed": ("feed.xml", "feed.json"),
    "checked": ("release.json", "SHA256SUMS"),
}
# month ends with a page of their own, and days back to which any day can be chosen
MONTH_ENDS, DAYS_BACK = 12, 730
# columns of a page's table, and rows of its list of revisions
PERIODS, REVISIONS = 12, 40
# revised values that a page since a day lists
SINCE = 300
# our highest value as a share of the peers' highest, below which our lines get a chart of their own
PRESSED = 0.2


def render(release: Release) -> None:
    """Write the site of `release`, whose tables are built but which is not sealed yet, into its folder."""
    target = release.folder / "site"
    with reading(release) as con:
        facts = read(con, release.folder)
        (target / "data").mkdir(parents=True)
        for name in ("style.css", "site.js"):
            shutil.copy(HERE / "templates" / name, target / name)
        _write_csv(con, facts, target / "data")
        day = board.last_month_end(facts.release["built_at"].date())
        changed = since(con, facts.places, day)
    for code in LANGUAGES:
        folder, pages = target / code, Pages(facts, Language(code))
        folder.mkdir()
        for name, html in pages.all():
            (folder / f"{name}.html").write_text(html, encoding="utf-8")
        (folder / "since.js").write_text(pages.since_script(), encoding="utf-8")
        (folder / "board.pdf").write_bytes(board.sheet(pages, day, changed))
    (target / "index.html").write_text(_environment().get_template("door.html").render(), encoding="utf-8")


def board_sheet(release: Release, day: date, language: str) -> tuple[bytes, list[dict[str, Any]]]:
    """The board's sheet of a published release since `day` as PDF, and the rows that changed since."""
    with reading(release) as con:
        facts = read(con, release.folder)
        changed = since(con, facts.places, day)
    return board.sheet(Pages(facts, Language(language)), day, changed), changed


def _write_csv(con: duckdb.DuckDBPyConnection, facts: Facts, folder: Path) -> None:
    """The rows behind each indicator's page."""
    ours = ", ".join(literal(geo) for geo in facts.places)
    for measure in facts.measures:
        con.execute(
            f"copy (from indicators where indicator = {literal(measure)} and geo in ({ours}) order by geo, period) "
            f"to {literal(folder / f'{measure}.csv')} (format csv, header true)"
        )


@cache
def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Pages:
    """The pages of one language."""

    def __init__(self, facts: Facts, language: Language):
        self.facts, self.language = facts, language
        self.names: dict[str, str] = territory()["names"]
        self.common = {
            "L": language,
            "say": language.say,
            "facts": facts,
            "navigation": NAVIGATION,
            "more": MORE,
            "place_name": self.place_name,
            "names": lambda geos: ", ".join(map(self.place_name, geos)),
            "value": self.value,
            "unit_name": self.unit_name,
            "measured": self.measured,
            "territory": territory(),
            "counts": findings.COUNTS,
            "other": next(code for code in LANGUAGES if code != language.code),
        }

    def all(self) -> Iterator[tuple[str, str]]:
        """`(file name without ending, HTML)` of every page."""
        yield "index", self.page("index", "index", **self.home())
        yield "indicators", self.page("indicators", "indicators", **self.indicator_list())
        for measure in self.facts.measures.values():
            yield (
                f"indicator-{measure.id}",
                self.page("indicator", f"indicator-{measure.id}", **self.indicator(measure)),
            )
        yield "territories", self.page("territories", "territories", **self.territory_list())
        for place in self.facts.places.values():
            yield (
                f"territory-{place.geo}",
                self.page("territory", f"territory-{place.geo}", **self.territory(place)),
            )
        yield "targets", self.page("targets", "targets", **self.targets())
        yield "changes", self.page("changes", "changes", **self.changes())
        for day in self.month_ends:
            yield f"changes-{day}", self.page("since", f"changes-{day}", day=day, **self.since(day))
        yield "quality", self.page("quality", "quality", **self.quality())
        yield "calendar", self.page("calendar", "calendar", **self.calendar())
        yield "downloads", self.page("downloads", "downloads", groups=FILES)
        yield "reading", self.page("reading", "reading")

    def page(self, template: str, name: str, **given: Any) -> str:
        section = next(
            (
                entry
                for entry in (*NAVIGATION, *MORE)
                if name.startswith(entry.rstrip("s").removesuffix("ie"))
            ),
            "index",
        )
        drawn = _environment().get_template(f"{template}.html")
        return drawn.render(self.common, page=name, section=section, **given)

    # -- words for values

    def place_name(self, geo: str) -> str:
        place = self.facts.places.get(geo)
        return place.names[self.language.code] if place else geo

    def unit_name(self, unit: str) -> str:
        return self.label(self.facts.units, unit)

    def label(self, labels: dict[str, dict[str, str]], code: str) -> str:
        """What a code means, as in the middle of a sentence."""
        text = self.language.of(labels[code]) if code in labels else code
        return text[:1].lower() + text[1:] if text[1:2].islower() else text

    def measured(self, measure: Measure) -> str:
        """An indicator's title with its unit, where the title does not end with it."""
        title, unit = measure.title(self.language.code), self.unit_name(measure.unit)
        return title if title.endswith(f" {unit}") else f"{title}, {unit}"

    def value(self, point: Point | None, unit: str) -> str:
        return self.language.number(point.value if point else None, unit)

    def change(self, found: findings.Change) -> str:
        amount = self.language.delta(found.amount, found.unit) if found.amount is not None else ""
        since = self.language.period(found.since) if found.since else ""
        return self.language.say(f"change.{found.kind}", amount=amount, since=since)

    def finding(self, geo: str, points: list[Point], unit: str) -> str:
        """One sentence on the last value of `geo`: a title that its figures bear out."""
        last = findings.latest(points)
        if last is None:
            return f"{self.place_name(geo)}: {self.language.say('mark.missing')}"
        return self.language.say(
            f"finding.{findings.change(points, unit).kind}",
            place=self.place_name(geo),
            value=self.language.number(last.value, unit),
            period=self.language.period(last.period),
        )

    def course(self, geo: str, points: list[Point], unit: str) -> str:
        """The way from the first to the last value of the last comparable run."""
        runs = findings.segments(points)
        if not runs or len(runs[-1]) < 2:
            return self.language.say("chart.over_time")
        first, last = runs[-1][0], runs[-1][-1]
        return self.language.say(
            "finding.course",
            place=self.place_name(geo),
            first=self.language.period(first.period),
            last=self.language.period(last.period),
            old=self.value(first, unit),
            new=self.value(last, unit),
        )

    # -- parts

    def summary(self, measure: Measure, geo: str) -> dict[str, Any]:
        """An indicator in one row or card: last complete value, change, small line, reliability."""
        points = measure.complete(geo)
        found = findings.change(points, measure.unit)
        return {
            "measure": measure,
            "title": measure.title(self.language.code),
            "geo": geo,
            "last": (last := findings.latest(points)),
            "when": self.language.period(last.period) if last else "",
            "change": self.change(found),
            "kind": found.kind,
            "finding": self.finding(geo, points, measure.unit),
            "spark": draw.spark(measure.series.get(geo, [])),
        }

    def provinces(self, measure: Measure) -> dict[str, Any] | None:
        """The nine provinces in their last common period: map, sorted dots, title; None where none has a value."""
        geos = self.facts.geos("province")
        series = {geo: measure.complete(geo) for geo in self.facts.places}
        period = findings.common_period(series, geos)
        if period is None:
            return None
        ranked = findings.ranking(series, geos, period)
        shown = [r for r in ranked if r.point]
        firm = [r for r in shown if r.place]
        if len(firm) > 1:
            title = self.language.say(
                "finding.provinces",
                top=self.place_name(firm[0].geo),
                high=self.value(firm[0].point, measure.unit),
                bottom=self.place_name(firm[-1].geo),
                low=self.value(firm[-1].point, measure.unit),
            )
        else:
            title = self.language.say(
                "finding.provinces_one",
                top=self.place_name(shown[0].geo),
                high=self.value(shown[0].point, measure.unit),
            )
        count = measure.unit in findings.COUNTS
        reference = None
        if not count:
            reference = next(
                (p for p in series[self.facts.region] if p.period == period and p.value is not None), None
            )
        return {
            "title": title,
            "period": period,
            "ranked": ranked,
            "without": [r.geo for r in ranked if not r.point],
            "dots": self.dots(ranked, measure.unit, reference),
            "reference": reference,
            "map": self.map(measure, period, ranked) if self.facts.outlines else None,
            "count": count,
        }

    def dots(
        self, ranked: list[findings.Ranked], unit: str, reference: Point | None = None
    ) -> dict[str, Any]:
        """A dot plot's rows: positions in percent of a track that begins at zero where zero is not far."""
        values = {r.geo: r.point.value for r in ranked if r.point}
        if reference:
            values[""] = reference.value
        bounds = {
            r.geo: (r.point.ci_low, r.point.ci_high)
            for r in ranked
            if r.point and r.point.ci_low is not None and r.point.ci_high is not None
        }
        ends = [end for pair in bounds.values() for end in pair]
        axis = draw.scale([*values.values(), *ends], zero=unit in findings.COUNTS)
        at = draw.strip(values, axis.low, axis.high)
        low, high = (
            draw.strip({geo: pair[side] for geo, pair in bounds.items()}, axis.low, axis.high)
            for side in (0, 1)
        )
        spans = {geo: (low[geo], round(high[geo] - low[geo], 1)) for geo in bounds}
        return {"at": at, "from_zero": axis.low == 0, "low": axis.low, "high": axis.high, "spans": spans}

    def map(self, measure: Measure, period: str, ranked: list[findings.Ranked]) -> dict[str, Any]:
        """The provinces' map: classes for rates, circles for counts."""
        laid = self.layout
        values = {r.geo: r.point.value for r in ranked if r.point}
        if measure.unit in findings.COUNTS:
            most = max(values.values()) or 1
            marks = {geo: round(85 * (max(value, 0) / most) ** 0.5, 1) for geo, value in values.items()}
            return {"laid": laid, "circles": marks, "classes": {}, "legend": [], "values": values}
        over_time = [
            p.value
            for geo in self.facts.geos("province")
            for p in measure.complete(geo)
            if p.value is not None
        ]
        breaks = findings.class_breaks(over_time)
        classes = {geo: sum(value >= edge for edge in breaks) for geo, value in values.items()}
        edges = [None, *breaks, None]
        # few classes take the middle of the palette's range, so that one class is not drawn as nothing
        shift = 0 if len(breaks) > 2 else 1
        legend = [{"shade": i + shift, "from": edges[i], "to": edges[i + 1]} for i in range(len(breaks) + 1)]
        return {
            "laid": laid,
            "circles": {},
            "classes": {geo: found + shift for geo, found in classes.items()},
            "legend": legend,
            "values": values,
        }

    @cached_property
    def mapped(self) -> Measure | None:
        """The indicator of the first map: a rate of the provinces, best one that a target is about."""
        aimed = {target["indicator"] for target in self.standing}
        rates = [
            measure
            for measure in self.facts.measures.values()
            if measure.unit not in findings.COUNTS and self.provinces(measure)
        ]
        return min(rates, key=lambda measure: measure.id not in aimed, default=None)

    @cached_property
    def layout(self) -> draw.Map:
        """The provinces' outlines, the seat's last, so that its border lies on top."""
        ordered = dict(sorted(self.facts.outlines.items(), key=lambda item: item[0] == self.facts.seat))
        return draw.province_map(ordered)

    def comparison(self, measure: Measure) -> dict[str, Any] | None:
        """Our region among the territories of its level, in their last common period, from the highest."""
        region, geos = (
            self.facts.region,
            [
                place.geo
                for place in self.facts.places.values()
                if place.role == "peer" and place.level == self.facts.places[self.facts.region].level
            ],
        )
        series = {geo: measure.complete(geo) for geo in [region, *geos]}
        own = findings.latest(series[region])
        if own is None:
            return None
        ranked = [r for r in findings.ranking(series, [region, *geos], own.period) if r.point]
        if len(ranked) < 2:
            return None
        mine = next(r for r in ranked if r.geo == region)
        title = (
            self.language.say(
                "finding.rank",
                place=self.place_name(region),
                rank=self.language.ordinal(mine.place),
                among=mine.among,
            )
            if mine.place
            else self.language.say("finding.rank_none", period=self.language.period(own.period))
        )
        return {
            "title": title,
            "period": own.period,
            "ranked": ranked,
            "dots": self.dots(ranked, measure.unit),
            "mine": mine,
        }

    def plot(self, measure: Measure, peers: bool = True) -> draw.Plot | None:
        """Our region and its seat, the country and, in grey, the territories to compare with."""
        roles = {self.facts.region: "region"}
        if self.facts.seat:
            roles[self.facts.seat] = "seat"
        roles[self.facts.country] = "country"
        if peers:
            roles |= {peer: "peer" for peer in self.facts.geos("peer")}
        indexed = measure.unit in findings.COUNTS
        aims = [] if indexed else [t for t in self.standing if t["indicator"] == measure.id]
        return draw.lines_plot(measure.series, roles, measure.until, indexed, aims)

    def closeup(self, measure: Measure) -> draw.Plot | None:
        """The same without peers, where these press our lines down to the axis."""
        of = {geo: [p.value for p in points if p.value is not None] for geo, points in measure.series.items()}
        ours, theirs = (
            of.get(self.facts.region),
            [v for geo in self.facts.geos("peer") for v in of.get(geo, [])],
        )
        if measure.unit in findings.COUNTS or not ours or not theirs or max(ours) > PRESSED * max(theirs):
            return None
        return self.plot(measure, peers=False)

    @cached_property
    def standing(self) -> list[dict[str, Any]]:
        """The targets that stand: not superseded, not withdrawn."""
        return [t for t in self.facts.targets if not t["superseded_by"] and t["stage"] != "withdrawn"]

    def undrawn_title(self, indicator: str) -> str:
        """Of an indicator without a page: one of the district's own figures, or one that has no value here."""
        if indicator in self.facts.figures:
            return self.language.of(self.facts.figures[indicator])
        titles = {row["indicator"]: row[f"title_{self.language.code}"] for row in self.facts.undrawn}
        return titles.get(indicator, indicator)

    def target(self, target: dict[str, Any]) -> dict[str, Any]:
        """A target with its newest result, its indicator's title and a chart of the way to it."""
        measure = self.facts.measures.get(target["indicator"])
        geo = target["geo"]
        role = "seat" if geo == self.facts.seat else "region"
        series = {geo: measure.series[geo]} if measure and geo in measure.series else {}
        return {
            "target": target,
            "measure": measure,
            "title": measure.title(self.language.code)
            if measure
            else self.undrawn_title(target["indicator"]),
            "now": target["results"][0],
            "plot": draw.lines_plot(series, {geo: role}, measure.until, targets=[target]) if series else None,
        }

    def origins(self, measure: Measure) -> list[dict[str, Any]]:
        """The sources of an indicator, each once, with the latest snapshot used."""
        found = {}
        for row in measure.inputs:
            entry, snapshot = self.facts.catalogue[row["dataset"]], self.facts.snapshots[row["snapshot_id"]]
            address = re.search(r"https?://\S+", entry["citation"])
            archived = re.search(r"archived by (\d{4}-\d\d-\d\d)", snapshot["note"] or "")
            found[row["dataset"]] = {
                "entry": entry,
                "snapshot": snapshot,
                "address": address.group().rstrip(".,;") if address else None,
                "archived": archived.group(1) if archived else None,
            }
        return list(found.values())

    # -- pages

    def targets(self) -> dict[str, Any]:
        views = [self.target(target) for target in self.standing]
        return {
            "groups": [
                (directive, [view for view in views if view["target"]["directive"] == directive])
                for directive in DIRECTIVES
            ],
            "earlier": [t for t in self.facts.targets if t not in self.standing],
            "statuses": {
                status: sum(view["now"]["status"] == status for view in views) for status in findings.STATUSES
            },
        }

    def home(self) -> dict[str, Any]:
        by_directive: dict[str, list[Measure]] = {directive: [] for directive in DIRECTIVES}
        for measure in self.facts.measures.values():
            if findings.latest(measure.complete(self.facts.region)):
                by_directive[measure.directive].append(measure)
        leads = [
            indicator["id"] for headline in territory()["headlines"] for indicator in headline["indicators"]
        ]
        headlines = [
            self.summary(self.facts.measures[id_], self.facts.region)
            for id_ in leads
            if id_ in self.facts.measures
            and findings.latest(self.facts.measures[id_].complete(self.facts.region))
        ]
        cards = []
        for directive, measures in by_directive.items():
            aims = [t for t in self.standing if t["directive"] == directive and self.target(t)["measure"]]
            measures.sort(key=lambda m: (leads.index(m.id) if m.id in leads else len(leads), m.id))
            lead, aim = None, None
            if aims:
                aim = aims[0]
                lead = self.summary(self.facts.measures[aim["indicator"]], aim["geo"])
            elif measures:
                lead = self.summary(measures[0], self.facts.region)
            cards.append(
                {
                    "directive": directive,
                    "lead": lead,
                    "target": aim,
                    "proxy": bool(lead and lead["measure"].header["proxy_for"]),
                    "others": [m for m in measures if lead is None or m is not lead["measure"]],
                }
            )
        newest = max((v["known_from"] for v in self.facts.vintages), default=None)
        night = [v for v in self.facts.vintages if newest and newest - v["known_from"] < timedelta(hours=12)]
        return {
            "headlines": headlines,
            "cards": cards,
            "mapped": self.mapped,
            "provinces": self.provinces(self.mapped) if self.mapped else None,
            "night": night,
            "revised": [c for c in self.facts.changes if c["release_id"] == self.facts.release["release_id"]][
                :8
            ],
        }

    def indicator_list(self) -> dict[str, Any]:
        rows = [self.summary(measure, self.facts.region) for measure in self.facts.measures.values()]
        for row in rows:
            if row["last"] is None:
                geo = next(iter(row["measure"].series))
                row |= self.summary(row["measure"], geo)
        return {
            "groups": [
                (directive, [row for row in rows if row["measure"].directive == directive])
                for directive in DIRECTIVES
                if any(row["measure"].directive == directive for row in rows)
            ],
            "empty": self.facts.undrawn,
        }

    def indicator(self, measure: Measure) -> dict[str, Any]:
        region = self.facts.region
        geo = region if region in measure.series else next(iter(measure.series))
        periods = sorted(
            {p.period for geo in self.facts.places for p in measure.series.get(geo, [])}, reverse=True
        )
        table = [
            (
                place,
                {p.period: p for p in measure.series[place.geo]},
            )
            for place in self.facts.places.values()
            if place.geo in measure.series
        ]
        listed = [
            point for _, points in table for period in periods[:PERIODS] if (point := points.get(period))
        ]
        return {
            "measure": measure,
            "title": measure.title(self.language.code),
            "summary": self.summary(measure, geo),
            "course": self.course(geo, measure.complete(geo), measure.unit),
            "plot": self.plot(measure),
            "closeup": self.closeup(measure),
            "columns": draw.columns_plot(measure.series.get(geo, []))
            if measure.unit in findings.COUNTS
            else None,
            "geo": geo,
            "provinces": self.provinces(measure),
            "comparison": self.comparison(measure),
            "periods": periods[:PERIODS],
            "table": table,
            # what the table's letters and rules mean
            "marks": {
                "flags": [
                    (letter, self.label(self.facts.flags, letter))
                    for letter in sorted({letter for point in listed for letter in point.flag or ""})
                ],
                "unknown": any(point.flag is None and point.value is not None for point in listed),
                "broken": any(point.break_before for point in listed),
            },
            "origins": self.origins(measure),
            "revisions": [c for c in self.facts.changes if c["indicator"] == measure.id][:REVISIONS],
            "warnings": [
                (row["dataset"], warning)
                for row in measure.inputs
                for warning in self.facts.catalogue[row["dataset"]]["warnings"]
            ],
        }

    def territory_list(self) -> dict[str, Any]:
        lead = self.mapped
        return {
            "lead": lead,
            "rows": [
                (place, self.summary(lead, place.geo) if lead else None)
                for place in self.facts.places.values()
            ],
            "provinces": self.provinces(lead) if lead else None,
        }

    def territory(self, place: Place) -> dict[str, Any]:
        rows = []
        for measure in self.facts.measures.values():
            summary = self.summary(measure, place.geo)
            if not summary["last"]:
                continue
            period = summary["last"].period
            geos = (
                self.facts.geos("province")
                if place.role == "province"
                else [
                    other.geo
                    for other in self.facts.places.values()
                    if other.role in ("region", "peer") and other.level == place.level
                ]
            )
            series = {geo: measure.complete(geo) for geo in geos}
            mine = next((r for r in findings.ranking(series, geos, period) if r.geo == place.geo), None)
            region = next((p for p in measure.series.get(self.facts.region, []) if p.period == period), None)
            among = "place.rank_provinces" if place.role == "province" else "place.rank_peers"
            rows.append(summary | {"rank": mine, "among": among, "region": region})
        return {
            "place": place,
            "kind": self.facts.outlines.get(place.geo, {}).get("properties", {}).get("tipo"),
            "groups": [
                (directive, [row for row in rows if row["measure"].directive == directive])
                for directive in DIRECTIVES
                if any(row["measure"].directive == directive for row in rows)
            ],
            "without": [
                m for m in self.facts.measures.values() if not findings.latest(m.complete(place.geo))
            ],
            "layout": self.layout if place.role == "province" and self.facts.outlines else None,
        }

    def changes(self) -> dict[str, Any]:
        return {
            "rows": self.facts.changes[:300],
            "all": len(self.facts.changes),
            "first": self.first_day,
            "last": self.today,
            "month_ends": self.month_ends,
        }

    @cached_property
    def today(self) -> date:
        return date.fromisoformat(self.language.iso(self.facts.release["built_at"]))

    @cached_property
    def first_day(self) -> date:
        """The first day whose end the pages can look back to."""
        begins = date.fromisoformat(self.language.iso(self.facts.begins))
        return max(begins, self.today - timedelta(days=DAYS_BACK))

    @cached_property
    def month_ends(self) -> list[date]:
        """The last month ends at which something was known, newest first."""
        found, day = [], board.last_month_end(self.today)
        while day >= self.first_day and len(found) < MONTH_ENDS:
            found.append(day)
            day = board.last_month_end(day)
        return found

    def as_published(self, version: dict[str, Any]) -> str:
        """A version of a value with its flag."""
        text = self.language.number(version["value"], version["unit"])
        return f"{text} {version['flag']}" if version["flag"] else text

    def since(self, day: date) -> dict[str, Any]:
        """What of our indicators is otherwise in this release than it was known at the end of `day`.

        `revised`: rows of what was known and changed or went; `entered`: by indicator, what was not known.
        """
        revised, entered = [], {}
        for (indicator, geo, period), versions in self.facts.versions.items():
            known = [v for v in versions if self.language.iso(v["known_from"]) <= day.isoformat()]
            then, now = known[-1] if known else None, versions[-1]
            if then is None or then["deleted"]:
                if not now["deleted"]:
                    entered.setdefault(indicator, []).append(period)
            elif now["deleted"] or (then["value"], then["flag"]) != (now["value"], now["flag"]):
                revised.append(
                    {
                        "indicator": indicator,
                        "geo": geo,
                        "period": period,
                        "then": self.as_published(then),
                        "now": self.language.say("changes.withdrawn")
                        if now["deleted"]
                        else self.as_published(now),
                    }
                )
        return {
            "revised": revised[:SINCE],
            "unlisted": max(len(revised) - SINCE, 0),
            "entered": [(id_, len(periods), min(periods), max(periods)) for id_, periods in entered.items()],
        }

    def since_script(self) -> str:
        """The versions that `since` looks at as a script, for `site.js` to do the same for any day.

        `revised`: indicator, territory, period and versions [day, number of the version, text; null where withdrawn];
        `entered`: of the values with one version, by indicator and day, count, first and last period.
        """
        revised: list[list[Any]] = []
        entered: dict[tuple[str, str], list[str]] = {}
        for (indicator, geo, period), versions in self.facts.versions.items():
            days = [self.language.iso(v["known_from"]) for v in versions]
            if len(versions) == 1:
                entered.setdefault((indicator, days[0]), []).append(period)
                continue
            numbers: dict[tuple[Any, ...], int] = {}
            told = [
                [
                    day,
                    numbers.setdefault((v["value"], v["flag"], v["deleted"]), len(numbers)),
                    None if v["deleted"] else self.as_published(v),
                ]
                for day, v in zip(days, versions, strict=True)
            ]
            revised.append([indicator, geo, period, told])
        known = {row[0] for row in revised} | {indicator for indicator, _ in entered}
        periods = {row[2] for row in revised} | {p for listed in entered.values() for p in listed}
        given = {
            "indicators": {
                id_: self.facts.measures[id_].title(self.language.code)
                for id_ in sorted(known & set(self.facts.measures))
            },
            "places": {geo: self.place_name(geo) for geo in sorted({row[1] for row in revised})},
            "periods": {period: self.language.period(period) for period in sorted(periods)},
            "revised": revised,
            "entered": [
                [indicator, day, len(listed), min(listed), max(listed)]
                for (indicator, day), listed in entered.items()
            ],
        }
        return f"var SINCE = {json.dumps(given, ensure_ascii=False, separators=(',', ':'))};\n"

    def quality(self) -> dict[str, Any]:
        breaks: dict[tuple[str, str], list[str]] = {}
        for measure in self.facts.measures.values():
            for geo, points in measure.series.items():
                for point in points:
                    if point.break_before:
                        breaks.setdefault((measure.id, point.period), []).append(geo)
        return {
            "breaks": breaks,
            "refused": [s for s in self.facts.snapshots.values() if s["outcome"] == "refused"],
            "failed": [check for check in self.facts.checks if not check["passed"]],
        }

    def calendar(self) -> dict[str, Any]:
        rows = []
        for entry in self.facts.catalogue.values():
            late = None
            if entry["status"] == "live" and entry["provider_updated_at"] and entry["late_after_days"]:
                late = entry["provider_updated_at"] + timedelta(days=entry["late_after_days"])
            rows.append(entry | {"late_from": late})
        rows.sort(key=lambda row: (row["late_from"] is None, row["late_from"] or row["dataset"]))
        return {
            "open": [row for row in rows if row["status"] == "live"],
            "frozen": [row for row in rows if row["status"] != "live"],
        }
