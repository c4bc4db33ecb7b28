"""One sheet of a workbook as CSV: a script that `tabular.py` runs in a separate process.

A workbook can ask for any amount of memory (one cell in the last row of the last column makes a table of billions), and the
library that reads it then ends the process, so it runs in a separate process with bounded memory and time. Belongs here: cells
as text. Does not belong here: what the columns mean. Nothing of the project is imported, so that the process starts soon.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import resource
import sys

MEMORY = 1 << 30
CPU_SECONDS = 60
SHEETS, ROWS, COLUMNS = 50, 500_000, 300


def main(workbook: str, into: str, sheet: str, decimal: str) -> str:
    """Write the sheet (the first if `sheet` is empty) to `into`, print its name, and return what is wrong, or nothing."""
    from python_calamine import CalamineWorkbook, PasswordError

    try:
        book = CalamineWorkbook.from_path(workbook)
    except PasswordError:
        return "The workbook is protected by a password"
    names = book.sheet_names
    if not names or len(names) > SHEETS:
        return f"The workbook has {len(names)} sheets, between 1 and {SHEETS} are read"
    if sheet and sheet not in names:
        return f"No sheet {sheet!r}: there are {', '.join(names)}"
    table = book.get_sheet_by_name(sheet or names[0])
    if table.start is None:
        return f"The sheet {table.name!r} is empty"
    above, before = table.start
    if above + table.height > ROWS or before + table.width > COLUMNS:
        return f"The sheet has {above + table.height:,} rows and {before + table.width:,} columns"
    with open(into, "w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, delimiter=";", lineterminator="\n").writerow
        for _ in range(above):
            write([""])
        for row in table.iter_rows():
            write([""] * before + [text(cell, decimal) for cell in row])
    print(table.name)
    return ""


def text(cell: object, decimal: str) -> str:
    """A cell as a person reads it: a number without thousands marks, with the decimal mark of the layout."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell).replace(".", decimal)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    return " ".join(str(cell).split())


if __name__ == "__main__":
    with contextlib.suppress(ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if problem := main(*sys.argv[1:5]):
        sys.exit(problem)
