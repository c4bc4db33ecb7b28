"""The figures behind an indicator's interactive chart, as the script that `templates/chart.js` reads.

Belongs here: the script's content. Does not belong here: drawing (`templates/chart.js` repeats `charts.py` for the
territories that a reader chooses).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from assets.site import charts, panels, series
from assets.site.queries import Measure, Point
from assets.site.view import View

# bits of a point: not final, joined to the point before it, of a period that is not complete
HOLLOW, JOINED, INCOMPLETE = 1, 2, 4


def script(view: View, measure: Measure) -> str:
    """`var CHART`: periods, territories with their points `[period, value, bits, text]`, and every word of the chart."""
    facts, language = view.facts, view.language
    plot = panels.over_time(view, measure)
    known = measure.series | measure.others
    names = {geo: view.place_name(geo) for geo in measure.series} | {
        geo: language.of(facts.other_names[geo]) for geo in measure.others
    }
    periods = sorted({p.period for points in known.values() for p in points}, key=charts.position)
    index = {period: i for i, period in enumerate(periods)}
    given: dict[str, Any] = {
        "title": measure.title(language.code),
        "measured": view.measured(measure),
        "id": measure.id,
        "sign": language.tick_sign(measure.unit),
        "indexed": measure.adds_up,
        "bases": [index[base] for base in plot.based] if plot else [],
        "periods": [[language.period(p), float(charts.position(p))] for p in periods],
        "roles": _roles(view, measure),
        "names": dict(sorted(names.items(), key=lambda item: item[1])),
        "series": {geo: _points(view, measure, index, points) for geo, points in known.items()},
        "targets": [_way(view, way) for way in plot.ways] if plot else [],
        "source": _source(view, measure),
        "words": {
            key: language.say(f"chart.{key}")
            for key in ("index", "log", "period", "add", "add_button", "svg", "png")
        },
    }
    return f"var CHART = {json.dumps(given, ensure_ascii=False, separators=(',', ':'))};\n"


def _roles(view: View, measure: Measure) -> dict[str, str]:
    """The territories drawn without being chosen: ours, and in grey those to compare with."""
    facts = view.facts
    roles = {facts.region: "region"} | ({facts.seat: "seat"} if facts.seat else {})
    roles |= {facts.country: "country"} | dict.fromkeys(facts.geos("peer"), "peer")
    return {geo: role for geo, role in roles.items() if geo in measure.series}


def _points(view: View, measure: Measure, index: dict[str, int], points: Iterable[Point]) -> list[list[Any]]:
    found = []
    for run in series.segments(points):
        for number, point in enumerate(run):
            bits = HOLLOW * charts.unfinished(point) + JOINED * (number > 0) + INCOMPLETE * point.truncated
            found.append([index[point.period], point.value, bits, view.value(point, measure.unit)])
    return found


def _way(view: View, way: charts.Way) -> dict[str, Any]:
    target, language = way.target, view.language
    key = "target.proposed_mark" if target["stage"] == "proposal" else "target.mark"
    text = language.say(
        key,
        goal=language.goal(target["target_value"], target["unit"]),
        period=language.period(target["target_period"]),
    )
    steps = [[float(charts.position(period)), value] for period, value in charts.steps(target)]
    return {"role": way.role, "steps": steps, "text": text}


def _source(view: View, measure: Measure) -> list[str]:
    """Lines for a picture that leaves the page: each source with its date and licence, and the release."""
    language, lines = view.language, []
    for dataset in dict.fromkeys(row["dataset"] for row in measure.inputs):
        entry = view.facts.catalogue[dataset]
        line = language.say(
            "origin.line", provider=language.plain(entry["provider_title"]), code=entry["provider_code"]
        )
        if entry["provider_updated_at"]:
            line += "; " + language.say("origin.updated", day=language.day(entry["provider_updated_at"]))
        lines.append(f"{line}; {language.plain(entry['licence'])}")
    release = view.facts.release
    lines.append(
        f"{language.say('site.name')}, {language.of(view.names)}; {language.day(release['built_at'])}; "
        f"{language.say('site.release', id=release['release_id'])}"
    )
    return lines
