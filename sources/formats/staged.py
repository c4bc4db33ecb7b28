"""The staged form every decoder writes, and what decoders share.

A staged snapshot is a folder of Parquet files:
`series.parquet`        series INTEGER (from 1), one VARCHAR column a dimension
`observations.parquet`  series INTEGER, period VARCHAR (SDMX, see sources/common/periods.py), value DOUBLE or NULL,
                        flag VARCHAR ('' none, NULL unknown), conf VARCHAR or NULL; a decoder that works side by side
                        writes `observations-2.parquet` too
A bare `:` is no row; missing with a reason is a row without a value. Does not belong here: any one wire format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from sources.common.periods import Period
from sources.errors import InvalidPeriod, StructureChanged, UnreadableBody

MEMORY = "512MB"

# DuckDB's cast takes 1_000, nan and inf for numbers; a provider's number is none of these.
# A flag is letters; `_U` is SDMX's code for unknown, which our own shipped files use.
MACROS = r"""
create or replace macro refused(place, text) as error('cell ' || place || ' holds ' || coalesce('"' || text || '"', 'nothing'));
create or replace macro read_value(text, place, cell) as
    case when text = ':' or text = '' then null
         when isfinite(try_cast(text as double)) and not contains(text, '_') then text::double
         else refused(place, cell)::double end;
create or replace macro read_flag(text, place, cell) as
    case when text = '_U' then null
         -- the most common forms first: a regular expression a cell is slow
         when text = '' or (len(text) = 1 and text between 'a' and 'z') or regexp_full_match(text, '[a-zA-Z]{1,8}') then text
         else refused(place, cell) end;
create or replace macro read_conf(text, place, cell) as
    case when text = '' or text is null then null
         when regexp_full_match(text, '[A-Z]') then text
         else refused(place, cell) end;
"""


@dataclass(frozen=True)
class Staged:
    """A decoded body: the folder, and the provider's own stamp where the body carries one."""

    folder: Path
    provider_updated_at: datetime | None = None

    @property
    def series(self) -> Path:
        return self.folder / "series.parquet"

    def part(self, number: int = 1) -> Path:
        """Where a decoder writes observations: one file, or one for each that is written side by side."""
        return self.folder / f"observations{'' if number == 1 else f'-{number}'}.parquet"

    @property
    def observations(self) -> Path:
        """Every part, as read_parquet takes it."""
        return self.folder / "observations*.parquet"

    @property
    def files(self) -> list[Path]:
        return [self.series, *self.folder.glob(self.observations.name)]


def period(text: str) -> str:
    """A provider's period as SDMX text: `2013M01` is `2013-01`. Raises UnreadableBody."""
    try:
        return Period.parse(text).text
    except InvalidPeriod as failure:
        raise UnreadableBody(failure.message) from failure


def frequency(periods: list[str]) -> str:
    """The SDMX frequency code of `periods`, for layouts that carry none. Raises UnreadableBody if they have several."""
    found = {Period.parse(text).freq for text in periods}
    if len(found) != 1:
        raise UnreadableBody(f"Periods of several frequencies: {', '.join(sorted(found))}.")
    return found.pop()


def check_dimensions(
    found: list[str], expected: list[str], *, optional: frozenset[str] = frozenset()
) -> None:
    """Raise StructureChanged unless `found` has the dimensions expected, in any order."""
    added, gone = sorted(set(found) - set(expected)), sorted(set(expected) - set(found) - optional)
    if added or gone or len(set(found)) != len(found):
        parts = [f"new: {', '.join(added)}" if added else "", f"gone: {', '.join(gone)}" if gone else ""]
        raise StructureChanged(f"The dimensions are {', '.join(found)}; {'; '.join(p for p in parts if p)}.")


@contextmanager
def decoding(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection of bounded memory that writes into `folder`; its errors become ours."""
    folder.mkdir(parents=True, exist_ok=True)
    # one thread: gzip is read by one anyway, and a second doubled the memory (216 MB against 103) for no speed
    con = duckdb.connect(
        config={"threads": 1, "memory_limit": MEMORY, "temp_directory": str(folder / "spill")}
    )
    try:
        con.execute(MACROS)
        yield con
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException) as failure:
        raise UnreadableBody(_told(failure)) from None
    except duckdb.InternalException:
        # DuckDB 1.5.5 fails an assertion of its own on some bytes that are not UTF-8, where few columns are read
        raise UnreadableBody("The body breaks DuckDB's CSV reader, as bytes that are not UTF-8 do.") from None
    finally:
        con.close()


def _told(failure: duckdb.Error) -> str:
    """The one line of a DuckDB message that a person needs."""
    text = str(failure)
    if "cell " in text and " holds " in text:
        return "The " + text[text.index("cell ") :].splitlines()[0] + "."
    if "utf-8" in text.lower() or "unicode" in text.lower():
        line = re.search(r"[Ll]ine:? *(\d+)", text)
        return f"The body is not UTF-8{f' (line {line[1]})' if line else ''}."
    line = re.search(r"Line: (\d+)", text)
    said = re.search(r"(Expected Number of Columns.*|Possible fixes)", text)
    words = said[1] if said and said[1].startswith("Expected") else text.splitlines()[0]
    return f"Not the expected form{f' at line {line[1]}' if line else ''}: {words.strip()}"
