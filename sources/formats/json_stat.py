"""JSON-stat 2.0: a cube whose `value` and `status` are arrays, or objects by linear row-major index.

Eurostat's Statistics API serves it, and chambers of commerce do: categories by `index`, an array or an object, `status` in
any of its forms (one text for all cells, an array, an object), a dimension of time by its role or by its name.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

from sources.common.sql import identifier
from sources.errors import NotData, UnreadableBody
from sources.formats import BodyFile, TableSpec
from sources.formats.keys import only_frequency, read_period
from sources.formats.staged import Staged, check_dimensions, decoding
from sources.formats.write import write_series

TIME = ("time", "time_period")
# a cube is parsed as a whole; 15 MB were measured to take 390 MB of memory
LARGEST = 50_000_000


def decode(body: BodyFile, table: TableSpec, folder: Path) -> Staged:
    """Stage the cube. A cell with a status and no value is missing with a reason. Raises as `Decoder` says."""
    import pandas as pd

    cube = _read(body)
    try:
        given = [str(name) for name in cube["id"]]
        codes = [_codes(cube["dimension"].get(name, {}), name) for name in given]
        roles = [str(name) for name in (cube.get("role") or {}).get("time") or ()]
    except (AttributeError, TypeError):
        raise UnreadableBody("id, dimension or role does not have the form of JSON-stat 2.0.") from None
    ids = [name.lower() for name in given]
    sizes = [len(found) for found in codes]
    if sizes != cube["size"]:
        raise UnreadableBody(f"size says {cube['size']}, the categories are {sizes}.")
    time = next((i for i, name in enumerate(given) if name in roles or ids[i] in TIME), None)
    if time is None:
        raise UnreadableBody("The cube has no time dimension.")
    found = [name for i, name in enumerate(ids) if i != time]
    check_dimensions(found, table.dimensions, optional=frozenset({"freq"}))
    periods = [
        read_period(text, table.frequencies, f"{position} of the dimension {given[time]}")
        for position, text in enumerate(codes[time], 1)
    ]
    codes[time] = [period.text for period in periods]
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    present = _present(cube, math.prod(sizes))
    place = "cell::varchar"
    with decoding(folder) as con:
        con.register("present", pd.DataFrame(present))
        for i, each in enumerate(codes):
            con.register(f"d{i}", pd.DataFrame({"position": range(len(each)), "code": each}))
        columns = [f"d{i}.code as {'period' if i == time else identifier(ids[i])}" for i in range(len(ids))]
        if "freq" in table.dimensions and "freq" not in found:
            columns.append(f"'{only_frequency(periods)}' as freq")
        joined = " ".join(
            f"join d{i} on d{i}.position = cell // {strides[i]} % {sizes[i]}" for i in range(len(ids))
        )
        con.execute(
            f"create temp table cells as select {', '.join(columns)}, present.* from present {joined}"
        )
        return write_series(
            con,
            "cells",
            table.dimensions,
            Staged(folder, _stamp(cube.get("updated"))),
            where="not isnan(value) or status <> ''",
            # Python's json reads 1e999 as infinity
            value=f"case when isnan(value) then null "
            f"when isinf(value) then refused({place}, 'a number too large')::double else value end",
            flag=f"read_flag(split_part(status, '|', 1), {place}, status)",
            conf=f"read_conf(split_part(status, '|', 2), {place}, status)",
        )


def _present(cube: dict[str, Any], size: int) -> dict[str, Any]:
    """The columns cell, value (NaN: none) and status of each cell that has either."""
    import pandas as pd

    values = _sparse(cube["value"])
    status = cube.get("status") or {}
    statuses = dict.fromkeys(values, status) if isinstance(status, str) else _sparse(status)
    cells = sorted(values.keys() | statuses.keys())
    if cells and not 0 <= cells[0] <= cells[-1] < size:
        raise UnreadableBody(f"Cell {cells[0] if cells[0] < 0 else cells[-1]} is outside the cube.")
    for cell, value in values.items():
        if type(value) not in (int, float, type(None)):
            raise UnreadableBody(f"Cell {cell} holds {value!r}.")
    return {
        "cell": pd.array(cells, dtype="int64"),
        "value": pd.array([_number(values.get(cell)) for cell in cells], dtype="float64"),
        "status": pd.array([str(statuses.get(cell) or "").removeprefix(":") for cell in cells], dtype="str"),
    }


def _number(value: int | float | None) -> float:
    """NaN for none, infinity for an integer that no double holds."""
    try:
        return math.nan if value is None else float(value)
    except OverflowError:
        return math.inf


def _read(body: BodyFile) -> dict[str, Any]:
    with body.open() as handle:
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
    codes: list[str] | None = None
    if isinstance(index, list):
        codes = [str(code).strip() for code in index]
    elif isinstance(index, dict) and sorted(index.values()) == list(range(len(index))):
        codes = [code.strip() for code in sorted(index, key=index.__getitem__)]
    elif index is None and len(labels := dimension.get("category", {}).get("label", {})) == 1:
        codes = list(labels)
    if codes is not None:
        if "" in codes:
            raise UnreadableBody(
                f"A key is missing: code {codes.index('') + 1} of the dimension {given} is empty."
            )
        if len(set(codes)) != len(codes):
            raise UnreadableBody(f"The dimension {given} has a code twice.")
        return codes
    raise UnreadableBody(f"The positions of dimension {given} are not 0 to n-1.")


def _stamp(text: str | None) -> datetime | None:
    """`2026-09-10T11:00:00+0200`; a bare date carries no time and no zone, so it is no stamp."""
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
