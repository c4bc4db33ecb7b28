"""What changed since the end of a month: one page for each of the last month ends."""

from __future__ import annotations

from datetime import date
from typing import Any

from assets.site.pages.page import Page
from assets.site.view import View

# revised values that a page lists
LISTED = 300


def as_published(view: View, version: dict[str, Any]) -> str:
    """A version of a value with its flag."""
    text = view.language.number(version["value"], version["unit"])
    return f"{text} {version['flag']}" if version["flag"] else text


def changed_since(view: View, day: date) -> dict[str, Any]:
    """What differs in this release from what was known at the end of `day`.

    `revised`: values known then and changed or withdrawn since; `entered`: by indicator, values not known then.
    """
    revised: list[dict[str, Any]] = []
    entered: dict[str, list[str]] = {}
    for (indicator, geo, period), versions in view.facts.versions.items():
        known = [v for v in versions if view.language.iso(v["known_from"]) <= day.isoformat()]
        then, now = known[-1] if known else None, versions[-1]
        if then is None or then["deleted"]:
            if not now["deleted"]:
                entered.setdefault(indicator, []).append(period)
        elif now["deleted"] or (then["value"], then["flag"]) != (now["value"], now["flag"]):
            gone = view.language.say("changes.withdrawn")
            revised.append(
                {
                    "indicator": indicator,
                    "geo": geo,
                    "period": period,
                    "then": as_published(view, then),
                    "now": gone if now["deleted"] else as_published(view, now),
                }
            )
    return {
        "revised": revised[:LISTED],
        "unlisted": max(len(revised) - LISTED, 0),
        "entered": [(id_, len(periods), min(periods), max(periods)) for id_, periods in entered.items()],
    }


def _data(view: View, key: str) -> dict[str, Any]:
    day = date.fromisoformat(key)
    return {"day": day} | changed_since(view, day)


PAGE = Page(
    "changes-{key}",
    "changes",
    "since.html",
    _data,
    lambda view: [day.isoformat() for day in view.month_ends],
)
