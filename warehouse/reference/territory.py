"""Which territory is ours, `reference/territory.yml`, and the territories there are, `reference/geography.csv`.

Belongs here: reading both, and what in the first does not fit the second. Does not belong here: with whom ours is
compared (`peers.py`), what providers call territories (`sources/territories.csv`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sources.errors import DistrettoError

REFERENCE = Path(__file__).parent
REQUIRED = ("region", "provinces", "country", "names", "headlines")


@cache
def geography() -> dict[str, str]:
    """The parent of every known territory, by code; empty for those without."""
    with open(REFERENCE / "geography.csv", encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(line for line in handle if not line.startswith("#"))
        return {row["geo"]: row["parent"] for row in rows}


@cache
def territory() -> dict[str, Any]:
    """Our territory's file as it stands. Raises DistrettoError with every problem in it."""
    path = REFERENCE / "territory.yml"
    ours = yaml.safe_load(path.read_text(encoding="utf-8"))
    if problems := list(_problems(ours)):
        raise DistrettoError(
            f"{path}: {'; '.join(problems)}.",
            hint="docs/another-territory.md explains each key; the codes are in geography.csv beside it.",
        )
    return ours


def _problems(ours: dict[str, Any]) -> Iterator[str]:
    if missing := [key for key in REQUIRED if key not in ours]:
        yield f"{', '.join(missing)} missing"
        return
    seat = ours.get("seat")
    for geo in (ours["region"], ours["country"], *ours["provinces"]):
        if geo not in geography():
            yield f"{geo} is no territory of geography.csv"
    for geo in ours["provinces"]:
        if geography().get(geo, ours["region"]) != ours["region"]:
            yield f"{geo} is no part of {ours['region']}"
    if seat and seat not in ours["provinces"]:
        yield f"seat: {seat} is none of the provinces"
