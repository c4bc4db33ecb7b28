"""Rows of CSV files written by people and spreadsheets, each with the line of the file on which it begins.

Belongs here: what spreadsheets add around a table (a byte order mark, `sep=;`, rows of separators alone, no-break
spaces, any line end), and the copy of the rows that DuckDB reads. Does not belong here: what the columns mean.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from sources.common.sql import literal
from sources.errors import UnreadableBody

LONGEST_LINE = 1 << 16
# what copying from a page leaves and nobody sees: zero-width spaces and joiners, a byte order mark within the text
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
Row = tuple[int, list[str]]


def as_text(handle: IO[bytes], encoding: str = "utf-8-sig") -> io.TextIOWrapper:
    """The file as text with its own line ends, CR alone among them."""
    return io.TextIOWrapper(handle, encoding=encoding, newline="")


def first_lines(text: IO[str], number: int) -> list[str]:
    """Up to `number` lines, longer ones cut off. Raises UnreadableBody if the bytes are not text of the encoding."""
    try:
        return [line for _ in range(number) if (line := text.readline(LONGEST_LINE))]
    except UnicodeDecodeError as failure:
        raise _wrong_encoding(failure, "") from None


def rows(lines: Iterable[str], delimiter: str, above: int = 0) -> Iterator[Row]:
    """Each row that is not empty, with its line in the file; `above` lines came before `lines`.

    Cells come without the blanks around them, no-break and invisible spaces included. Raises UnreadableBody with the line.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = above + 1
    try:
        for row in reader:
            cells = [cell.strip().strip(INVISIBLE).strip() for cell in row]
            if any(cells):
                yield line, cells
            line = above + reader.line_num + 1
    except csv.Error as failure:
        raise UnreadableBody(f"Not the expected form at line {line}: {failure}.") from None
    except UnicodeDecodeError as failure:
        raise _wrong_encoding(failure, f" (line {line} or later)") from None


def fitted(found: Iterable[Row], width: int) -> Iterator[Row]:
    """Rows of exactly `width` cells: cells beyond must be empty. Raises UnreadableBody with the line."""
    for line, cells in found:
        if len(cells) != width:
            if len(cells) < width or any(cells[width:]):
                raise UnreadableBody(
                    f"Not the expected form at line {line}: {len(cells)} cells, and the heading has {width}."
                )
            cells = cells[:width]
        yield line, cells


def write_rows(found: Iterable[Row], into: Path) -> None:
    """Write rows, each behind its line, to the file `into`, which `rows_sql` reads."""
    with open(into, "w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n").writerow
        for line, cells in found:
            write([line, *cells])


def rows_sql(file: Path, columns: Iterable[str]) -> str:
    """SQL for the rows that `write_rows` wrote: `line`, then `columns`, texts or NULL where a cell is empty."""
    typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    return (
        f"read_csv({literal(file)}, auto_detect=false, header=false, delim=',', quote='\"', escape='\"', "
        f"null_padding=false, strict_mode=true, max_line_size=4000000, columns={{'line': 'INTEGER', {typed}}})"
    )


def separator_of(line: str) -> str | None:
    """The separator that a first line `sep=;` announces to spreadsheets."""
    announced = line.strip()
    return announced[4] if len(announced) == 5 and announced.lower().startswith("sep=") else None


def _wrong_encoding(failure: UnicodeDecodeError, where: str) -> UnreadableBody:
    encoding = "UTF-8" if failure.encoding.startswith("utf") else failure.encoding
    return UnreadableBody(f"The body is not {encoding}{where}.")
