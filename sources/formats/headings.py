"""Finds the headings of a spreadsheet-style table, and the period that they, the lines above or the names say.

Belongs here: comparing headings with `layout` of the catalogue entry. Does not belong here: rows and cells (`tabular.py`).
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sources.errors import NotData, StructureChanged, UnreadableBody
from sources.formats.layout import TableLayout

LINES_ABOVE = 60
ROMAN = {"I": "1", "II": "2", "III": "3", "IV": "4"}


@dataclass(frozen=True)
class Figure:
    """What the cells of a column are: the code of their measure, and their period if the heading says it."""

    code: str
    period: str | None = None


@dataclass(frozen=True)
class Header:
    """The headings found: `columns` numbers all that are read, `line` is their last line, `above` the rows before.

    `dimensions` has the heading of each dimension, `figures` what each column of figures holds, `period` the heading of the
    column of periods, if there is one.
    """

    delimiter: str
    columns: dict[str, int]
    dimensions: dict[str, str]
    figures: dict[str, Figure]
    period: str | None
    width: int
    line: int
    above: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Wanted:
    """A column that the layout reads, by any of its alternative headings."""

    headings: list[str]

    def at(self, cells: list[str]) -> list[int]:
        """The numbers of the columns whose heading is one of the alternatives."""
        plain = {_plain(heading) for heading in self.headings}
        return [i for i, cell in enumerate(cells) if cell in plain]


def find_header(lines: list[str], delimiters: str, layout: TableLayout) -> Header:
    """The headings among the first `lines` of a file: of the row with most of them, or of two rows that share them.

    Raises StructureChanged with the heading that differs, NotData if there is none.
    """
    dimensions = {d: _Wanted(_alternatives(heading)) for d, heading in layout.columns.items()}
    period = [_Wanted(_alternatives(m.column)) for m in layout.period if m.column][:1]
    values: dict[str, _Wanted] = {}
    for code in dict.fromkeys(layout.values.values()):
        values[code] = _Wanted([h for h, c in layout.values.items() if c == code])
    wanted = [*dimensions.values(), *values.values(), *period]
    best: tuple[int, str, list[str], int, list[list[str]]] = (0, "", [], 0, [])
    for delimiter in delimiters:
        above: list[list[str]] = []
        for row, used in _rows(lines, delimiter):
            for candidate in (row, _merged(above[-1], row) if above else row):
                cells = [_plain(cell) for cell in candidate]
                found = sum(bool(one.at(cells)) for one in wanted)
                if found > best[0]:
                    best = (found, delimiter, candidate, used, above.copy())
            above.append(row)
    found, delimiter, row, used, above = best
    names = [heading for one in wanted for heading in one.headings]
    if not found:
        raise NotData(
            f"None of the headings {', '.join(map(repr, names))} is in the first {LINES_ABOVE} lines.",
            hint="check that it is the file that docs/hand-drops.md describes.",
        )
    _refuse_others(row, wanted, used)
    cells = [_plain(cell) for cell in row]

    def place(one: _Wanted) -> tuple[str, int]:
        (at,) = one.at(cells)
        return " ".join(row[at].split()), at

    columns: dict[str, int] = dict(place(one) for one in wanted)
    figures = {place(one)[0]: Figure(code) for code, one in values.items()}
    if layout.cells:
        for at, cell in enumerate(row):
            heading = " ".join(cell.split())
            text = find_period(layout, "heading", heading)
            if text and at not in columns.values():
                if heading in columns or any(figure.period == text for figure in figures.values()):
                    raise StructureChanged(f"The headings of line {used} have the period {text} twice.")
                columns[heading], figures[heading] = at, Figure(layout.cells, text)
        if not figures:
            raise StructureChanged(f"No heading of line {used} is a period.")
    width = max(len(row) - next((i for i, c in enumerate(reversed(row)) if c.strip()), 0), 1)
    return Header(
        delimiter,
        columns,
        {d: place(one)[0] for d, one in dimensions.items()},
        figures,
        place(period[0])[0] if period else None,
        width,
        used,
        above,
    )


def fixed_period(layout: TableLayout, above: list[list[str]], filename: str, sheet: str) -> str | None:
    """The one period of the whole file, or None if the table itself has periods. Raises UnreadableBody."""
    texts = {"above": " ".join(cell for row in above for cell in row), "name": filename, "sheet": sheet}
    found = {place: period for place, text in texts.items() if (period := find_period(layout, place, text))}
    names = {
        "above": "the lines above the headings",
        "name": f"the file's name {filename!r}",
        "sheet": f"the sheet's name {sheet!r}",
    }
    if len(set(found.values())) > 1:
        said = ", ".join(
            f"{names[place]} say{'' if place == 'above' else 's'} {p}" for place, p in found.items()
        )
        raise UnreadableBody(
            f"{said[0].upper()}{said[1:]}.",
            hint="find out which one is right, and name the file so.",
        )
    if found:
        return next(iter(found.values()))
    if any(moment.place in ("column", "heading") for moment in layout.period):
        return None
    raise UnreadableBody(
        f"No period: neither above the headings nor in the file's name {filename!r}.",
        hint="name the file as docs/hand-drops.md says, such as 2026-Q2.csv or 2026-08-24.xlsx.",
    )


def find_period(layout: TableLayout, place: str, text: str) -> str | None:
    """The period that `text` holds by the first pattern of `place` that fits, in a form that `Period.parse` reads."""
    for moment in layout.period:
        if moment.place != place:
            continue
        match = re.search(moment.pattern, text, re.IGNORECASE)
        if match:
            parts = match.groupdict()
            if quarter := parts.get("quarter"):
                return f"{parts['year']}-Q{ROMAN.get(quarter.upper(), quarter)}"
            units = (parts[unit].zfill(2) for unit in ("month", "day") if parts.get(unit))
            return "-".join([parts["year"], *units])
    return None


def _refuse_others(row: list[str], wanted: list[_Wanted], used: int) -> None:
    """Raise StructureChanged if `row` lacks a heading or has it more than once."""
    cells = [_plain(cell) for cell in row]
    plain = {_plain(heading) for one in wanted for heading in one.headings}
    problems, others = [], [cell for cell in cells if cell and cell not in plain]
    for one in wanted:
        times = len(one.at(cells))
        if times == 1:
            continue
        near = [m for h in one.headings for m in difflib.get_close_matches(_plain(h), others, 1, cutoff=0.4)]
        problems.append(
            f"expected the column {' or '.join(map(repr, one.headings))}, found "
            + (f"it {times} times" if times else f"{row[cells.index(near[0])]!r}" if near else "none like it")
        )
    if problems:
        given = ", ".join(repr(cell.strip()) for cell in row if cell.strip())
        raise StructureChanged(
            f"The headings of line {used} differ: {'; '.join(problems)}. The line has: {given[:600]}.",
            hint="if the provider has changed its table, change `layout` in the catalogue entry.",
        )


def _rows(lines: list[str], delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Rows of the first lines, with the number of lines up to each one's end."""
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except (StopIteration, csv.Error):
            # text above the table need not be CSV, and the last line may be cut off
            return
        yield row, reader.line_num


def _merged(upper: list[str], lower: list[str]) -> list[str]:
    """Headings over two lines: if a cell below is empty, the one above it reaches down."""
    longest = max(len(upper), len(lower))
    above, below = (row + [""] * (longest - len(row)) for row in (upper, lower))
    return [under if under.strip() else over for over, under in zip(above, below, strict=True)]


def _alternatives(headings: str | list[str]) -> list[str]:
    return [headings] if isinstance(headings, str) else headings


def _plain(text: str) -> str:
    """A heading as it is compared: blanks, case, kinds of apostrophe and a note's number behind it do not count."""
    bare = " ".join(text.replace("\u2019", "'").split())
    return re.sub(r"\s*\(\d+\)$", "", bare).casefold()
