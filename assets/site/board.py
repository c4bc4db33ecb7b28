"""The printed sheet for the board: two pages of A4 with results beside targets, and what is new since a date.

Belongs here: the sheet's content. Does not belong here: its layout (`templates/board.typ`) and its words
(`messages.yml`).
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from assets.site import charts, maps, panels
from assets.site.language import Language
from assets.site.pages import calendar, home
from assets.site.queries import Measure
from assets.site.view import View

LAYOUT = Path(__file__).parent / "templates" / "board.typ"
# rows of the second page
REVISIONS, RELEASES = 10, 5
SOFT, REGION, SEAT = "#57524b", "#0d5282", "#b5380c"
SHADES = ("#e4eef5", "#b9d3e5", "#84b0cf", "#35709b", "#0d4a76")


def sheet(view: View, since: date, changed: list[dict[str, Any]], form: str = "pdf") -> bytes:
    """The sheet in the language of `view`; `changed` is what `queries.since` found."""
    import typst

    return typst.compile(
        LAYOUT,
        format=form,
        # the fonts inside the library, so that every machine prints the same sheet
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(content(view, since, changed), ensure_ascii=False)},
        timestamp=int(view.facts.release["built_at"].timestamp()),
    )


def failed_sheet(language: Language) -> bytes:
    """A page in place of a sheet that could not be drawn."""
    import typst

    text = language.say("failed.sheet")
    return typst.compile(b"#sys.inputs.text", ignore_system_fonts=True, sys_inputs={"text": text})


def content(view: View, since: date, changed: list[dict[str, Any]]) -> dict[str, Any]:
    """Every text and drawing of the sheet, in the order of the layout."""
    language, facts, say = view.language, view.facts, view.language.say
    new = {(row["dataset"], row["series"], row["period"]) for row in changed if row["kind"] == "added"}
    entered = Counter(dataset for dataset, *_ in new)
    revised = [row for row in changed if row["kind"] != "added"]
    upcoming = [row for row in calendar.expected(view) if row["status"] == "live"]
    mapped, headlines = panels.mapped(view), home.headlines(view)
    return {
        "language": language.code,
        "title": say("board.title"),
        "place": language.of(view.names),
        "release": say("site.release", id=facts.release["release_id"]),
        "day": language.day(facts.release["built_at"]),
        "headline": f"{headlines[0].title}, {headlines[0].finding}" if headlines else "",
        "directives": say("home.directives"),
        "labels": {key: say(f"card.{key}") for key in ("target", "status", "trend", "reliability")},
        "cards": [card(view, given) for given in home.cards(view)],
        "provinces": provinces(view, mapped) if mapped else None,
        "since": say("board.since", day=language.day(since)),
        "begins": begins(view, since),
        "revised_title": say("changes.revised"),
        "revised_heads": [
            say(key)
            for key in ("changes.indicator", "indicator.place", "changes.kind", "changes.was", "changes.now")
        ],
        "revised": [revision(view, row) for row in revised[:REVISIONS]],
        "revised_note": say("board.more", count=language.digits(len(revised) - REVISIONS))
        if len(revised) > REVISIONS
        else "",
        "unrevised": say("board.unrevised"),
        "entered_title": say("changes.entered"),
        "entered": [
            say(
                "board.entered",
                title=facts.catalogue[dataset][f"title_{language.code}"],
                count=language.digits(count),
            )
            for dataset, count in sorted(entered.items())
        ],
        "unentered": say("board.unentered"),
        "health_title": say("home.health"),
        "health": health(view),
        "calendar_title": say("page.calendar"),
        "calendar": [
            [
                row[f"title_{language.code}"],
                language.day(row["late_from"]) if row["late_from"] else say("calendar.not_reached"),
            ]
            for row in upcoming[:RELEASES]
        ],
        "late": say("calendar.late"),
        "context": say("target.context"),
        "origin": say("board.origin", sources=sources(view)),
    }


def provinces(view: View, measure: Measure) -> dict[str, Any] | None:
    """The provinces' values from the highest, with their map."""
    panel = panels.provinces(view, measure)
    if panel is None:
        return None
    return {
        "title": panel.title,
        "subtitle": view.language.say(
            "chart.of_period", measured=view.measured(measure), period=view.language.period(panel.period)
        ),
        "rows": [
            [view.place_name(r.geo), view.value(r.point, measure.unit), r.geo == view.facts.seat]
            for r in panel.ranked
        ],
        "map": map_svg(panel.map) if panel.map else None,
        "boundaries": view.language.say("site.boundaries"),
    }


def sources(view: View) -> str:
    """The providers that figures of this release come from."""
    given = (e for e in view.facts.catalogue.values() if e["state"] not in ("missing", "not configured"))
    return ", ".join(sorted({view.language.plain(e["provider_title"]) for e in given}))


def card(view: View, given: home.Card) -> dict[str, Any]:
    """A directive: its indicator's result and trend, its target and status with the reason."""
    language, say, lead, target = view.language, view.language.say, given.lead, given.target
    found = {
        "directive": say(f"directive.{given.directive}"),
        "empty": say("home.no_measure"),
        "lead": None,
    }
    if lead is None:
        return found
    place = "" if lead.geo == view.facts.region else f", {view.place_name(lead.geo)}"
    now = target["results"][0] if target else None
    colour = SEAT if lead.geo == view.facts.seat else REGION
    return found | {
        "lead": {
            "title": lead.title + place,
            "value": view.value(lead.last, lead.measure.unit),
            "period": lead.when,
            "trend": lead.change,
            "reliability": say(f"reliability.{lead.last.reliability if lead.last else 'suppressed'}"),
            "spark": spark_svg(lead.measure, lead.geo, colour),
            "target": say(
                "card.aim",
                goal=language.goal(target["target_value"], target["unit"]),
                period=language.period(target["target_period"]),
            )
            if target
            else say("card.no_target"),
            "stage": say(f"stage.{target['stage']}") if target else "",
            "status": say(f"status.{now['status'] if now else 'not_assessable'}"),
            "kind": now["status"] if now else "not_assessable",
            "reason": language.dated((now[f"reason_{language.code}"] if now else "") or ""),
        }
    }


def revision(view: View, row: dict[str, Any]) -> list[str]:
    language = view.language
    return [
        found.title(language.code)
        if (found := view.facts.measures.get(row["indicator"]))
        else row["indicator"],
        f"{view.place_name(row['geo'])} {language.period(row['period'])}",
        language.say(f"changes.{row['kind']}"),
        language.number(row["old_value"], row["unit"]),
        language.number(row["value"], row["unit"]),
    ]


def begins(view: View, since: date) -> str:
    """Says so where nothing was known here yet on that day."""
    first = min((v["known_from"] for v in view.facts.vintages), default=None)
    if first is None or first.date() <= since:
        return ""
    return view.language.say("board.begins", day=view.language.day(first))


def health(view: View) -> list[str]:
    facts, say = view.facts, view.language.say
    states = Counter(entry["state"] for entry in facts.catalogue.values())
    passed = sum(check["passed"] for check in facts.checks)
    return [
        say("home.checks_row", good=passed, all=len(facts.checks)),
        *(f"{say(f'state.{state}')}: {count}" for state, count in sorted(states.items())),
    ]


def spark_svg(measure: Measure, geo: str, colour: str) -> str | None:
    """The small line of a card as a picture of its own, with ink in place of the pages' variables."""
    drawn = charts.spark(measure.series.get(geo, []), height=300)
    if drawn is None:
        return None
    last = drawn.last
    dashed = f'<path d="{drawn.dashed}" stroke-dasharray="14 18"/>' if drawn.dashed else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-30 -30 1060 360"><g fill="none" stroke="{colour}" '
        f'stroke-width="12" stroke-linecap="round" stroke-linejoin="round"><path d="{drawn.solid}"/>{dashed}</g>'
        f'<circle cx="{last.x}" cy="{last.y}" r="20" fill="{"#fff" if last.hollow else colour}" stroke="{colour}" '
        f'stroke-width="8"/></svg>'
    )


def map_svg(drawn: maps.Map) -> str:
    """The provinces as a picture of its own, in shades, with the provinces' letters."""
    layout = drawn.layout
    parts = [
        f'<path d="{shape.path}" fill="{SHADES[drawn.classes[geo]] if geo in drawn.classes else "#e3dfd7"}" '
        f'stroke="#fff" stroke-width="3"/>'
        for geo, shape in layout.shapes.items()
    ]
    parts += [
        f'<text x="{shape.label[0]:.0f}" y="{shape.label[1] + 10:.0f}" text-anchor="middle" '
        f'font-family="Libertinus Serif" font-size="30" font-weight="bold" '
        f'fill="{"#fff" if drawn.classes.get(geo, 0) > 2 else "#1c1a17"}">{shape.sigla}</text>'
        for geo, shape in layout.shapes.items()
    ]
    if layout.inset:
        x, y, width, height = layout.inset
        parts.append(
            f'<rect x="{x + 2}" y="{y}" width="{width}" height="{height}" fill="none" stroke="{SOFT}" stroke-width="2"/>'
        )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width} {layout.height}">{"".join(parts)}</svg>'
