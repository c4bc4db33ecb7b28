"""What decoders share that count records: tables within a zip, and sums over a country's regions.

Belongs here: unpacking within bounds, headings, rows for NUTS 3 with their sums above. Does not belong here: which records
there are and how they are counted (`regpat.py`, `cordis.py`). Names of persons and firms are never read.
"""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import duckdb

from sources.common.sql import identifier, literal
from sources.errors import NotData, StructureChanged, UnreadableBody
from sources.formats.staged import Staged

LARGEST = 12_000_000_000
LONGEST_HEADER = 1 << 16
COUNTRY = "IT"


def unpack(body: Path, wanted: dict[str, str], folder: Path) -> dict[str, Path]:
    """The members of the zip `body` whose names match the patterns `wanted`, as files in `folder` by the patterns' keys.

    Raises NotData, UnreadableBody; a pattern that no member or more than one matches is told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    left = LARGEST
    try:
        with zipfile.ZipFile(body) as archive:
            names = [PurePosixPath(member.filename).name for member in archive.infolist()]
            for key, pattern in wanted.items():
                fitting = [i for i, called in enumerate(names) if re.fullmatch(pattern, called, re.I)]
                if len(fitting) != 1:
                    raise UnreadableBody(
                        f"{len(fitting)} files of the zip are called like {pattern!r}, one is expected; "
                        f"it has {', '.join(names[:12]) or 'none'}."
                    )
                files[key] = folder / key
                with archive.open(archive.infolist()[fitting[0]]) as packed, open(files[key], "wb") as file:
                    while piece := packed.read(1 << 20):
                        left -= len(piece)
                        if left < 0:
                            raise UnreadableBody(f"The zip expands to more than {LARGEST:,} bytes.")
                        file.write(piece)
    except zipfile.BadZipFile as failure:
        raise NotData(f"No zip archive: {failure}.") from None
    except (EOFError, zlib.error, OSError, RuntimeError, NotImplementedError, ValueError) as failure:
        raise UnreadableBody(f"The zip cannot be unpacked: {failure}.") from None
    return files


def table(file: Path, called: str, delimiter: str, quote: str, needed: list[str]) -> str:
    """SQL that reads the columns of `file`, in small letters, every cell a text without blanks around it.

    Raises StructureChanged where one of `needed` is not among them.
    """
    with open(file, "rb") as handle:
        line = handle.readline(LONGEST_HEADER).decode("utf-8-sig", "replace").rstrip("\r\n")
    try:
        columns = [c.strip().strip('"').lower() for c in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error as failure:
        raise NotData(f"The first line of {called} is no header: {failure}.") from None
    if gone := [column for column in needed if columns.count(column) != 1]:
        raise StructureChanged(
            f"The columns of {called} are {', '.join(columns)[:600]}; expected, and not there once: {', '.join(gone)}.",
            hint="the decoder in sources/formats/ has to learn the new columns.",
        )
    every = {f"c{i}": "VARCHAR" for i in range(len(columns))}
    read = ", ".join(f"trim(coalesce(c{columns.index(c)}, ''), ' \"') as {identifier(c)}" for c in needed)
    # names of persons and places are in whatever encoding; what is read is ASCII
    return (
        f"(select row_number() over () + 1 as line, {read} from read_csv({literal(file)}, auto_detect=false, "
        f"header=false, skip=1, delim={literal(delimiter)}, quote={literal(quote)}, escape={literal(quote)}, "
        f"encoding='latin-1', null_padding=false, strict_mode=true, max_line_size=4000000, columns={every}))"
    )


def write(con: duckdb.DuckDBPyConnection, dimensions: list[str], staged: Staged) -> Staged:
    """Write the temp table `counted (region, <dimensions but freq and geo>, year, value)` as annual figures.

    A region is a NUTS 3 code of the country, or any other text for what is in none; each figure is summed over NUTS 2, NUTS 1
    and the country too. Sums are rounded to a millionth, since their last digits depend on the order.
    """
    others = "".join(f"{identifier(d)}, " for d in dimensions if d not in ("freq", "geo"))
    keys = ", ".join(map(identifier, dimensions))
    con.execute(f"""
        create temp table figures as
        select {keys}, period, round(sum(value), 6) as value from (
            select 'A' as freq, unnest(case when regexp_full_match(region, '{COUNTRY}[A-Z][0-9][0-9A-Z]')
                                            then [region, left(region, 4), left(region, 3), '{COUNTRY}']
                                            else ['{COUNTRY}'] end) as geo,
                   {others} year as period, value
            from counted
        ) group by all""")
    if not con.execute("select count(*) from figures").fetchone()[0]:
        raise NotData(f"There is no record of {COUNTRY}.")
    con.execute(
        f"create temp table codes as select row_number() over (order by {keys})::integer as series, {keys} "
        f"from (select distinct {keys} from figures)"
    )
    con.execute(
        f"copy (from codes order by series) to {literal(staged.series)} (format parquet, compression zstd)"
    )
    con.execute(f"""
        copy (select series, period, value, '' as flag, null::varchar as conf from figures join codes using ({keys})
              order by series, period) to {literal(staged.part())} (format parquet, compression zstd)""")
    return staged
