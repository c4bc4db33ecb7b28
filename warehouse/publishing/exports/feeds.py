"""What happened, for subscribers: JSON Feed 1.1 and Atom, from the release's own tables.

Belongs here: the general feed's events in words, and the form of every feed. Does not belong here: the feeds of one indicator,
territory or target (`subject_feeds.py`), alerts to the operator (`pipelines/alerts.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import duckdb

from sources.common.numbers import format_number
from sources.common.sql import rows
from sources.common.units import unit, unit_or_unknown
from warehouse.publishing.contract import deprecations, notice_releases
from warehouse.publishing.exports.release_metadata import Facts
from warehouse.targets.tables import falling_short

KEPT = 200
KEYS = ("id", "title", "content_text", "date_published", "tags")
# tag of an event -> the page of the site that explains it
PAGES = {"schema": "downloads", "target": "targets", "refused": "quality", "provider": "quality"}
ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True)
class Channel:
    """A feed: its id, its place in the release without ending, its title and description, and the page it belongs to."""

    id: str
    place: str
    title: str
    description: str
    page: str


def general(facts: Facts) -> Channel:
    """The feed about everything."""
    return Channel(
        "urn:distretto:feed",
        "feed",
        facts.publisher.title.it,
        facts.publisher.description.it,
        "site/it/index.html",
    )


def items(con: duckdb.DuckDBPyConnection, facts: Facts, last: Path | None) -> list[dict[str, Any]]:
    """Events as items of a JSON Feed, newest first. `last`: the folder of the release before, for its schema."""
    found = []
    named = {
        d["dataset"]: (f"{d['title_it']} ({d['dataset']})", f"{d['title_en']} ({d['dataset']})")
        for d in facts.catalogue
    }
    for v in rows(con, "from vintages"):
        counted, titles = _counts(v), named[v["dataset"]]
        found.append(
            item(
                f"vintage:{v['snapshot_id']}:{v['kind']}:{v['vintage']}",
                v["known_from"],
                "revision" if v["changed"] or v["deleted"] else "new-data",
                f"{titles[0]}: {counted['it']}",
                f"{titles[1]}: {counted['en']}",
            )
        )
    refusals = rows(con, "from snapshots where outcome = 'refused'")
    for s in refusals:
        why, titles = "; ".join(s["reasons"] or []), named[s["dataset"]]
        found.append(
            item(
                f"refused:{s['snapshot_id']}",
                s["fetched_at"] or facts.release["built_at"],
                "refused",
                f"{titles[0]}: la nuova risposta del fornitore è stata respinta ({why})",
                f"{titles[1]}: the provider's new answer was refused ({why})",
            )
        )
    for d in facts.catalogue:
        refused = any(
            s["dataset"] == d["dataset"] and "; ".join(s["reasons"] or []) == d["failure"] for s in refusals
        )
        if d["failing_since"] and d["failure"] and not refused:
            found.append(
                item(
                    f"failing:{d['dataset']}:{d['failing_since'].isoformat()}",
                    d["failing_since"],
                    "provider",
                    f"{named[d['dataset']][0]}: nessun dato nuovo dal fornitore ({d['failure']})",
                    f"{named[d['dataset']][1]}: no new figures from the provider ({d['failure']})",
                )
            )
    for t in falling_short(con):
        it, en = (
            {
                "about": ", ".join(part for part in (t[f"title_{language}"], t[f"name_{language}"]) if part),
                **{
                    key: format_number(t[key], unit_or_unknown(t["unit"]), language)
                    for key in ("value", "expected")
                },
            }
            for language in ("it", "en")
        )
        found.append(
            item(
                f"target:{t['target_id']}:{t['version']}:{t['point']}:{t['period']}",
                datetime.combine(t["judged_on"], datetime.min.time(), UTC)
                if t["missed"]
                else t["since"] or facts.release["built_at"],
                "target",
                f"Obiettivo {t['target_id']} ({it['about']}) {'mancato' if t['missed'] else 'a rischio'}: {it['value']} "
                f"nel {t['period']}, atteso {it['expected']}",
                f"Target {t['target_id']} ({en['about']}) {'missed' if t['missed'] else 'at risk'}: {en['value']} "
                f"in {t['period']}, expected {en['expected']}",
                {"indicator": t["indicator"], "territory": t["geo"], "target": t["target_id"]},
            )
        )
    before = json.loads((last / "feed.json").read_text()) if last and (last / "feed.json").exists() else {}
    # of an older release without its links, which are made again
    found += [
        {key: event.get(key, {}) for key in KEYS} | {"_distretto": {}}
        for event in before.get("items", [])
        if "schema" in event["tags"] and "_notice" not in event
    ]
    found += _schema_changes(facts, last)
    # a notice stays however much happens after it
    notices = _notices(facts, before.get("items", []))
    return newest_first([*newest_first(found)[: KEPT - len(notices)], *notices])


def newest_first(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The newest KEPT events, the newest first."""
    return sorted(found, key=lambda event: (event["date_published"], event["id"]), reverse=True)[:KEPT]


def _counts(v: dict[str, Any]) -> dict[str, str]:
    words = {
        "series_added": ("serie nuove", "new series"),
        "added": ("dati aggiunti", "figures added"),
        "changed": ("dati rivisti", "figures revised"),
        "reflagged": ("segni cambiati", "flags changed"),
        "deleted": ("dati ritirati", "figures withdrawn"),
        "returned": ("dati tornati", "figures returned"),
    }
    parts = [(v[key], counted) for key, counted in words.items() if v[key]]
    return {
        "it": ", ".join(f"{format_number(n, unit('NR'), 'it')} {counted[0]}" for n, counted in parts)
        or "nessun dato cambiato",
        "en": ", ".join(f"{format_number(n, unit('NR'), 'en')} {counted[1]}" for n, counted in parts)
        or "no figure changed",
    }


def _schema_changes(facts: Facts, last: Path | None) -> list[dict[str, Any]]:
    if not last or not (last / "datapackage.json").exists():
        return []
    package = json.loads((last / "datapackage.json").read_text(encoding="utf-8"))
    before = {
        resource["name"]: {field["name"]: field.get("duckdbType") for field in resource["schema"]["fields"]}
        for resource in package["resources"]
        if "schema" in resource
        and resource["name"] in {r["path"].split(".")[0] for r in package["resources"]}
    }
    now = {table.name: {column: kind for column, kind, _ in table.columns} for table in facts.tables.values()}
    changes = []
    for table in sorted(before.keys() | now.keys()):
        old, new = before.get(table, {}), now.get(table, {})
        gone, come = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
        # releases of older versions do not say the type
        other = sorted(c for c in old.keys() & new.keys() if old[c] and old[c] != new[c])
        if gone or come or other:
            it = "; ".join(
                f"{word}: {', '.join(columns)}"
                for word, columns in (("tolte", gone), ("aggiunte", come), ("altro tipo", other))
                if columns
            )
            en = "; ".join(
                f"{word}: {', '.join(columns)}"
                for word, columns in (("removed", gone), ("added", come), ("other type", other))
                if columns
            )
            changes.append(
                item(
                    f"schema:{facts.release['release_id']}:{table}",
                    facts.release["built_at"],
                    "schema",
                    f"Tabella {table}, colonne: {it}",
                    f"Table {table}, columns: {en}",
                )
            )
    return changes


def _notices(facts: Facts, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What will go, announced since the release that first did; `_notice` counts the releases that announced it."""
    known = {event["id"]: event for event in before if "_notice" in event}
    found = []
    for gone in deprecations():
        event = item(
            f"deprecated:{gone.name}",
            facts.release["built_at"],
            "schema",
            f"{gone.name} sarà tolta dopo almeno {notice_releases()} rilasci con questo avviso: {gone.instead.it.rstrip('.')}",
            f"{gone.name} will be removed after at least {notice_releases()} releases with this notice: "
            f"{gone.instead.en.rstrip('.')}",
        )
        first = known.get(event["id"])
        if first:
            event["date_published"] = first["date_published"]
        so_far = first["_notice"]["releases"] if first else 0
        found.append(
            event | {"_notice": {"name": gone.name, "releases": so_far + 1, "of": notice_releases()}}
        )
    return found


def item(
    key: str, moment: datetime, tag: str, it: str, en: str, about: dict[str, str] | None = None
) -> dict[str, Any]:
    """An event. `about`: the ids of the indicator, territory and target that it concerns, by these names."""
    return {
        "id": f"urn:distretto:{quote(key)}",
        "title": it,
        "content_text": f"{it}.\n{en}.",
        "date_published": moment.astimezone(UTC).isoformat(timespec="seconds"),
        "tags": [tag],
        "_distretto": about or {},
    }


def subject_page(kind: str, id_: str) -> str:
    """The page about one indicator, territory or target, below the release."""
    return "site/it/" + (f"targets.html#{id_}" if kind == "target" else f"{kind}-{id_}.html")


def subject_place(kind: str, id_: str) -> str:
    """The place of the feed of one indicator, territory or target in the release, without ending."""
    return f"feeds/{kind}-{quote(id_, safe='')}"


def _page(event: dict[str, Any]) -> str:
    """The page that explains an event, below the release."""
    about = event["_distretto"]
    if event["tags"][0] not in PAGES and "indicator" in about:
        return subject_page("indicator", about["indicator"])
    return f"site/it/{PAGES.get(event['tags'][0], 'changes')}.html"


def json_feed(facts: Facts, found: list[dict[str, Any]], channel: Channel | None = None) -> dict[str, Any]:
    """https://www.jsonfeed.org/version/1.1/ An item names what it concerns, with their feeds, in the extension `_distretto`."""
    channel, base = channel or general(facts), facts.publisher.base
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.title,
        "description": channel.description,
        "language": "it",
        "home_page_url": base + channel.page,
        "feed_url": f"{base}{channel.place}.json",
        "authors": [{"name": facts.publisher.name.it}],
        "items": [
            event
            | {
                "url": base + _page(event),
                "_distretto": {
                    kind: {
                        "id": id_,
                        "page": base + subject_page(kind, id_),
                        "feed": f"{base}{subject_place(kind, id_)}.json",
                    }
                    for kind, id_ in event["_distretto"].items()
                },
            }
            for event in found
        ],
    }


def atom(facts: Facts, found: list[dict[str, Any]], channel: Channel | None = None) -> bytes:
    """RFC 4287. Without items it was updated when nothing had happened yet: at the epoch."""
    channel, base = channel or general(facts), facts.publisher.base
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed", {"xml:lang": "it"})

    def add(parent: ElementTree.Element, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
        element = ElementTree.SubElement(parent, f"{{{ATOM}}}{tag}", attributes)
        element.text = text or None
        return element

    add(feed, "id", channel.id)
    add(feed, "title", channel.title)
    add(feed, "updated", found[0]["date_published"] if found else "1970-01-01T00:00:00+00:00")
    add(feed, "link", rel="self", href=f"{base}{channel.place}.xml", type="application/atom+xml")
    add(feed, "link", rel="alternate", href=base + channel.page, type="text/html")
    add(add(feed, "author"), "name", facts.publisher.name.it)
    for event in found:
        entry = add(feed, "entry")
        add(entry, "id", event["id"])
        add(entry, "title", event["title"])
        add(entry, "updated", event["date_published"])
        add(entry, "link", rel="alternate", href=base + _page(event), type="text/html")
        for kind, id_ in event["_distretto"].items():
            add(entry, "link", rel="related", href=base + subject_page(kind, id_), type="text/html")
            add(
                entry,
                "link",
                rel="related",
                href=f"{base}{subject_place(kind, id_)}.xml",
                type="application/atom+xml",
            )
        add(entry, "category", term=event["tags"][0])
        add(entry, "content", event["content_text"])
    ElementTree.indent(feed)
    return ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
