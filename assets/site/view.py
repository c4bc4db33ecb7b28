"""One language's view of the facts: names, values and statements as pages and the board sheet write them.

Belongs here: formatting that more than one page needs. Does not belong here: chart panels (`panels.py`), what a single
page shows (`pages/`), words (`messages.yml`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from assets.site import charts, series
from assets.site.language import LANGUAGES, Language
from assets.site.queries import Facts, Measure, Point
from sources.common.units import unit_or_unknown
from warehouse.publishing.headlines import change_words
from warehouse.reference.period_notes import period_notes
from warehouse.reference.territory import territory
from warehouse.statistics.ranking import Rank

# month ends with a page of their own, and days back to which any day can be chosen
MONTH_ENDS, DAYS_BACK = 12, 730


def last_month_end(today: date) -> date:
    """The last day of the month before `today`."""
    return today.replace(day=1) - timedelta(days=1)


@dataclass(frozen=True)
class Summary:
    """An indicator of one territory in a row or card: last complete value, change and small line."""

    measure: Measure
    title: str
    geo: str
    last: Point | None
    when: str
    change: str
    kind: str
    certain: bool
    finding: str
    # what a reader has to know of the period, and of the one it is compared with
    notes: list[str]
    spark: charts.Spark | None


class View:
    """The facts of a release in one language."""

    def __init__(self, facts: Facts, language: Language):
        self.facts, self.language = facts, language
        self.names: dict[str, str] = territory().names.model_dump()

    @property
    def other(self) -> str:
        """The code of the other language."""
        return next(code for code in LANGUAGES if code != self.language.code)

    # -- words for codes and values

    def place_name(self, geo: str) -> str:
        """The name of one of our territories or of our country's; the code of any other."""
        place = self.facts.places.get(geo)
        names = place.names if place else self.facts.other_names.get(geo)
        return self.language.of(names) if names else geo

    def place_names(self, geos: list[str]) -> str:
        return ", ".join(map(self.place_name, geos))

    def unit_name(self, unit: str) -> str:
        text = str(getattr(unit_or_unknown(unit).label, self.language.code))
        return text[:1].lower() + text[1:] if text[1:2].islower() else text

    def label(self, labels: dict[str, dict[str, str]], code: str) -> str:
        """What a code means, as in the middle of a sentence."""
        text = self.language.of(labels[code]) if code in labels else code
        return text[:1].lower() + text[1:] if text[1:2].islower() else text

    def measured(self, measure: Measure) -> str:
        """An indicator's title with its unit, where the title does not end with it."""
        title, unit = measure.title(self.language.code), self.unit_name(measure.unit)
        return title if title.endswith(f" {unit}") else f"{title}, {unit}"

    def value(self, point: Point | None, unit: str) -> str:
        """A value with its unit's sign; "n/a" where there is none."""
        return self.language.number(point.value if point else None, unit)

    def undrawn_title(self, indicator: str) -> str:
        """The title of an indicator without a page: an own figure of the district, or one without a value here."""
        if indicator in self.facts.figures:
            return self.language.of(self.facts.figures[indicator])
        titles = {row["indicator"]: row[f"title_{self.language.code}"] for row in self.facts.undrawn}
        return titles.get(indicator, indicator)

    # -- statements

    def unproven(self, measure: Measure) -> bool:
        """True if an indicator rests on a table of which no body has been seen yet."""
        catalogue = self.facts.catalogue
        return any(catalogue[row["dataset"]]["status"] == "unproven" for row in measure.inputs)

    def ordered(self, measure: Measure, geos: Sequence[str], period: str) -> list[series.Ordered]:
        """`geos` by their complete values of `period`, from the highest, with their ranks."""
        key, facts = (measure.id, tuple(geos), period), self.facts
        if key not in facts.orders:
            points = {geo: measure.complete(geo) for geo in geos}
            rules, direction = facts.comparisons.rules[measure.id], facts.comparisons.directions[measure.id]
            facts.orders[key] = series.ordered(points, geos, period, rules, direction)
        return facts.orders[key]

    def sampled(self, measure: Measure) -> bool:
        """Whether the indicator is a survey's, whose sampling error is not published here."""
        return self.facts.comparisons.rules[measure.id].source == "survey"

    def rank(self, rank: Rank) -> str:
        """A place, or a range where tests cannot tell places apart: 3rd; 1st to 4th."""
        low, high = rank.low or rank.place, rank.high or rank.place
        if low == high:
            return self.language.ordinal(low)
        return self.language.say(
            "place.range", low=self.language.ordinal(low), high=self.language.ordinal(high)
        )

    def course(self, geo: str, points: list[Point], unit: str) -> str:
        """From the first to the last value of the last comparable run."""
        runs = series.segments(points)
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

    def summary(self, measure: Measure, geo: str) -> Summary:
        """An indicator of `geo` in one row or card."""
        points = measure.complete(geo)
        found = self.facts.comparisons.change(measure.id, geo, points)
        last = series.latest(points)
        change = change_words(found, last.period, self.language.code) if last else ""
        value = self.language.number(last.value if last else None, measure.unit)
        finding = f"{self.place_name(geo)}: {value}"
        if last:
            finding += f", {self.language.period(last.period)}"
        return Summary(
            measure=measure,
            title=measure.title(self.language.code),
            geo=geo,
            last=last,
            when=self.language.period(last.period) if last else "",
            change=change,
            # no arrow where no test bears the direction out
            kind="untested" if found.sampling_error_unknown else found.kind,
            certain=found.direction is not None and not found.sampling_error_unknown,
            finding=f"{finding}; {change}" if change else finding,
            notes=self.notes(measure, [p for p in (last.period if last else None, found.since) if p]),
            spark=charts.spark(measure.series.get(geo, [])),
        )

    def notes(self, measure: Measure, periods: Iterable[str]) -> list[str]:
        """What a reader has to know of `periods`, such as the pandemic."""
        return [self.language.of(note) for note in period_notes(measure.header["theme"], periods)]

    # -- targets and dates that several pages share

    def watch(self, target: dict[str, Any]) -> str:
        """The indicator watched beside a target, with the date of its figure; empty if the target names none."""
        now = target["results"][0] if target["results"] else {}
        if not target.get("watch"):
            return ""
        measure = self.facts.measures.get(target["watch"])
        title = measure.title(self.language.code) if measure else self.undrawn_title(target["watch"])
        if now.get("watch_value") is None:
            return self.language.say("target.watch_none", title=title)
        return self.language.say(
            "target.watch",
            title=title,
            value=self.language.number(now["watch_value"], now["watch_unit"]),
            period=self.language.period(now["watch_period"]),
            day=self.language.day(now["watch_known_from"]),
        )

    def verified(self, entry: dict[str, Any]) -> str:
        """What the ledger's verification found of a target or of what dates it, with the reason."""
        outcome = entry.get("verification")
        if not outcome:
            return self.language.say("verification.unknown")
        reason = entry[f"verification_{self.language.code}"] or entry["verification_en"]
        text = self.language.say(f"verification.{outcome}")
        return f"{text}: {self.language.dated(reason)}." if reason else f"{text}."

    def stamp(self, entry: dict[str, Any]) -> str:
        """When and by which authority a time stamp dates a target."""
        if not entry.get("stamped_at"):
            return self.language.say("verification.unstamped")
        return self.language.say(
            "verification.stamped",
            moment=self.language.moment(entry["stamped_at"]),
            authority=entry["authority"] or self.language.say("mark.unknown"),
        )

    @cached_property
    def standing(self) -> list[dict[str, Any]]:
        """The targets in force: not superseded, not withdrawn."""
        return [t for t in self.facts.targets if not t["superseded_by"] and t["stage"] != "withdrawn"]

    @cached_property
    def today(self) -> date:
        """The day of the release in the territory's time zone."""
        return date.fromisoformat(self.language.iso(self.facts.release["built_at"]))

    @cached_property
    def first_day(self) -> date:
        """The first day whose end the pages can look back to."""
        begins = date.fromisoformat(self.language.iso(self.facts.begins))
        return max(begins, self.today - timedelta(days=DAYS_BACK))

    @cached_property
    def month_ends(self) -> list[date]:
        """The last month ends at which something was known, newest first."""
        found: list[date] = []
        day = last_month_end(self.today)
        while day >= self.first_day and len(found) < MONTH_ENDS:
            found.append(day)
            day = last_month_end(day)
        return found
