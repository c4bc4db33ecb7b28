"""Writes the map layouts, simplified from ISTAT's boundaries: outlines.geojson (our provinces), outlines_country.json
(the country's regions and provinces).

Belongs here: simplification and layout (SVG paths, label positions, the inset of distant islands). Does not belong
here: colours, classes and values (`assets/site/maps.py`). Run it by hand when the territory or the boundaries change:

    python -m warehouse.reference.build_outlines BOUNDARIES.topojson

BOUNDARIES is ISTAT's file of the provinces ("Confini delle unità amministrative a fini statistici", CC BY) as
TopoJSON. Two neighbouring provinces share one arc in that file. Each arc is simplified once, so no gap opens, and the arcs
that two provinces of one region share are no border of the region.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from warehouse.reference.territory import territory

HERE = Path(__file__).parent
Point = tuple[float, float]
# square degrees; about 0.6 square kilometres at 38 degrees north
SMALLEST_TRIANGLE = 0.00006
# about 4 square kilometres: Linosa stays, the rocks do not
SMALLEST_ISLAND = 0.0004
# units of the drawing: its width, the padding inside the inset and the gap above it
WIDTH, PADDING, GAP = 1000, 14, 10
# degrees outside the frame of the large pieces, beyond which an island is drawn in the inset
FAR = 0.55
SOURCE = "ISTAT, Confini delle unità amministrative a fini statistici, CC BY; simplified"
# the country's map is a twelfth as large: triangles and islands that it leaves out, and its width
COUNTRY_TRIANGLE, COUNTRY_ISLAND, COUNTRY_WIDTH = 0.0012, 0.006, 600
# The boundaries have the provinces that Sardinia has had since 2025; NUTS 2021 and 2024 have those before. Sassari and Nuoro
# are whole sums of new ones. Cagliari has grown at the cost of Sud Sardegna, so these two are drawn as they are now.
SINCE_2025 = {
    112: "ITG2D",
    113: "ITG2D",
    114: "ITG2E",
    116: "ITG2E",
    117: "ITG2H",
    118: "ITG2F",
    119: "ITG2H",
}


def simplified(line: list[Point], smallest: float = SMALLEST_TRIANGLE) -> list[Point]:
    """`line` without the points that make the smallest triangles with their neighbours (Visvalingam); its ends stay."""
    points = list(line)
    areas = [area([points[i - 1], points[i], points[i + 1]]) for i in range(1, len(points) - 1)]
    while len(points) > 4:
        least = min(areas)
        if least > smallest:
            break
        at = areas.index(least)
        del points[at + 1], areas[at]
        # the triangles on both sides of the point that went
        for i in (at - 1, at):
            if 0 <= i < len(areas):
                areas[i] = area([points[i], points[i + 1], points[i + 2]])
    return points


class Arcs:
    """The arcs of a topology, each simplified once; `~number` is the same arc backwards."""

    def __init__(self, topology: dict[str, Any], smallest: float):
        self._topology, self._smallest = topology, smallest
        self._found: dict[int, list[Point]] = {}

    def __getitem__(self, number: int) -> list[Point]:
        if number < 0:
            return self[~number][::-1]
        if number not in self._found:
            (sx, sy), (tx, ty) = (self._topology["transform"][key] for key in ("scale", "translate"))
            steps = self._topology["arcs"][number]
            xs, ys = accumulate(x for x, _ in steps), accumulate(y for _, y in steps)
            line = [(x * sx + tx, y * sy + ty) for x, y in zip(xs, ys, strict=True)]
            self._found[number] = simplified(line, self._smallest)
        return self._found[number]


def signed_area(ring: Sequence[Point]) -> float:
    """The area of a closed ring, negative if it runs clockwise."""
    following = [*ring[1:], ring[0]]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, following, strict=True)) / 2


def area(ring: Sequence[Point]) -> float:
    """The absolute area of a closed ring."""
    return abs(signed_area(ring))


def outlines(topology: dict[str, Any], codes: dict[int, str]) -> dict[str, Any]:
    """GeoJSON with one feature for each of `codes` (ISTAT's number of the province to its NUTS code)."""
    arcs = Arcs(topology, SMALLEST_TRIANGLE)
    features: dict[str, dict[str, Any]] = {}
    for shape in next(iter(topology["objects"].values()))["geometries"]:
        facts = shape["properties"]
        if facts["COD_PROV"] not in codes:
            continue
        geo = codes[facts["COD_PROV"]]
        kept = features.setdefault(
            geo,
            {
                "type": "Feature",
                "properties": {"geo": geo, "sigla": facts["SIGLA"], "tipo": facts["TIPO_UTS"]},
                "geometry": {"type": "MultiPolygon", "coordinates": []},
            },
        )
        for outer in _outer_rings(shape):
            ring = [point for number in outer for point in arcs[number][:-1]]
            if area(ring) >= SMALLEST_ISLAND:
                ring.append(ring[0])
                kept["geometry"]["coordinates"].append([[[round(x, 3), round(y, 3)] for x, y in ring]])
    return {
        "type": "FeatureCollection",
        "source": SOURCE,
        "features": [features[geo] for geo in sorted(features)],
    }


def _outer_rings(shape: dict[str, Any]) -> list[list[int]]:
    """The numbers of the arcs of each outer ring; holes are the enclaves of other states."""
    polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
    return [outer for outer, *_holes in polygons]


def country(topology: dict[str, Any], codes: dict[int, str], parents: dict[str, str]) -> dict[str, Any]:
    """The layout of the country's map: by level, each territory's SVG path and the centre of its largest piece.

    `codes`: ISTAT's number of the province to its NUTS code; `parents`: the NUTS 2 region of each province.
    """
    arcs = Arcs(topology, COUNTRY_TRIANGLE)
    borders: dict[str, dict[str, list[int]]] = {"nuts2": defaultdict(list), "nuts3": defaultdict(list)}
    for shape in next(iter(topology["objects"].values()))["geometries"]:
        geo = codes[shape["properties"]["COD_PROV"]]
        numbers = [number for ring in _outer_rings(shape) for number in ring]
        borders["nuts3"][geo] += numbers
        borders["nuts2"][parents[geo]] += numbers
    rings = {
        level: {geo: _dissolved(arcs, numbers) for geo, numbers in sorted(found.items())}
        for level, found in borders.items()
    }
    west, south, east, north = frame([ring for found in rings["nuts2"].values() for ring in found])
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = COUNTRY_WIDTH / ((east - west) * squeeze)

    def at(point: Point) -> Point:
        return (point[0] - west) * squeeze * scale, (north - point[1]) * scale

    return {
        "source": SOURCE,
        "width": COUNTRY_WIDTH,
        "height": round((north - south) * scale),
        "levels": {
            level: {
                geo: {
                    "path": "".join(path([(round(x), round(y)) for x, y in map(at, ring)]) for ring in drawn),
                    "centre": [round(value) for value in at(centre(max(drawn, key=area)))],
                }
                for geo, drawn in found.items()
            }
            for level, found in rings.items()
        },
    }


def _dissolved(arcs: Arcs, numbers: list[int]) -> list[list[Point]]:
    """The rings around the union of shapes with the arcs `numbers`: arcs used in both directions lie inside.

    The largest ring, and others from the least area of an island on.
    """
    used = set(numbers)
    starts = defaultdict(list)
    for number in numbers:
        if ~number not in used:
            starts[arcs[number][0]].append(number)
    rings: list[list[Point]] = []
    while starts:
        ring: list[Point] = []
        spot = next(iter(starts))
        while spot in starts:
            number = starts[spot].pop()
            if not starts[spot]:
                del starts[spot]
            ring += arcs[number][:-1]
            spot = arcs[number][-1]
        rings.append([*ring, ring[0]])
    rings.sort(key=area, reverse=True)
    return [ring for ring in rings if ring is rings[0] or area(ring) >= COUNTRY_ISLAND]


def with_layout(collection: dict[str, Any]) -> dict[str, Any]:
    """`collection` with its map layout, in units of a drawing 1000 wide, measured from the top left.

    Each feature gets the properties `path` (SVG), `label` (the roomiest place inside its largest piece) and `centre`
    (the centre of gravity of that piece). The collection gets `layout`: width, height and `inset`, the frame
    `[x, y, width, height]` of distant islands, which are drawn at the same scale below on the left, or null.
    """
    rings = [
        (feature, [(x, y) for x, y in polygon[0]])
        for feature in collection["features"]
        for polygon in feature["geometry"]["coordinates"]
    ]
    large = max(area(ring) for _, ring in rings) * 0.05
    west, south, east, north = frame([ring for _, ring in rings if area(ring) >= large])

    def far(ring: list[Point]) -> bool:
        x, y = centre(ring)
        return not (west - FAR < x < east + FAR and south - FAR < y < north + FAR)

    near, away = [r for r in rings if not far(r[1])], [r for r in rings if far(r[1])]
    west, south, east, north = frame([ring for _, ring in near])
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = WIDTH / ((east - west) * squeeze)
    height = round((north - south) * scale)
    sizes: dict[str, float] = {}
    for feature in collection["features"]:
        feature["properties"] |= {"path": "", "label": [0, 0], "centre": [0, 0]}

    def place(feature: dict[str, Any], ring: list[Point], left: float, top: float, dx: int, dy: int) -> None:
        def at(point: Point) -> tuple[float, float]:
            return dx + (point[0] - left) * squeeze * scale, dy + (top - point[1]) * scale

        properties = feature["properties"]
        properties["path"] += path([(round(x), round(y)) for x, y in map(at, ring)])
        if area(ring) > sizes.get(properties["geo"], 0):
            sizes[properties["geo"]] = area(ring)
            for key, spot in (("label", roomiest(ring)), ("centre", centre(ring))):
                properties[key] = [round(value, 1) for value in at(spot)]

    for feature, ring in near:
        place(feature, ring, west, north, 0, 0)
    inset = None
    if away:
        left, low, right, high = frame([ring for _, ring in away])
        box = (
            round((right - left) * squeeze * scale) + 2 * PADDING,
            round((high - low) * scale) + 2 * PADDING,
        )
        inset = [0, height + GAP, *box]
        for feature, ring in away:
            place(feature, ring, left, high, PADDING, height + GAP + PADDING)
        height += GAP + box[1]
    return collection | {"layout": {"width": WIDTH, "height": height + 2, "inset": inset}}


def roomiest(ring: Sequence[Point], steps: int = 14) -> Point:
    """The point of a grid inside a ring that is farthest from its border: where a label fits best."""
    west, south, east, north = frame([ring])
    sides = list(zip(ring, [*ring[1:], ring[0]], strict=True))

    def room(x: float, y: float) -> float:
        """The square of the distance to the border, negative outside."""
        inside, least = False, math.inf
        for (ax, ay), (bx, by) in sides:
            dx, dy = bx - ax, by - ay
            if (ay > y) != (by > y) and x < ax + dx * (y - ay) / dy:
                inside = not inside
            share = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy or 1)
            share = min(1, max(0, share))
            least = min(least, (ax + share * dx - x) ** 2 + (ay + share * dy - y) ** 2)
        return least if inside else -least

    places = (
        (west + (east - west) * i / steps, south + (north - south) * j / steps)
        for i in range(1, steps)
        for j in range(1, steps)
    )
    return max(places, key=lambda place: room(*place))


def path(points: list[tuple[int, int]]) -> str:
    """A closed SVG path with relative steps, without points that rounding made equal."""
    (x, y), *rest = points
    text = f"M{x} {y}l"
    steps = []
    for nx, ny in rest[:-1]:
        if (nx, ny) != (x, y):
            steps.append(f"{nx - x} {ny - y}")
            x, y = nx, ny
    return text + " ".join(steps) + "z"


def frame(rings: list[Sequence[Point]]) -> tuple[float, float, float, float]:
    """West, south, east, north of `rings`."""
    xs, ys = [x for ring in rings for x, _ in ring], [y for ring in rings for _, y in ring]
    return min(xs), min(ys), max(xs), max(ys)


def centre(ring: Sequence[Point]) -> Point:
    """The centre of gravity of a ring."""
    ox, oy = ring[0]
    moved = [(x - ox, y - oy) for x, y in ring]
    total = signed_area(moved)
    cross = [(a, b, a[0] * b[1] - b[0] * a[1]) for a, b in zip(moved, [*moved[1:], moved[0]], strict=True)]
    return (
        ox + sum((a[0] + b[0]) * c for a, b, c in cross) / (6 * total),
        oy + sum((a[1] + b[1]) * c for a, b, c in cross) / (6 * total),
    )


def main() -> None:
    """Write both layouts from the TopoJSON file of ISTAT's boundaries that the command line names."""
    with open(HERE / "geography.csv", encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(line for line in handle if not line.startswith("#")))
    provinces = [row for row in rows if row["level"] == "nuts3" and row["istat_code"]]
    codes = {int(row["istat_code"]): row["geo"] for row in provinces}
    topology = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    ours = {number: geo for number, geo in codes.items() if geo in territory().provinces}
    found = json.dumps(with_layout(outlines(topology, ours)), ensure_ascii=False, separators=(",", ":"))
    (HERE / "outlines.geojson").write_text(found.replace('{"type":"Feature"', '\n{"type":"Feature"') + "\n")
    parents = {row["geo"]: row["parent"] for row in rows}
    whole = country(topology, codes | SINCE_2025, parents)
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).replace('"IT', '\n"IT')
    (HERE / "outlines_country.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
