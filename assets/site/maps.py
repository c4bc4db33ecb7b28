"""The maps of our provinces and of the country: classes for rates, circles for counts.

Belongs here: which class or radius each value gets. Does not belong here: the layout of the outlines, computed when they
are built (`warehouse/reference/build_outlines.py`), markup (`templates/`) and colours (`style.css`, `board.py`).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from assets.site.charts import nice_step
from warehouse.reference.territory import REFERENCE, territory

# the radius of the largest circle as a share of the drawing's width: nine provinces leave more room than a hundred
LARGEST, LARGEST_OF_COUNTRY = 0.085, 0.06
CLASSES = 5


@dataclass(frozen=True)
class Shape:
    """A province on the map: SVG path, label and centre positions, its letters and its legal kind."""

    geo: str
    path: str
    label: tuple[float, float]
    centre: tuple[float, float]
    sigla: str
    kind: str


@dataclass(frozen=True)
class Layout:
    """The territories' shapes, ours last so that their borders lie on top; `inset` frames distant islands."""

    width: int
    height: int
    shapes: dict[str, Shape]
    inset: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class Step:
    """A class of the legend: its shade and its bounds, None where it is open."""

    shade: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Map:
    """Values on the map: either `classes` (shade by territory, with a legend) or `circles` (radius by territory)."""

    layout: Layout
    values: dict[str, float]
    classes: dict[str, int]
    circles: dict[str, float]
    legend: list[Step]


@cache
def layout() -> Layout | None:
    """The layout in outlines.geojson; None unless every province of ours has an outline."""
    found: dict[str, Any] = json.loads((REFERENCE / "outlines.geojson").read_text(encoding="utf-8"))
    shapes = {
        p["geo"]: Shape(p["geo"], p["path"], tuple(p["label"]), tuple(p["centre"]), p["sigla"], p["tipo"])
        for p in (feature["properties"] for feature in found["features"])
    }
    if not set(territory().provinces) <= set(shapes):
        return None
    seat, inset = territory().seat, found["layout"]["inset"]
    return Layout(
        found["layout"]["width"],
        found["layout"]["height"],
        dict(sorted(shapes.items(), key=lambda item: item[0] == seat)),
        tuple(inset) if inset else None,
    )


@cache
def country_layout(level: str) -> Layout | None:
    """The layout of the country's territories of a level in outlines_country.json; None unless ours are among them."""
    found: dict[str, Any] = json.loads((REFERENCE / "outlines_country.json").read_text(encoding="utf-8"))
    drawn = {
        geo: Shape(geo, shape["path"], tuple(shape["centre"]), tuple(shape["centre"]), "", "")
        for geo, shape in found["levels"].get(level, {}).items()
    }
    ours = {territory().region, *territory().provinces}
    if not ours & set(drawn):
        return None
    shapes = dict(sorted(drawn.items(), key=lambda item: (item[0] in ours, item[0] == territory().seat)))
    return Layout(found["width"], found["height"], shapes, None)


def circle_map(drawn: Layout, values: dict[str, float], largest: float = LARGEST) -> Map:
    """Circles whose area is proportional to the value, the largest with the radius `largest`; no circle below zero."""
    most = max(values.values(), default=0) or 1
    radii = {
        geo: round(largest * drawn.width * (max(value, 0) / abs(most)) ** 0.5, 1)
        for geo, value in values.items()
    }
    # a small circle lies on a large one
    return Map(drawn, values, {}, dict(sorted(radii.items(), key=lambda item: -item[1])), [])


def class_map(drawn: Layout, values: dict[str, float], over_time: list[float]) -> Map:
    """Shades by class; the classes hold `over_time`, the values of every period, so that years compare."""
    breaks = class_breaks(over_time)
    # few classes take the middle of the palette, so that a single class does not look empty
    shift = 0 if len(breaks) > 2 else 1
    edges = [None, *breaks, None]
    return Map(
        drawn,
        values,
        {geo: sum(value >= edge for edge in breaks) + shift for geo, value in values.items()},
        {},
        [Step(i + shift, edges[i], edges[i + 1]) for i in range(len(breaks) + 1)],
    )


def class_breaks(values: list[float], classes: int = CLASSES) -> list[float]:
    """Inner breaks of at most `classes` classes of equal width at round numbers, over all `values`."""
    if not values or min(values) == max(values):
        return []
    step = nice_step((max(values) - min(values)) / classes)
    while True:
        first = math.floor(min(values) / step) + 1
        breaks = [round(i * step, 10) for i in range(first, math.ceil(max(values) / step))]
        if len(breaks) < classes:
            return breaks
        step = nice_step(step * 1.01)
