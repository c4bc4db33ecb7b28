"""The printed sheet for the board: two pages of A4 that assess indicators against targets and list changes since a date.

Belongs here: the sheet's content. Does not belong here: its layout (`templates/board.typ`) and its words
(`messages.yml`).
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, Literal

from assets.site import ages, charts, maps, panels, statements
from assets.site.language import Language
from assets.site.pages import calendar, home, quality, sector
from assets.site.queries import Measure, Point
from assets.site.view import View
from warehouse.reference.sector import sector as reference_sector

LAYOUT = Path(__file__).parent / "templates" / "board.typ"
# rows of the second page
REVISIONS, RELEASES, ENTERED = 10, 6, 6
# rows of news that leave room for the sector
ROOM = 6
SOFT, REGION, SEAT = "#57524b", "#0d5282", "#b5380c"
NO_VALUE = "#e3dfd7"
SHADES = ("#e4eef5", "#b9d3e5", "#84b0cf", "#35709b", "#0d4a76")


def sheet(
    view: View, since: date, changed: list[dict[str, Any]], form: Literal["pdf", "png"] = "pdf"
) -> bytes:
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
    figures = statements.figures(view)
    mapped, changed_rows = panels.mapped(view), news(view, changed)
    upcoming = [row for row in calendar.expected(view) if row["status"] != "frozen"]
    return {
        "language": language.code,
        "title": say("board.title"),
        "place": language.of(view.names),
        "release": say("site.release", id=facts.release["release_id"]),
        "day": language.day(facts.release["built_at"]),
        "banner": banner(view),
        "statements": statements.statements(view),
        "figures_title": say("board.figures"),
        "figures_heads": [
            say("changes.indicator"),
            view.place_name(facts.seat) if facts.seat else "",
            view.place_name(facts.region),
            view.place_name(facts.country),
            say("card.date"),
            say("card.trend"),
        ],
        "figures": [figure(view, found) for found in figures],
        "figures_note": " ".join([say("home.same_table"), *statements.notes(figures)]),
        "directives": say("home.directives"),
        "directives_heads": [
            say("home.directive"),
            say("home.indicators"),
            say("card.target"),
            say("card.status"),
        ],
        "rows": [row for directive in home.directives(view) for row in directive_rows(view, directive)],
        "decide": ""
        if any(target["stage"] == "adopted" for target in view.standing)
        else f"{say('home.no_target')}. {say('home.decide')}",
        "ages_title": say("age.title"),
        "ages": [
            [say(f"theme.{age.theme}").capitalize(), f"{language.period(age.period)}, {age.words}"]
            for age in ages.theme_ages(view)
        ],
        "provinces": provinces(view, mapped) if mapped else None,
        "sector": sector_rows(view)
        if len(changed_rows["revised"]) + len(changed_rows["entered"]) <= ROOM
        else [],
        "sector_title": language.of(reference_sector().title),
        "since": say("board.since", day=language.day(since)),
        "begins": begins(view, since),
        **changed_rows,
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
        "calendar_heads": [say("quality.dataset"), say("calendar.late")],
        "context": say("target.context"),
        "origin": say("board.origin", sources=sources(view)),
    }


def banner(view: View) -> str:
    """Says that nothing live has arrived yet; empty once something has."""
    return "" if ages.has_live_data(view.facts) else view.language.say("age.banner")


def figure(view: View, found: statements.Figure) -> dict[str, Any]:
    """A row of the figures: the seat's value first, the region's and the country's from the same table and period."""
    facts, summary = view.facts, found.summary
    values = {summary.geo: summary.last} | dict(found.beside)
    regional = view.language.say("home.regional_only")
    return {
        "title": view.measured(summary.measure)
        + (f" ({view.language.say('card.proxy')})" if summary.measure.header["proxy_for"] else ""),
        "values": [
            _narrow(view, values[geo], summary.measure.unit) if geo in values else ""
            for geo in (facts.region, facts.country)
        ],
        "seat": regional if found.regional_only else _narrow(view, summary.last, summary.measure.unit),
        "regional_only": found.regional_only,
        "period": summary.when,
        "age": ages.period_age(view, summary.last) if summary.last else "",
        "trend": summary.change,
        "spark": spark_svg(summary.measure, summary.geo, REGION if found.regional_only else SEAT),
    }


def _narrow(view: View, point: Point | None, unit: str) -> str:
    """A value for a narrow column: a unit of more than a sign is in the title of the row."""
    sign = view.language.sign(unit).strip()
    return view.language.number(point.value if point else None, unit, bare=len(sign) > 1)


def directive_rows(view: View, directive: home.Directive) -> list[dict[str, str]]:
    """A directive's targets, one a row; one row that says there is none."""
    language, say = view.language, view.language.say
    indicators = ", ".join(m.title(language.code) for m in directive.measures[:2]) or say(
        "home.no_measure_short"
    )
    first = {"directive": say(f"directive.{directive.id}"), "indicators": indicators}
    if not directive.targets:
        return [
            first
            | {
                "target": say("card.no_target"),
                "proof": "",
                "watch": "",
                "status": "",
                "kind": "",
                "reason": "",
            }
        ]
    rows = []
    for target in directive.targets:
        now = target["results"][0]
        aim = say(
            "card.aim",
            goal=language.goal(target["target_value"], target["unit"]),
            period=language.period(target["target_period"]),
        )
        stage = target["stage"]
        suffix = "" if stage == "adopted" else f" ({say(f'stage.{stage}').lower()})"
        measure = view.facts.measures.get(target["indicator"])
        title = measure.title(language.code) if measure else view.undrawn_title(target["indicator"])
        rows.append(
            first
            | {
                "indicators": f"{title}, {view.place_name(target['geo'])}",
                "target": aim + suffix,
                "proof": f"{view.verified(target)} {view.stamp(target)}",
                "watch": view.watch(target),
                "status": say(f"status.{now['status']}"),
                "kind": now["status"],
                "reason": language.dated(now[f"reason_{language.code}"] or ""),
            }
        )
        first = {"directive": "", "indicators": ""}
    return rows


def sector_rows(view: View) -> list[list[str]]:
    """The sector's statistics: the newest figure of each, or what has to be done to have it."""
    found = []
    for item in sector.items(view):
        row = item.rows[0] if item.rows else None
        if row and row.summary.last:
            text = f"{view.value(row.summary.last, row.summary.measure.unit)}, {view.place_name(row.summary.geo)}"
            found.append([row.summary.title, f"{text}, {row.summary.when} ({row.age})"])
        elif item.observations:
            o = item.observations[0]
            text = f"{view.language.number(o.value, o.unit)}, {view.place_name(o.geo)}"
            found.append([item.title, f"{text}, {view.language.period(o.period)}"])
        else:
            found.append([item.title, item.reason])
    return found


def news(view: View, changed: list[dict[str, Any]]) -> dict[str, Any]:
    """What was revised and what entered since the day, as far as it fits."""
    language, say = view.language, view.language.say
    new = {(row["dataset"], row["series"], row["period"]) for row in changed if row["kind"] == "added"}
    entered = Counter(dataset for dataset, *_ in new)
    revised = [row for row in changed if row["kind"] != "added"]
    heads = ("changes.indicator", "board.where_when", "changes.kind", "changes.was", "changes.now")
    more = len(revised) - REVISIONS
    return {
        "revised_title": say("changes.revised"),
        "revised_heads": [say(key) for key in heads],
        "revised": [revision(view, row) for row in revised[:REVISIONS]],
        "revised_note": say("board.more", count=language.digits(more)) if more > 0 else "",
        "unrevised": say("board.unrevised"),
        "entered_title": say("changes.entered"),
        "entered": [
            say(
                "board.entered",
                title=view.facts.catalogue[dataset][f"title_{language.code}"],
                count=language.digits(count),
            )
            for dataset, count in sorted(entered.items())
        ][:ENTERED],
        "unentered": say("board.unentered"),
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
        "map": map_svg(panel.map, view.language) if panel.map else None,
        "legend": legend(view, panel.map, measure.unit) if panel.map else [],
        "boundaries": view.language.say("site.boundaries"),
    }


def sources(view: View) -> str:
    """The providers that figures of this release come from."""
    given = (e for e in view.facts.catalogue.values() if e["state"] not in ("missing", "not configured"))
    return ", ".join(sorted({view.language.plain(e["provider_title"]) for e in given}))


def revision(view: View, row: dict[str, Any]) -> list[str]:
    """The cells of a revised value: indicator, territory and period, kind, old and new value."""
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
    """Lines on the state of the data: checks passed, and the number of datasets in each state."""
    facts, say = view.facts, view.language.say
    states = Counter(entry["state"] for entry in facts.catalogue.values())
    return [
        quality.checks_sentence(view),
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


def legend(view: View, drawn: maps.Map, unit: str) -> list[list[str]]:
    """The classes of the map: colour and bounds in words."""
    language, found = view.language, []
    for step in drawn.legend:
        if step.low is None and step.high is None:
            text = language.number(next(iter(drawn.values.values())), unit)
        elif step.low is None:
            text = f"< {language.goal(step.high, unit)}"
        elif step.high is None:
            text = f"≥ {language.goal(step.low, unit)}"
        else:
            text = f"{language.goal(step.low)}–{language.goal(step.high, unit)}"
        found.append([SHADES[step.shade], text])
    if set(drawn.layout.shapes) - set(drawn.values):
        found.append([NO_VALUE, language.say("chart.map_note")])
    return found


def map_svg(drawn: maps.Map, language: Language) -> str:
    """The provinces as a picture of its own, in shades, with the provinces' letters and values."""
    layout = drawn.layout
    parts = [
        f'<path d="{shape.path}" fill="{SHADES[drawn.classes[geo]] if geo in drawn.classes else NO_VALUE}" '
        f'stroke="#fff" stroke-width="3"/>'
        for geo, shape in layout.shapes.items()
    ]
    for geo, shape in layout.shapes.items():
        x, y = shape.label
        ink = "#fff" if drawn.classes.get(geo, 0) > 2 else "#1c1a17"
        words = f'text-anchor="middle" font-family="Libertinus Serif" fill="{ink}"'
        parts.append(
            f'<text x="{x:.0f}" y="{y - 2:.0f}" {words} font-size="28" font-weight="bold">{shape.sigla}</text>'
        )
        if geo in drawn.values:
            text = language.number(drawn.values[geo], bare=True)
            parts.append(f'<text x="{x:.0f}" y="{y + 26:.0f}" {words} font-size="26">{text}</text>')
    if layout.inset:
        x, y, width, height = layout.inset
        parts.append(
            f'<rect x="{x + 2}" y="{y}" width="{width}" height="{height}" fill="none" stroke="{SOFT}" stroke-width="2"/>'
        )
    box = f'viewBox="0 0 {layout.width} {layout.height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{"".join(parts)}</svg>'
