"""Writes outlines.geojson: the outlines of our provinces, simplified from ISTAT's boundaries.

Belongs here: how that file was made. Does not belong here: drawing it (`assets/site`). Run by a person when the
territory or the boundaries change:

    python -m warehouse.reference.build_outlines BOUNDARIES.topojson

BOUNDARIES is ISTAT's file of the provinces ("Confini delle unità amministrative a fini statistici", CC BY) as
TopoJSON. Borders that two provinces share are one arc there and are simplified once, so no gap opens between them.
"""

from __future__ import annotations

import csv
import json
import sys
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


def simplified(line: list[Point]) -> list[Point]:
    """`line` without the points that make the smallest triangles with their neighbours (Visvalingam); its ends stay."""
    points = list(line)
    while len(points) > 4:
        areas = [area([points[i - 1], points[i], points[i + 1]]) for i in range(1, len(points) - 1)]
        least = min(areas)
        if least > SMALLEST_TRIANGLE:
            break
        del points[areas.index(least) + 1]
    return points


def area(ring: list[Point]) -> float:
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))) / 2


def outlines(topology: dict[str, Any], codes: dict[int, str]) -> dict[str, Any]:
    """GeoJSON with one feature for each of `codes` (ISTAT's number of the province to its NUTS code)."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs: dict[int, list[Point]] = {}

    def arc(number: int) -> list[Point]:
        if number < 0:
            return arc(~number)[::-1]
        if number not in arcs:
            steps = topology["arcs"][number]
            xs, ys = accumulate(x for x, _ in steps), accumulate(y for _, y in steps)
            arcs[number] = simplified([(x * sx + tx, y * sy + ty) for x, y in zip(xs, ys, strict=True)])
        return arcs[number]

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
        polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
        for outer, *_holes in polygons:
            ring = [point for number in outer for point in arc(number)[:-1]]
            if area(ring) >= SMALLEST_ISLAND:
                ring.append(ring[0])
                kept["geometry"]["coordinates"].append([[[round(x, 3), round(y, 3)] for x, y in ring]])
    return {
        "type": "FeatureCollection",
        "source": "ISTAT, Confini delle unità amministrative a fini statistici, CC BY; simplified",
        "features": [features[geo] for geo in sorted(features)],
    }


def main() -> None:
    with open(HERE / "geography.csv", encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(line for line in handle if not line.startswith("#"))
        codes = {int(row["istat_code"]): row["geo"] for row in rows if row["geo"] in territory()["provinces"]}
    topology = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = json.dumps(outlines(topology, codes), ensure_ascii=False, separators=(",", ":"))
    (HERE / "outlines.geojson").write_text(found.replace('{"type":"Feature"', '\n{"type":"Feature"') + "\n")


if __name__ == "__main__":
    main()
