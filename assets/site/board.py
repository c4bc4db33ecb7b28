"""The printed sheet for the board: two pages of A4 with results beside targets, and what is new since a date.

Belongs here: what the sheet is given. Does not belong here: its layout (`templates/board.typ`) and its words
(`words.yml`).
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.site import draw

if TYPE_CHECKING:
    from assets.site.build import Pages
    from assets.site.facts import Measure

LAYOUT = Path(__file__).parent / "templates" / "board.typ"
# rows of the second page
REVISIONS, RELEASES = 10, 5
SOFT, REGION, SEAT = "#57524b", "#0d5282", "#b5380c"
SHADES = ("#e4eef5", "#b9d3e5", "#84b0cf", "#35709b", "#0d4a76")


def last_month_end(today: date) -> date:
    """The last day of the month before: the sheet of a release looks back to it."""
    return today.replace(day=1) - timedelta(days=1)


def sheet(pages: Pages, since: date, changed: list[dict[str, Any]], form: str = "pdf") -> bytes:
    """The sheet in the language of `pages`; `changed` is what `facts.since` found."""
    import typst

    return typst.compile(
        LAYOUT,
        format=form,
        # the fonts inside the library, so that every machine prints the same sheet
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(content(pages, since, changed), ensure_ascii=False)},
        timestamp=int(pages.facts.release["built_at"].timestamp()),
    )


def content(pages: Pages, since: date, changed: list[dict[str, Any]]) -> dict[str, Any]:
    """Every text and drawing of the sheet, in the order of the layout."""
    language, facts, say = pages.language, pages.facts, pages.language.say
    new = {(row["dataset"], row["series"], row["period"]) for row in changed if row["kind"] == "added"}
    entered = Counter(dataset for dataset, *_ in new)
    revised = [row for row in changed if row["kind"] != "added"]
    mapped, home = pages.mapped, pages.home()
    provinces = pages.provinces(mapped) if mapped else None
    return {
        "language": language.code,
        "title": say("board.title"),
        "place": language.of(pages.names),
        "release": say("site.release", id=facts.release["release_id"]),
        "day": language.day(facts.release["built_at"]),
        "headline": f"{home['headlines'][0]['title']}, {home['headlines'][0]['finding']}"
        if home["headlines"]
        else "",
        "directives": say("home.directives"),
        "labels": {key: say(f"card.{key}") for key in ("target", "status", "trend", "reliability")},
        "cards": [card(pages, given) for given in home["cards"]],
        "provinces": {
            "title": provinces["title"],
            "subtitle": say(
                "chart.of_period",
                measured=pages.measured(mapped),
                period=language.period(provinces["period"]),
            ),
            "rows": [
                [pages.place_name(r.geo), pages.value(r.point, mapped.unit), r.geo == facts.seat]
                for r in provinces["ranked"]
            ],
            "map": map_svg(provinces["map"]) if provinces["map"] else None,
            "boundaries": say("site.boundaries"),
        }
        if provinces
        else None,
        "since": say("board.since", day=language.day(since)),
        "begins": begins(pages, since),
        "revised_title": say("changes.revised"),
        "revised_heads": [
            say(key)
            for key in ("changes.indicator", "indicator.place", "changes.kind", "changes.was", "changes.now")
        ],
        "revised": [revision(pages, row) for row in revised[:REVISIONS]],
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
        "health": health(pages),
        "calendar_title": say("page.calendar"),
        "calendar": [
            [
                row[f"title_{language.code}"],
                language.day(row["late_from"]) if row["late_from"] else say("calendar.not_reached"),
            ]
            for row in pages.calendar()["open"][:RELEASES]
        ],
        "late": say("calendar.late"),
        "context": say("target.context"),
        "origin": say("board.origin", sources=sources(pages)),
    }


def sources(pages: Pages) -> str:
    """The providers that figures of this release come from."""
    given = (e for e in pages.facts.catalogue.values() if e["state"] not in ("missing", "not configured"))
    return ", ".join(sorted({pages.language.plain(e["provider_title"]) for e in given}))


def card(pages: Pages, given: dict[str, Any]) -> dict[str, Any]:
    """A directive: its indicator's result and trend, its target and status with the reason."""
    language, say, lead, target = pages.language, pages.language.say, given["lead"], given["target"]
    found = {
        "directive": say(f"directive.{given['directive']}"),
        "empty": say("home.no_measure"),
        "lead": None,
    }
    if lead is None:
        return found
    place = "" if lead["geo"] == pages.facts.region else f", {pages.place_name(lead['geo'])}"
    now = target["results"][0] if target else None
    return found | {
        "lead": {
            "title": lead["title"] + place,
            "value": pages.value(lead["last"], lead["measure"].unit),
            "period": lead["when"],
            "trend": lead["change"],
            "reliability": say(f"reliability.{lead['last'].reliability if lead['last'] else 'suppressed'}"),
            "spark": spark_svg(
                lead["measure"], lead["geo"], SEAT if lead["geo"] == pages.facts.seat else REGION
            ),
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


def revision(pages: Pages, row: dict[str, Any]) -> list[str]:
    language = pages.language
    return [
        found.title(language.code)
        if (found := pages.facts.measures.get(row["indicator"]))
        else row["indicator"],
        f"{pages.place_name(row['geo'])} {language.period(row['period'])}",
        language.say(f"changes.{row['kind']}"),
        language.number(row["old_value"], row["unit"]),
        language.number(row["value"], row["unit"]),
    ]


def begins(pages: Pages, since: date) -> str:
    """Says so where nothing was known here yet on that day."""
    first = min((v["known_from"] for v in pages.facts.vintages), default=None)
    if first is None or first.date() <= since:
        return ""
    return pages.language.say("board.begins", day=pages.language.day(first))


def health(pages: Pages) -> list[str]:
    facts, say = pages.facts, pages.language.say
    states = Counter(entry["state"] for entry in facts.catalogue.values())
    passed = sum(check["passed"] for check in facts.checks)
    return [
        say("home.checks_row", good=passed, all=len(facts.checks)),
        *(f"{say(f'state.{state}')}: {count}" for state, count in sorted(states.items())),
    ]


def spark_svg(measure: Measure, geo: str, colour: str) -> str | None:
    """The small line of a card as a picture of its own, with ink in place of the pages' variables."""
    drawn = draw.spark(measure.series.get(geo, []), height=300)
    if drawn is None:
        return None
    last = drawn["last"]
    dashed = f'<path d="{drawn["dashed"]}" stroke-dasharray="14 18"/>' if drawn["dashed"] else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-30 -30 1060 360"><g fill="none" stroke="{colour}" '
        f'stroke-width="12" stroke-linecap="round" stroke-linejoin="round"><path d="{drawn["solid"]}"/>{dashed}</g>'
        f'<circle cx="{last.x}" cy="{last.y}" r="20" fill="{"#fff" if last.hollow else colour}" stroke="{colour}" '
        f'stroke-width="8"/></svg>'
    )


def map_svg(view: dict[str, Any]) -> str:
    """The provinces as a picture of its own, in shades, with the provinces' letters."""
    laid: draw.Map = view["laid"]
    parts = [
        f'<path d="{shape["path"]}" fill="{SHADES[view["classes"][geo]] if geo in view["classes"] else "#e3dfd7"}" '
        f'stroke="#fff" stroke-width="3"/>'
        for geo, shape in laid.shapes.items()
    ]
    parts += [
        f'<text x="{shape["x"]:.0f}" y="{shape["y"] + 10:.0f}" text-anchor="middle" font-family="Libertinus Serif" '
        f'font-size="30" font-weight="bold" fill="{"#fff" if view["classes"].get(geo, 0) > 2 else "#1c1a17"}">'
        f"{shape['sigla']}</text>"
        for geo, shape in laid.shapes.items()
    ]
    if laid.inset:
        x, y, width, height = laid.inset
        parts.append(
            f'<rect x="{x + 2}" y="{y}" width="{width}" height="{height}" fill="none" stroke="{SOFT}" stroke-width="2"/>'
        )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {laid.width} {laid.height}">{"".join(parts)}</svg>'
