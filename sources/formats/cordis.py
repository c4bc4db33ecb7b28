"""CORDIS's bulk file of a framework programme: participations in projects by region, counted from a zip of CSV tables.

`organization.csv`, one row per participation: `projectID`, `country`, `nutsCode`, and `ecContribution` in EUR with a decimal
point (older editions have a comma), empty for partners without one. `project.csv`: `id`, `startDate`, YYYY-MM-DD. `;` between
cells, quotes around them, texts over several lines, in which quotes may be doubled, escaped by a backslash or left as they
are. Columns are those of an excerpt of October 2026; no whole file was available.

Records that cannot be counted (no start, no project, a contribution that is not a number) are left out, and their number is
noted. If they are more than one in twenty, the form of the file has changed, and it is refused.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb

from sources.errors import NotData, UnreadableBody
from sources.formats import BodyFile, TableSpec
from sources.formats.records import columns_of, unpack, write_figures
from sources.formats.rows import as_text
from sources.formats.staged import Staged, decoding

MOST_APART = 0.05
# this many faulty records are accepted in any file
FEW_APART = 20
LONGEST_RECORD = 400
DATE = re.compile(r"((?:19|20)\d\d)-\d\d-\d\d.*")
NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
# between two cells, with any quotes inside them
BETWEEN = re.compile(r'(?:(?<=")|(?<=;)|^);(?="|;|$)')
# how a record begins, if its number is quoted or not
QUOTED, BARE = re.compile(r'"\d+";'), re.compile(r"\d+;")


def decode(body: BodyFile, table: TableSpec, folder: Path) -> Staged:
    """Stage the zip; dimensions are freq, horizon and geo, years are those in which projects start.

    Raises as `Decoder` says.
    """
    files = unpack(body.path, {"organization": r"organization\.csv", "project": r"project\.csv"}, folder)
    apart: Counter[str] = Counter()
    starts: dict[str, str] = {}
    projects = 0
    for record in _records(files["project"], "project.csv", ["id", "startdate"]):
        projects += 1
        if record and record[0] and (match := DATE.fullmatch(record[1])):
            starts[record[0]] = max(match[1], starts.get(record[0], ""))
    needed = ["projectid", "country", "nutscode", "eccontribution"]
    counted, read = [], 0
    for record in _records(files["organization"], "organization.csv", needed):
        read += 1
        if not record:
            apart["cannot be read"] += 1
            continue
        project, country, region, money = record
        if not project or not country:
            apart["have no project or country"] += 1
        elif country.upper() == table.country:
            year, euro = starts.get(project), _euro(money)
            if year is None:
                apart["are in projects without a start date"] += 1
            elif euro is None:
                apart["have a contribution that is no number"] += 1
            else:
                counted += [
                    (region.upper(), "PARTICIPATIONS", year, 1.0),
                    (region.upper(), "EC_EUR", year, euro),
                ]
    notes = [f"{number:,} participations {reason} and are not counted." for reason, number in apart.items()]
    if apart.total() > max(FEW_APART, MOST_APART * read):
        raise UnreadableBody(f"Of {read:,} participations {' '.join(notes)}")
    if not counted:
        raise NotData(
            " ".join([f"There is no participation of {table.country} that can be counted.", *notes])
        )
    staged = Staged(folder)
    with decoding(folder) as con:
        _load(con, counted)
        write_figures(con, table.dimensions, table.country, staged)
    staged.add_notes(notes)
    return staged


def _load(con: duckdb.DuckDBPyConnection, counted: list[tuple[str, str, str, float]]) -> None:
    import pandas as pd

    frame = pd.DataFrame(counted, columns=["region", "horizon", "year", "value"])
    con.register("records", frame)
    con.execute("create temp table counted as from records")


def _euro(text: str) -> float | None:
    """A comma as the only mark is a decimal comma; both marks together are ambiguous, which is None."""
    if not text:
        return 0.0
    return float(text.replace(",", ".")) if NUMBER.fullmatch(text) else None


def _records(file: Path, called: str, needed: list[str]) -> Iterator[list[str] | None]:
    """The cells `needed` of each record, or None if its cells cannot be separated. Raises StructureChanged."""
    # names of persons and places are in any encoding; what is read is ASCII
    with open(file, "rb") as handle, as_text(handle, "latin-1") as text:
        columns = columns_of(text.readline().removeprefix("\xef\xbb\xbf").rstrip("\r\n"), called, ";", needed)
        at = [columns.index(column) for column in needed]
        pending: list[str] = []
        begins: re.Pattern[str] | None = None
        for line in text:
            if not pending and not line.strip():
                continue
            begins = begins or (QUOTED if line.startswith('"') else BARE)
            if pending and (begins.match(line) or len(pending) >= LONGEST_RECORD):
                # a record that is not whole when the next one begins has badly quoted texts that hide its cells
                if _cells("".join([*pending, line]), len(columns)) is None:
                    yield None
                    pending = []
            pending.append(line)
            cells = _cells("".join(pending), len(columns))
            if cells:
                yield [cells[i] for i in at]
                pending = []
        if pending:
            yield None


def _cells(record: str, width: int) -> list[str] | None:
    """The cells of a whole record, or None if it is not whole yet or has another number of them."""
    text = record.rstrip("\r\n")
    try:
        (cells,) = csv.reader(record.splitlines(keepends=True), delimiter=";", strict=True)
    except (csv.Error, ValueError):
        if not text.endswith(('"', ";")):
            return None
        cells = [cell.strip().removeprefix('"').removesuffix('"') for cell in BETWEEN.split(text)]
    return [cell.strip() for cell in cells] if len(cells) == width else None
