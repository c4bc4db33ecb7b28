"""Output for people: results to stdout, progress and messages to stderr, no colour outside a terminal.

Belongs here: the two streams, messages, tables and cells. Does not belong here: what a command reports (`reports.py`) and
the progress of a run (`progress.py`).
"""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sources.data_folder import to_json

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

# a column of a table that is narrower than this on average cannot be read
LEAST_WIDTH = 9


def failed(message: str, hint: str) -> None:
    """A failure, and the next step."""
    err.print(Text("Failed: ", style="bold red") + Text(message, style=""))
    if hint:
        err.print(Text("Next: ", style="bold") + Text(hint))


def done(message: str, hint: str = "") -> None:
    """A message about what was done, and the next step."""
    err.print(Text("✓ ", style="green") + Text(message))
    if hint:
        err.print(Text(f"Next: {hint}"))


def report(as_json: bool, report: dict[str, Any], message: str, hint: str = "") -> None:
    """The result of a command: `report` as JSON on stdout, or `message` and the next step on stderr."""
    if as_json:
        print(to_json(report))
    else:
        done(message, hint)


def table(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """`rows` as a table of `columns`, as wide as it needs; on a narrow terminal folded, or each row as a list of cells."""
    numbers = [
        bool(rows)
        and all(isinstance(row.get(c), int | float) and not isinstance(row.get(c), bool) for row in rows)
        for c in columns
    ]
    heads = [column.replace("_", " ") for column in columns]
    cells = [[cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    if not out.is_terminal or sum(widths) + 2 * len(widths) <= out.width:
        # rich takes minutes for ten thousand rows
        lines = [
            "  ".join(
                text.rjust(width) if right else text.ljust(width)
                for text, width, right in zip(line, widths, numbers, strict=True)
            ).rstrip()
            for line in (heads, *cells)
        ]
        out.print(Text(lines[0], style="bold"))
        print(*lines[1:], sep="\n", end="\n" if rows else "")
        return
    if out.width < LEAST_WIDTH * len(columns):
        for number, line in enumerate(cells, 1):
            facts(f"{number}", dict(zip(columns, line, strict=True)), 0)
        return
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for head, right in zip(heads, numbers, strict=True):
        grid.add_column(head, justify="right" if right else "left", overflow="fold")
    for line in cells:
        grid.add_row(*line)
    out.print(grid)


def facts(title: str, named: dict[str, Any], indent: int) -> None:
    """`named` values below a title, those that are empty left out; on a terminal wide values are folded."""
    given = {label: str(value) for label, value in named.items() if value not in (None, "", [])}
    out.print(Text(" " * indent + title, style="bold"))
    if out.is_terminal:
        grid = Table.grid(padding=(0, 2))
        for _ in range(3):
            grid.add_column(overflow="fold")
        for label, value in given.items():
            grid.add_row(" " * indent + " ", Text(label, style="dim"), Text(value))
        wide().print(grid)
        return
    width = max(map(len, given), default=0)
    for label, value in given.items():
        print(f"{' ' * indent}   {label:<{width}}  {value}")


def wide() -> Console:
    """stdout for tables: as wide as the terminal, and outside one wide enough that nothing is cut."""
    return Console(highlight=False, width=None if out.is_terminal else 400)


def some(things: list[str], between: str = ", ", most: int = 12) -> str:
    """`things` joined, of more than `most` only the first, and how many more there are."""
    return between.join(things[:most]) + (f" and {len(things) - most:,} more" if len(things) > most else "")


def minute(text: str | None) -> str:
    """An ISO moment in UTC to the minute: 2026-11-27 03:50."""
    return text[:16].replace("T", " ") if text else ""


def cell(value: Any) -> str:
    """A value as text: numbers with separators of thousands, whole ones without decimals."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1e6 or value.is_integer() else f"{value:,.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
