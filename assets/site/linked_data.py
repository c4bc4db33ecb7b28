"""What machines read on a page: JSON-LD in the terms of schema.org, and the pages' public addresses.

Belongs here: schema.org descriptions and the site map. Does not belong here: the release's catalogue in DCAT
(`warehouse/publishing/exports/dcat.py`). Without a public address in `publisher.yml` addresses are relative to the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import quoteattr

from markupsafe import Markup

from assets.site.language import LANGUAGES
from assets.site.queries import Measure
from assets.site.view import View
from warehouse.publishing.exports.release_metadata import publisher

PREVIEW = "preview.png"


def public_site() -> str:
    """The public address of the folder `site/` of the current release; empty if the release has none."""
    base = publisher().base
    return f"{base}site/" if base else ""


def address(language: str, page: str) -> str | None:
    """The public address of a page."""
    return f"{public_site()}{language}/{page}.html" if public_site() else None


def web_page(view: View, page: str, title: str, description: str, about: dict[str, Any] | None) -> Markup:
    """The page as JSON-LD, with what it is `about`, safe inside a script element.

    It names no release: a page whose figures did not change stays the same file in the next release.
    """
    found = {
        "@context": "https://schema.org",
        "@type": "WebPage",
        "name": str(title),
        "description": str(description),
        "inLanguage": view.language.code,
        "publisher": _publisher(view),
        "url": address(view.language.code, page),
        "mainEntity": about,
    }
    return _script({key: value for key, value in found.items() if value is not None})


def dataset(view: View, measure: Measure) -> dict[str, Any]:
    """An indicator as a schema.org Dataset, with the CSV file of its page."""
    language, facts = view.language, view.facts
    periods = sorted({point.period for points in measure.series.values() for point in points})
    sources = [facts.catalogue[name] for name in dict.fromkeys(row["dataset"] for row in measure.inputs)]
    licences = [
        link if (link := entry["licence_url"] or "").startswith("http") else language.plain(entry["licence"])
        for entry in sources
    ]
    data = f"{public_site()}data" if public_site() else "../data"
    return {
        "@type": "Dataset",
        "name": measure.title(language.code),
        "description": measure.header[f"definition_{language.code}"],
        "identifier": measure.id,
        "inLanguage": language.code,
        "isAccessibleForFree": True,
        "creator": _publisher(view),
        "license": list(dict.fromkeys(licences)),
        "citation": [entry["citation"] for entry in sources],
        "temporalCoverage": f"{periods[0]}/{periods[-1]}" if periods else None,
        "spatialCoverage": [view.place_name(geo) for geo in measure.series],
        "variableMeasured": {
            "@type": "PropertyValue",
            "name": measure.title(language.code),
            "unitText": view.unit_name(measure.unit),
        },
        "distribution": [
            {
                "@type": "DataDownload",
                "encodingFormat": "text/csv",
                "contentUrl": f"{data}/{measure.id}.csv",
            }
        ],
    }


def catalogue(view: View) -> dict[str, Any]:
    """The release as a schema.org DataCatalog that lists its indicators."""
    language = view.language
    return {
        "@type": "DataCatalog",
        "name": language.of(publisher().title),
        "description": language.of(publisher().description),
        "creator": _publisher(view),
        "version": view.facts.release["release_id"],
        "dataset": [
            {
                "@type": "Dataset",
                "name": measure.title(language.code),
                "description": measure.header[f"definition_{language.code}"],
                "url": address(language.code, f"indicator-{measure.id}") or f"indicator-{measure.id}.html",
            }
            for measure in view.facts.measures.values()
        ],
    }


def site_map(names: Iterable[str], modified: str) -> str:
    """sitemap.xml of the pages `names`, each with its versions in both languages; they need a public address."""
    rows = []
    for name in names:
        links = "".join(
            f'<xhtml:link rel="alternate" hreflang="{code}" href={quoteattr(str(address(code, name)))}/>'
            for code in LANGUAGES
        )
        rows += [
            f"<url><loc>{address(code, name)}</loc><lastmod>{modified}</lastmod>{links}</url>"
            for code in LANGUAGES
        ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n'
        + "\n".join(rows)
        + "\n</urlset>\n"
    )


def _publisher(view: View) -> dict[str, Any]:
    who = publisher()
    found = {"@type": "Organization", "name": view.language.of(who.name), "url": who.homepage}
    return {key: value for key, value in found.items() if value}


def _script(found: dict[str, Any]) -> Markup:
    # no text may end the script element
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))
