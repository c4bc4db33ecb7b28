"""Helpers of decoders that count records: unpacking a zip, headings, and sums over a country's regions.

Belongs here: unpacking within bounds, headings, rows for NUTS 3 with their sums above. Does not belong here: which records
there are and how they are counted (`regpat.py`, `cordis.py`). Names of persons and firms are never read.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path, PurePosixPath

import duckdb

from sources.common.sql import identifier
from sources.errors import NotData, StructureChanged, UnreadableBody
from sources.formats import zips
from sources.formats.staged import Staged
from sources.formats.write import write_series

LARGEST = 12_000_000_000


def unpack(body: Path, wanted: dict[str, str], folder: Path) -> dict[str, Path]:
    """The members of the zip `body` whose names match the patterns `wanted`, as files in `folder` by the patterns' keys.

    Raises NotData, UnreadableBody; a pattern that no member or more than one matches is an error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    left = LARGEST
    with zips.opened(body) as archive:
        names = [PurePosixPath(member.filename).name for member in archive.infolist()]
        for key, pattern in wanted.items():
            fitting = [i for i, called in enumerate(names) if re.fullmatch(pattern, called, re.I)]
            if len(fitting) != 1:
                raise UnreadableBody(
                    f"{len(fitting)} files of the zip are called like {pattern!r}, one is expected; "
                    f"it has {', '.join(names[:12]) or 'none'}."
                )
            files[key] = folder / key
            left = zips.extract(archive, archive.infolist()[fitting[0]], files[key], LARGEST, left=left)
    return files


def columns_of(line: str, called: str, delimiter: str, needed: list[str]) -> list[str]:
    """The columns that the first `line` of the file `called` names, in small letters.

    Raises StructureChanged unless each of `needed` is among them once.
    """
    try:
        columns = [c.strip().strip('"').lower() for c in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error as failure:
        raise NotData(f"The first line of {called} is no header: {failure}.") from None
    if gone := [column for column in needed if columns.count(column) != 1]:
        raise StructureChanged(
            f"The columns of {called} are {', '.join(columns)[:600]}; expected, and not there once: {', '.join(gone)}.",
            hint="the decoder in sources/formats/ needs the new columns.",
        )
    return columns


def write_figures(
    con: duckdb.DuckDBPyConnection, dimensions: list[str], country: str, staged: Staged
) -> Staged:
    """Write the temp table `counted (region, <dimensions but freq and geo>, year, value)` as annual figures.

    A region is a NUTS 3 code of `country`, or any other text for what is in none; each figure is summed over NUTS 2, NUTS 1
    and the country too. Sums are rounded to a millionth, since their last digits depend on the order.
    """
    others = "".join(f"{identifier(d)}, " for d in dimensions if d not in ("freq", "geo"))
    keys = ", ".join(map(identifier, dimensions))
    con.execute(f"""
        create temp table figures as
        select {keys}, period, round(sum(value), 6) as value from (
            select 'A' as freq, unnest(case when regexp_full_match(region, '{country}[A-Z][0-9][0-9A-Z]')
                                            then [region, left(region, 4), left(region, 3), '{country}']
                                            else ['{country}'] end) as geo,
                   {others} year as period, value
            from counted
        ) group by all""")
    if not con.execute("select 1 from figures limit 1").fetchone():
        raise NotData(f"There is no record of {country}.")
    return write_series(con, "figures", dimensions, staged, flag="''", conf="null::varchar")
