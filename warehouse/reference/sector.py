"""The district's sector: which statistics its page shows, from `sector.yml`.

Belongs here: the model of the file. Does not belong here: figures and the page (`assets/site/pages/sector.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from sources.common.config import Names, Problem, Strict, load
from warehouse.reference.territory import REFERENCE


class SectorItem(Strict):
    """An entry of the page.

    `indicators`: of each, the newest figure of the seat, else of the region. `observations`: tables without an indicator.
    `few`: an indicator that counts units; below `least` units the figures of the entry are suppressed.
    """

    id: str
    title: Names
    datasets: list[str]
    indicators: list[str]
    observations: list[str] = []
    few: str | None = None
    least: int = 0


class Sector(Strict):
    """`sector.yml`; `region` is the one that the page is about."""

    region: str
    title: Names
    lead: Names
    caution: Names
    items: list[SectorItem]


@cache
def sector() -> Sector:
    """The sector's file. Raises SpecError with every problem."""
    return load(REFERENCE / "sector.yml", Sector, problems=_problems)


def _problems(given: Sector) -> Iterator[Problem]:
    seen = set()
    for place, item in enumerate(given.items):
        if item.id in seen:
            yield ("items", place, "id"), f"{item.id} is given twice"
        seen.add(item.id)
        if item.few and item.few not in item.indicators:
            yield ("items", place, "few"), f"{item.few} is not one of the item's indicators"
