"""What happened, for subscribers: JSON Feed 1.1 and Atom, from the release's own tables.

Belongs here: events in words. Does not belong here: alerts to the operator (`pipelines/alerts.py`).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import duckdb

from sources.common.numbers import format_number
from sources.common.sql import rows
from sources.common.units import unit, unit_or_unknown
from warehouse.publishing.exports.release_metadata import Facts
from warehouse.targets.tables import falling_short

KEPT = 200
# tag of an event -> the page of the site that explains it
PAGES = {"schema": "downloads", "target": "targets", "refused": "quality", "provider": "quality"}
ATOM = "http://www.w3.org/2005/Atom"


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
            _item(
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
            _item(
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
                _item(
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
            _item(
                f"target:{t['target_id']}:{t['version']}:{t['point']}:{t['period']}",
                datetime.combine(t["judged_on"], datetime.min.time(), UTC)
                if t["missed"]
                else t["since"] or facts.release["built_at"],
                "target",
                f"Obiettivo {t['target_id']} ({it['about']}) {'mancato' if t['missed'] else 'a rischio'}: {it['value']} "
                f"nel {t['period']}, atteso {it['expected']}",
                f"Target {t['target_id']} ({en['about']}) {'missed' if t['missed'] else 'at risk'}: {en['value']} "
                f"in {t['period']}, expected {en['expected']}",
            )
        )
    before = json.loads((last / "feed.json").read_text()) if last and (last / "feed.json").exists() else {}
    found += [item for item in before.get("items", []) if "schema" in item["tags"]]
    found += _schema_changes(facts, last)
    return sorted(found, key=lambda item: (item["date_published"], item["id"]), reverse=True)[:KEPT]


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
                _item(
                    f"schema:{facts.release['release_id']}:{table}",
                    facts.release["built_at"],
                    "schema",
                    f"Tabella {table}, colonne: {it}",
                    f"Table {table}, columns: {en}",
                )
            )
    return changes


def _item(key: str, moment: datetime, tag: str, it: str, en: str) -> dict[str, Any]:
    return {
        "id": f"urn:distretto:{quote(key)}",
        "title": it,
        "content_text": f"{it}.\n{en}.",
        "date_published": moment.astimezone(UTC).isoformat(timespec="seconds"),
        "tags": [tag],
    }


def _page(facts: Facts, tag: str | None = None) -> str:
    """The page about events with this tag, or the first page; absolute if the release has a public address."""
    place = f"site/it/{PAGES.get(tag, 'changes')}.html" if tag else "site/it/index.html"
    return facts.publisher.base + place


def json_feed(facts: Facts, found: list[dict[str, Any]]) -> dict[str, Any]:
    """https://www.jsonfeed.org/version/1.1/"""
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": facts.publisher.title.it,
        "description": facts.publisher.description.it,
        "language": "it",
        "home_page_url": _page(facts),
        "feed_url": f"{facts.publisher.base}feed.json",
        "authors": [{"name": facts.publisher.name.it}],
        "items": [item | {"url": _page(facts, item["tags"][0])} for item in found],
    }


def atom(facts: Facts, found: list[dict[str, Any]]) -> bytes:
    """RFC 4287. Without items it was updated when nothing had happened yet: at the epoch."""
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed", {"xml:lang": "it"})

    def add(parent: ElementTree.Element, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
        element = ElementTree.SubElement(parent, f"{{{ATOM}}}{tag}", attributes)
        element.text = text or None
        return element

    add(feed, "id", "urn:distretto:feed")
    add(feed, "title", facts.publisher.title.it)
    add(feed, "updated", found[0]["date_published"] if found else "1970-01-01T00:00:00+00:00")
    add(feed, "link", rel="self", href=f"{facts.publisher.base}feed.xml", type="application/atom+xml")
    add(feed, "link", rel="alternate", href=_page(facts), type="text/html")
    add(add(feed, "author"), "name", facts.publisher.name.it)
    for item in found:
        entry = add(feed, "entry")
        add(entry, "id", item["id"])
        add(entry, "title", item["title"])
        add(entry, "updated", item["date_published"])
        add(entry, "link", rel="alternate", href=_page(facts, item["tags"][0]), type="text/html")
        add(entry, "category", term=item["tags"][0])
        add(entry, "content", item["content_text"])
    ElementTree.indent(feed)
    return ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
