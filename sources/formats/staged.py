"""The staged form that every decoder writes, and the DuckDB connection in which decoders work.

A staged snapshot is a folder of files:
`series.parquet`        series INTEGER (from 1), one VARCHAR column a dimension
`observations.parquet`  series INTEGER, period VARCHAR (SDMX: 2019, 2019-Q1, 2019-01), value DOUBLE or NULL,
                        flag VARCHAR ('' none, NULL unknown), conf VARCHAR or NULL; a decoder that works side by side
                        writes `observations-2.parquet` too
`notes.json`            sentences about what the decoder left out, if it left anything out
A bare `:` is no row; a row without a value is missing for the reason that its flag gives. Does not belong here: any one
wire format; key cells (`keys.py`); numbering and writing series (`write.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from sources.common.sql import connect
from sources.errors import StructureChanged, UnreadableBody

MEMORY = "512MB"
# begins the errors that our own SQL raises, to distinguish them from DuckDB's
MARK = "distretto\x1f"

# DuckDB's cast takes 1_000, nan and inf for numbers; a provider's number is none of these.
# A flag is letters; `_U` is SDMX's code for unknown, which our own bundled files use.
# SDMX writes a missing number as NaN (xs:double), and clients of SDMX write it as nan. Its OBS_STATUS is A for a normal value,
# _Z if no status applies, else one or more letters of CL_OBS_STATUS. CONF_STATUS F is free: no confidentiality.
MACROS = f"""
create or replace macro refused(place, text) as
    error('{MARK}The cell ' || place || ' holds ' || coalesce('"' || text || '"', 'nothing'));
create or replace macro empty_key(line, heading) as
    error('{MARK}A key is missing: row ' || line || ', column ' || heading || ' is empty');
create or replace macro read_value(text, place, cell) as
    case when text = ':' or text = '' then null
         when isfinite(try_cast(text as double)) and not contains(text, '_') then text::double
         else refused(place, cell)::double end;
create or replace macro read_sdmx_value(text, place, cell) as
    case when lower(text) = 'nan' then null else read_value(text, place, cell) end;
create or replace macro read_flag(text, place, cell) as
    case when text = '_U' then null
         -- the most common forms first: a regular expression a cell is slow
         when text = '' or (len(text) = 1 and text between 'a' and 'z') then text
         when regexp_full_match(text, '[a-zA-Z]{{1,8}}') then lower(text)
         else refused(place, cell) end;
create or replace macro read_status(text, place, cell) as
    case when text in ('', 'A', '_Z') then ''
         when text = '_U' then null
         when regexp_full_match(text, '[a-zA-Z]([ ,;|]*[a-zA-Z]){{0,7}}')
             -- in the order of the alphabet, as Eurostat writes several
             then array_to_string(list_sort(list_distinct(list_filter(
                 string_split(lower(text), ''), lambda letter: letter between 'b' and 'z'))), '')
         else refused(place, cell) end;
create or replace macro read_conf(text, place, cell) as
    case when text = '' or text is null or text = 'F' then null
         when regexp_full_match(text, '[A-Z]') then text
         else refused(place, cell) end;
"""


@dataclass(frozen=True)
class Staged:
    """A decoded body: the folder, and the provider's own update stamp if the body carries one."""

    folder: Path
    provider_updated_at: datetime | None = None

    @property
    def series(self) -> Path:
        """The file of the series' keys."""
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
        """The Parquet files: series first, then every part of the observations."""
        return [self.series, *self.folder.glob(self.observations.name)]

    @property
    def notes_file(self) -> Path:
        """Where the notes are kept; absent if there are none."""
        return self.folder / "notes.json"

    @property
    def notes(self) -> list[str]:
        """What was left out of the body, a sentence each."""
        try:
            return [str(note) for note in json.loads(self.notes_file.read_text(encoding="utf-8"))]
        except (FileNotFoundError, ValueError):
            return []

    def add_notes(self, notes: Iterable[str]) -> None:
        """Add `notes` to those already kept."""
        if new := list(notes):
            self.notes_file.write_text(json.dumps([*self.notes, *new], ensure_ascii=False), encoding="utf-8")


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
    """A DuckDB connection of bounded memory that writes into `folder`; its errors become UnreadableBody."""
    folder.mkdir(parents=True, exist_ok=True)
    # one thread: gzip is read by one anyway, and a second doubled the memory (216 MB against 103) for no speed
    con = connect(threads=1, memory_limit=MEMORY, temp_directory=str(folder / "spill"))
    try:
        con.execute(MACROS)
        yield con
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException) as failure:
        raise UnreadableBody(_message(failure)) from None
    except duckdb.InternalException:
        # DuckDB 1.5.5 fails an internal assertion on some bytes that are not UTF-8, if few columns are read
        raise UnreadableBody("The body breaks DuckDB's CSV reader, as bytes that are not UTF-8 do.") from None
    finally:
        con.close()


def _message(failure: duckdb.Error) -> str:
    """The one line of a DuckDB error that a person needs."""
    text = str(failure)
    if MARK in text:
        return text.partition(MARK)[2].splitlines()[0] + "."
    if "utf-8" in text.lower() or "unicode" in text.lower():
        line = re.search(r"[Ll]ine:? *(\d+)", text)
        return f"The body is not UTF-8{f' (line {line[1]})' if line else ''}."
    line = re.search(r"Line: (\d+)", text)
    said = re.search(r"(Expected Number of Columns.*|Possible fixes)", text)
    words = said[1] if said and said[1].startswith("Expected") else text.splitlines()[0]
    return f"Not the expected form{f' at line {line[1]}' if line else ''}: {words.strip()}"
