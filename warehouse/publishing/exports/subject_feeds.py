"""A feed for each indicator, each territory with a page, and each target: what became of their figures, release by release.

Belongs here: which of these feeds there are, and events about figures in words. Does not belong here: the general feed and the
form of a feed (`feeds.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from sources.common.numbers import format_number
from sources.common.periods import Language
from sources.common.sql import literal, rows
from sources.common.units import unit_or_unknown
from sources.data_folder import to_json
from warehouse.publishing.exports import feeds
from warehouse.publishing.exports.feeds import Channel
from warehouse.publishing.exports.release_metadata import Facts
from warehouse.statistics import peers

# periods of one event that are listed
_LISTED = 6
_KINDS: dict[str, dict[Language, str]] = {
    "changed": {"it": "{period}: da {old} a {new}", "en": "{period}: from {old} to {new}"},
    "reflagged": {"it": "{period}: altri segni o affidabilità", "en": "{period}: other flag or reliability"},
    "withdrawn": {"it": "{period}: ritirato, era {old}", "en": "{period}: withdrawn, was {old}"},
    "returned": {"it": "{period}: di nuovo {new}", "en": "{period}: {new} again"},
    "new": {"it": "{period}: {new}, nuovo", "en": "{period}: {new}, new"},
}
_MORE: dict[Language, str] = {"it": "e altri {n} periodi", "en": "and {n} more periods"}


def write(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    facts: Facts,
    territory: dict[str, Any],
    general: list[dict[str, Any]],
) -> None:
    """Write `feeds/KIND-ID.json` and `.xml` into `folder`. `general`: the events of the general feed, with those of targets."""
    channels = _channels(con, facts, territory)
    geos = [id_ for kind, id_ in channels if kind == "territory"]
    events = _figures(con, geos) + [event for event in general if event["_distretto"]]
    (folder / "feeds").mkdir()
    for (kind, id_), channel in channels.items():
        theirs = feeds.newest_first([event for event in events if event["_distretto"].get(kind) == id_])
        text = to_json(feeds.json_feed(facts, theirs, channel), indent=1)
        (folder / f"{channel.place}.json").write_text(text, encoding="utf-8")
        (folder / f"{channel.place}.xml").write_bytes(feeds.atom(facts, theirs, channel))


def _channels(
    con: duckdb.DuckDBPyConnection, facts: Facts, territory: dict[str, Any]
) -> dict[tuple[str, str], Channel]:
    """The feeds by kind and id."""
    own = [territory["country"], territory["region"], *territory["provinces"]]
    geos = ", ".join(literal(geo) for geo in dict.fromkeys([*own, *peers.shown()]))
    named = rows(
        con,
        f"""
        select 'indicator' as kind, indicator as id, title_it as title from indicator_catalogue
        where indicator in (select indicator from indicators where geo in ({geos}))
        union all select 'territory', geo, name_it from geography where geo in ({geos})
        union all select distinct 'target', target_id, target_id from targets
        order by 1, 2""",
    )
    return {
        (row["kind"], row["id"]): Channel(
            f"urn:distretto:feed:{row['kind']}:{row['id']}",
            feeds.subject_place(row["kind"], row["id"]),
            f"{row['title']} - {facts.publisher.title.it}",
            facts.publisher.description.it,
            feeds.subject_page(row["kind"], row["id"]),
        )
        for row in named
    }


def _figures(con: duckdb.DuckDBPyConnection, geos: list[str]) -> list[dict[str, Any]]:
    """What each release changed or added, an event for each indicator and territory.

    The first figures of an indicator are not listed, nor what only replaced bundled figures, as in `indicator_revisions`.
    """
    listed = ", ".join(map(literal, geos))
    found = rows(
        con,
        f"""
        with begun as (
            select indicator, min(known_from) as first_known from indicator_history group by indicator
        ), changes as (
            select release_id, revised_at as moment, indicator, geo, period, unit, kind, old_value, value
            from indicator_revisions where geo in ({listed})
            union all
            select arg_min(release_id, known_from), min(known_from), indicator, geo, period, arg_min(unit, known_from), 'new',
                   null, arg_min(value, known_from)
            from indicator_history join begun using (indicator) where geo in ({listed})
            group by indicator, geo, period having min(known_from) > any_value(first_known)
        )
        select c.*, coalesce(title_it, c.indicator) as title_it, coalesce(title_en, c.indicator) as title_en,
               coalesce(name_it, geo) as name_it, coalesce(name_en, geo) as name_en
        from changes c left join indicator_catalogue using (indicator) left join geography using (geo)
        order by release_id, c.indicator, geo, period""",
    )
    grouped: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in found:
        grouped.setdefault((row["release_id"], row["indicator"], row["geo"]), []).append(row)
    return [
        feeds.item(
            f"figures:{release_id}:{indicator}:{geo}",
            changed[0]["moment"],
            "new-data" if all(row["kind"] == "new" for row in changed) else "revision",
            _sentence(changed, "it"),
            _sentence(changed, "en"),
            {"indicator": indicator, "territory": geo},
        )
        for (release_id, indicator, geo), changed in grouped.items()
    ]


def _sentence(changed: list[dict[str, Any]], language: Language) -> str:
    def shown(row: dict[str, Any], column: str) -> str:
        if row[column] is None:
            return "-"
        return format_number(row[column], unit_or_unknown(row["unit"]), language)

    parts = [
        _KINDS[row["kind"]][language].format(
            period=row["period"], old=shown(row, "old_value"), new=shown(row, "value")
        )
        for row in changed[:_LISTED]
    ]
    if more := len(changed) - _LISTED if len(changed) > _LISTED else 0:
        parts.append(_MORE[language].format(n=more))
    return f"{changed[0][f'title_{language}']}, {changed[0][f'name_{language}']}: {'; '.join(parts)}"
