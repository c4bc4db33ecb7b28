"""What changed from release to release, and since any day: the page and the script behind its date field."""

from __future__ import annotations

import json
from typing import Any

from assets.site.pages.page import Entry, Page
from assets.site.pages.since import as_published
from assets.site.view import View
from sources.common.config import Names

# revisions that the page lists
LISTED = 300


def _data(view: View, _key: str) -> dict[str, Any]:
    return {
        "rows": view.facts.changes[:LISTED],
        "all": len(view.facts.changes),
        "first": view.first_day,
        "last": view.today,
        "month_ends": view.month_ends,
    }


def _script(view: View, _key: str) -> str:
    """The versions that `since.changed_since` compares, as a script, for `site.js` to do the same for any day.

    `revised`: indicator, territory, period and versions [day, number of the version, text; null where withdrawn];
    `entered`: of the values with one version, by indicator and day, count, first and last period.
    """
    revised: list[list[Any]] = []
    entered: dict[tuple[str, str], list[str]] = {}
    for (indicator, geo, period), versions in view.facts.versions.items():
        days = [view.language.iso(v["known_from"]) for v in versions]
        if len(versions) == 1:
            entered.setdefault((indicator, days[0]), []).append(period)
            continue
        numbers: dict[tuple[Any, ...], int] = {}
        history = [
            [
                day,
                numbers.setdefault((v["value"], v["flag"], v["deleted"]), len(numbers)),
                None if v["deleted"] else as_published(view, v),
            ]
            for day, v in zip(days, versions, strict=True)
        ]
        revised.append([indicator, geo, period, history])
    known = {row[0] for row in revised} | {indicator for indicator, _ in entered}
    periods = {row[2] for row in revised} | {p for listed in entered.values() for p in listed}
    measures = view.facts.measures
    given = {
        "indicators": {id_: measures[id_].title(view.language.code) for id_ in sorted(known & set(measures))},
        "places": {geo: view.place_name(geo) for geo in sorted({row[1] for row in revised})},
        "periods": {period: view.language.period(period) for period in sorted(periods)},
        "revised": revised,
        "entered": [
            [indicator, day, len(listed), min(listed), max(listed)]
            for (indicator, day), listed in entered.items()
        ],
    }
    return f"var SINCE = {json.dumps(given, ensure_ascii=False, separators=(',', ':'))};\n"


PAGE = Page(
    "changes",
    "changes",
    "changes.html",
    _data,
    script=_script,
    entry=Entry("top", 5, Names(it="Novità", en="Changes")),
)
