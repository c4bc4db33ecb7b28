"""JSON-stat 2.0 as Eurostat's Statistics API serves it: sparse `value` and `status` by linear row-major index."""

from __future__ import annotations

import gzip
import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

from sources.common.sql import identifier, literal
from sources.errors import NotData, UnreadableBody
from sources.formats.staged import Staged, check_dimensions, decoding, period

TIME = ("time", "time_period")
# a cube is parsed as a whole; 15 MB were measured to take 390 MB of memory
LARGEST = 50_000_000


def decode(body: Path, gzipped: bool, dimensions: list[str], folder: Path) -> Staged:
    """Stage the cube in the file `body` into `folder`. `dimensions`: those expected, time apart, in any order.

    A cell with a status and no value is missing with a reason. Raises UnreadableBody, StructureChanged, NotData.
    """
    import pandas as pd

    cube = _read(body, gzipped)
    try:
        ids = [str(given).lower() for given in cube["id"]]
        codes = [_codes(cube["dimension"].get(given, {}), given) for given in cube["id"]]
    except (AttributeError, TypeError):
        raise UnreadableBody("id or dimension has not the form of JSON-stat 2.0.") from None
    sizes = [len(found) for found in codes]
    if sizes != cube["size"]:
        raise UnreadableBody(f"size says {cube['size']}, the categories are {sizes}.")
    time = next((i for i, text in enumerate(ids) if text in TIME), None)
    if time is None:
        raise UnreadableBody("The cube has no time dimension.")
    check_dimensions([text for i, text in enumerate(ids) if i != time], dimensions)
    codes[time] = [period(text) for text in codes[time]]
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]

    values, statuses = _sparse(cube["value"]), _sparse(cube.get("status") or {})
    cells = sorted(values.keys() | statuses.keys())
    if cells and not 0 <= cells[0] <= cells[-1] < math.prod(sizes):
        raise UnreadableBody(f"Cell {cells[0] if cells[0] < 0 else cells[-1]} lies outside the cube.")
    for cell, value in values.items():
        if type(value) not in (int, float, type(None)):
            raise UnreadableBody(f"Cell {cell} holds {value!r}.")
    present = pd.DataFrame(
        {
            "cell": pd.array(cells, dtype="int64"),
            "value": pd.array([values.get(cell) for cell in cells], dtype="float64"),
            "status": pd.array(
                [str(statuses.get(cell) or "").removeprefix(":") for cell in cells], dtype="str"
            ),
        }
    )
    staged = Staged(folder)
    place = "cell::varchar"
    with decoding(folder) as con:
        con.register("present", present)
        for i, found in enumerate(codes):
            con.register(f"d{i}", pd.DataFrame({"position": range(len(found)), "code": found}))
        at = {
            ids[i]: f"(select code from d{i} where position = first // {strides[i]} % {sizes[i]})"
            for i in range(len(ids))
        }
        # a series is a cell with the time taken out: `first` is its cell at the first period
        con.execute(f"""
            create temp table cells as
            select cell, cell // {strides[time]} % {sizes[time]} as moment, cell - moment * {strides[time]} as first,
                   dense_rank() over (order by first)::integer as series, case when isnan(value) then null
                        -- JSON has no infinity, but 1e999 is read as one
                        when isinf(value) then refused({place}, 'a number too large')::double else value end as value, status
            from present where not isnan(value) or status <> ''""")
        con.execute(f"""
            copy (select series, {", ".join(f"{at[d]} as {identifier(d)}" for d in dimensions)}
                  from (select distinct series, first from cells) order by series)
            to {literal(staged.series)} (format parquet, compression zstd)""")
        con.execute(f"""
            copy (
                select series, code as period, value,
                       read_flag(split_part(status, '|', 1), {place}, status) as flag,
                       read_conf(split_part(status, '|', 2), {place}, status) as conf
                from cells join d{time} on position = moment order by series, period
            ) to {literal(staged.part())} (format parquet, compression zstd)""")
    return Staged(folder, _stamp(cube.get("updated")))


def _read(body: Path, gzipped: bool) -> dict[str, Any]:
    with gzip.open(body, "rb") if gzipped else open(body, "rb") as handle:
        data = handle.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise UnreadableBody(f"More than {LARGEST:,} bytes of JSON: ask for the table as TSV.")
    try:
        cube = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as failure:
        raise UnreadableBody(f"Not JSON: {failure}.") from None
    if not isinstance(cube, dict) or not all(key in cube for key in ("id", "size", "dimension", "value")):
        raise NotData("No JSON-stat dataset: id, size, dimension or value is missing.")
    return cube


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _sparse(given: Any) -> dict[int, Any]:
    """Values by linear index, from either form: an object with text keys, or an array."""
    if isinstance(given, list):
        return dict(enumerate(given))
    try:
        return {int(key): value for key, value in given.items()}
    except (AttributeError, ValueError):
        raise UnreadableBody(
            "value or status is neither an array nor an object with numbers for keys."
        ) from None


def _codes(dimension: dict[str, Any], given: str) -> list[str]:
    """The codes of a dimension in the order of their positions."""
    index = dimension.get("category", {}).get("index")
    if isinstance(index, list):
        return [str(code) for code in index]
    if isinstance(index, dict) and sorted(index.values()) == list(range(len(index))):
        return sorted(index, key=index.__getitem__)
    if index is None and len(labels := dimension.get("category", {}).get("label", {})) == 1:
        return list(labels)
    raise UnreadableBody(f"The positions of dimension {given} are not 0 to n-1.")


def _stamp(text: str | None) -> datetime | None:
    """`2026-09-10T11:00:00+0200`; a bare date carries no time and no zone, so it is no stamp."""
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
