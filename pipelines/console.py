"""Printing for people: results to stdout, progress and messages to stderr, no colour off a terminal.

Belongs here: the looks of the command line. Does not belong here: what is printed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from sources.data_folder import to_json, utc_now

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

# a column of a table that is narrower than this on the average cannot be read
LEAST_WIDTH = 9

STATE_STYLES = {
    "live": "bold green",
    "unchanged": "green",
    "stale": "bold red",
    "pinned": "yellow",
    "shipped": "cyan",
    "missing": "dim",
    "not configured": "dim",
}

STATUS_STYLES = {
    "met": "bold green",
    "on_track": "green",
    "delayed": "yellow",
    "off_track": "bold red",
    "not_assessable": "dim",
    "not_comparable": "dim",
}


class Steps(logging.Handler):
    """Turns the steps' log into one moving line; off a terminal, into plain lines."""

    def __init__(self, bar: Progress | None, total: int):
        super().__init__(logging.INFO)
        self.bar, self.seen = bar, set()
        self.task = bar.add_task("starting", total=total) if bar else None

    def emit(self, record: logging.LogRecord) -> None:
        self.step(getattr(record, "done", ""), record.getMessage(), record.levelno >= logging.WARNING)

    def step(self, done: str, text: str, loud: bool = False) -> None:
        self.seen |= {done} if done else set()
        if self.bar:
            self.bar.update(self.task, description=text, completed=len(self.seen))
        if loud or not self.bar:
            err.print(Text(text, style="red" if loud else ""))


@contextmanager
def progress(total: int) -> Iterator[Steps]:
    """A progress line on stderr while the block runs; at its end it is gone."""
    if not err.is_terminal:
        yield Steps(None, total)
        return
    bar = Progress(
        SpinnerColumn(),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=err,
        transient=True,
    )
    with bar:
        yield Steps(bar, total)


def failed(message: str, hint: str) -> None:
    err.print(Text("Failed: ", style="bold red") + Text(message, style=""))
    if hint:
        err.print(Text("Next: ", style="bold") + Text(hint))


def done(message: str, hint: str = "") -> None:
    err.print(Text("✓ ", style="green") + Text(message))
    if hint:
        err.print(Text(f"Next: {hint}"))


def report(as_json: bool, report: dict[str, Any], message: str, hint: str = "") -> None:
    """The result of a command: `report` as JSON on stdout, or `message` and the next step on stderr."""
    if as_json:
        print(to_json(report))
    else:
        done(message, hint)


def doctor(found: list[dict[str, Any]]) -> None:
    """Each provider's answer and pace, each dataset's next release, then what to do where something is wrong."""
    now = utc_now().isoformat()
    providers = [
        {
            **row,
            "answers": {True: "yes", False: "NO", None: "not asked"}[row["answers"]]
            if row["host"]
            else "a folder",
            "one request every": f"{row['seconds_between_requests']:g} s" if row["host"] else "",
            "budget": _budget(row),
            "may be asked": "now"
            if row["host"] and row["may_be_asked_at"] <= now
            else _moment(row["may_be_asked_at"]),
            "last asked": _moment(row["last_asked"]),
        }
        for row in found
    ]
    table(
        providers,
        [
            "provider",
            "answers",
            "said",
            "credentials",
            "one request every",
            "budget",
            "last asked",
            "may be asked",
        ],
    )
    out.print()
    releases = [
        {
            **owed,
            "provider updated it": _moment(owed["updated"])[:10] or "not known",
            "next release": owed["expected"],
            "late": "LATE" if owed["late"] else f"after {owed['late_after']}" if owed["late_after"] else "",
        }
        for row in found
        for owed in row["datasets"]
    ]
    table(releases, ["dataset", "state", "provider updated it", "next release", "late"])
    for row in found:
        for owed in row["datasets"]:
            if owed["twin"]:
                err.print(
                    f"{owed['dataset']}: a table in NACE Rev. 2.1 is beside it, {owed['twin']}; see docs/operating.md."
                )
            if owed["failing"]:
                err.print(f"{owed['dataset']}: failing; distretto status says why.")
            if owed["late"]:
                err.print(
                    f"{owed['dataset']}: late. Next: distretto probe {owed['dataset']} tells what the provider has."
                )
        if row["next"]:
            err.print(f"{row['provider']}. Next: {row['next']}")


def _budget(row: dict[str, Any]) -> str:
    """What a provider's pace and budgets leave room for."""
    return "; ".join(
        words.format(row[key] / each)
        for key, each, words in (
            ("requests_a_run", 1, "{:,.0f} requests a run"),
            ("requests_left_this_hour", 1, "{:,.0f} left this hour"),
            ("bytes_left_this_week", 1e6, "{:,.0f} MB left this week"),
        )
        if row[key] is not None
    )


def probed(found: dict[str, Any]) -> None:
    """What a probe found: first what breaks the entry, then what is new, then what agrees."""
    broken = [
        (f"dimension {kind}", ", ".join(found["dimensions"][kind]))
        for kind in ("gone", "new")
        if found["dimensions"][kind]
    ]
    broken += [(f"{d}: asked for and gone", some(codes)) for d, codes in found["codes_gone"].items()]
    broken += [
        (words, some(found[key]))
        for key, words in (
            ("codes_without_unit", "codes without a unit in the entry"),
            ("territories_unknown", "territories that geography.csv lacks"),
        )
        if found[key]
    ]
    changed = [(f"{d}: new at the provider", some(codes)) for d, codes in found["codes_new"].items()]
    changed += [(f"{d}: held, no longer listed", some(codes)) for d, codes in found["codes_vanished"].items()]
    changed += [("periods new at the provider", some(found["periods_new"]))] if found["periods_new"] else []
    periods = {
        side: " to ".join(dict.fromkeys(span)) or "not told" for side, span in found["periods"].items()
    }
    out.print(f"{found['dataset']} ({found['code']} of {found['provider']})")
    out.print(f"  dimensions  {', '.join(found['dimensions']['found'])}")
    out.print(
        f"  periods     {periods['provider']}"
        + (f"; held: {periods['held']}" if found["held"] else "; no figures held")
    )
    for style, rows in (("red", broken), ("yellow", changed)):
        for what, which in rows:
            out.print(Text(f"  {what}: ", style=style) + Text(which))
    if not broken:
        done("The provider has all that the catalogue entry asks for.")
    else:
        failed("The catalogue entry and the provider differ.", "mend the entry, see docs/add-a-dataset.md.")


def some(things: list[str], between: str = ", ", most: int = 12) -> str:
    """`things` in words; of many the first."""
    return between.join(things[:most]) + (f" and {len(things) - most:,} more" if len(things) > most else "")


def _moment(text: str | None) -> str:
    """An ISO moment to the minute in UTC, as people read it."""
    return text[:16].replace("T", " ") if text else ""


def table(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """`rows` as a table of `columns`, as wide as it needs; on a terminal too narrow for it folded, or row below row."""
    numbers = [
        bool(rows)
        and all(isinstance(row.get(c), int | float) and not isinstance(row.get(c), bool) for row in rows)
        for c in columns
    ]
    heads = [column.replace("_", " ") for column in columns]
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    if not out.is_terminal or sum(widths) + 2 * len(widths) <= out.width:
        # not by rich, which takes minutes for some ten thousand rows
        lines = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numbers, strict=True)
            ).rstrip()
            for line in (heads, *cells)
        ]
        out.print(Text(lines[0], style="bold"))
        print(*lines[1:], sep="\n", end="\n" if rows else "")
        return
    if out.width < LEAST_WIDTH * len(columns):
        for number, line in enumerate(cells, 1):
            _facts(f"{number}", dict(zip(columns, line, strict=True)), 0)
        return
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for head, right in zip(heads, numbers, strict=True):
        grid.add_column(head, justify="right" if right else "left", overflow="fold")
    for line in cells:
        grid.add_row(*line)
    out.print(grid)


def refreshed(report: dict[str, Any]) -> None:
    """The end of a refresh: where the release is, each dataset's state, the headline figures."""
    print_ = out.print
    if report["published"]:
        print_(
            Text("Published ", style="bold green")
            + Text(f"release {report['published']}")
            + Text(f" in {report['folder']}")
        )
    else:
        print_(
            Text("Nothing changed: ", style="bold")
            + Text(f"release {report['current']} in {report['folder']} stands.")
        )
    print_()
    _datasets(report["datasets"])
    print_()
    for headline in report["headlines"]:
        print_(Text(headline["text_en"]))
    if report["worse"]:
        err.print(
            Text(
                f"\nDegraded: {', '.join(report['worse'])} got worse since the last run; the last good figures stand.",
                style="bold yellow",
            )
        )
    if report["undrawn"]:
        pages = ", ".join(report["undrawn"])
        err.print(Text(f"\nPages that could not be drawn, and say so: {pages}.", style="bold yellow"))


def status(report: dict[str, Any]) -> None:
    at = report["run"].get("at")
    out.print(
        Text(
            f"Release {report['current']} in {report['folder']}"
            if report["current"]
            else "No release yet: run `distretto refresh`."
        )
    )
    out.print(Text(f"Last run {at[:16].replace('T', ' ')} UTC" if at else "No run yet"))
    if report["run"].get("failed"):
        out.print(Text(f"The last run published nothing: {report['run']['failed']}", style="bold red"))
    out.print()
    _datasets(report["datasets"])


def results(rows: list[dict[str, Any]]) -> None:
    """Targets by directive: what is to be reached, and how each stands at its points."""
    shown: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        shown.setdefault((row["target_id"], row["version"]), []).append(row)
    for (target, version), points in shown.items():
        about = points[0]
        standing = f", superseded by version {about['superseded_by']}" if about["superseded_by"] else ""
        out.print(
            Text(f"{target}, version {version}", style="bold")
            + Text(f"  {about['stage']}{standing}", style="yellow")
        )
        out.print(
            Text(
                f"  {about['directive']}; {about['geo']} {about['indicator']} ({about['unit']}) "
                f"from {_cell(about['baseline_value'])} in {about['baseline_period']}; {about['timing'].replace('_', ' ')}",
                style="dim",
            )
        )
        grid = Table(box=None, pad_edge=False, header_style="dim")
        for column in (
            "",
            "point",
            "period",
            "goal",
            "expected",
            "value",
            "progress",
            "change",
            "peers",
            "status",
            "chance",
            "because",
        ):
            numbers = column not in ("", "point", "period", "status", "because")
            grid.add_column(column, justify="right" if numbers else "left", overflow="fold")
        for row in points:
            grid.add_row(
                "",
                row["point"],
                row["period"],
                _cell(row["goal"]),
                _cell(row["expected"]),
                _cell(row["value"]),
                _percent(row["progress"], ".0f"),
                _percent(row["change"], "+.1f"),
                _percent(row["peers_change"], "+.1f"),
                Text(row["status"].replace("_", " "), style=STATUS_STYLES[row["status"]]),
                _percent(row["probability"] and row["probability"] * 100, ".0f"),
                row["reason_en"],
            )
        _wide().print(grid)
        out.print()


def trail(found: dict[str, Any]) -> None:
    """A number and where it comes from, from the outcome to the origin."""
    for answer in found["answers"]:
        _facts(answer["title"], answer["facts"], 0)
        for step in answer["inputs"]:
            _facts(f"from {step['title']}", step["facts"], 2)
        _wide().print()


def _facts(title: str, facts: dict[str, Any], indent: int) -> None:
    console = _wide()
    console.print(Text(" " * indent + title, style="bold"))
    grid = Table.grid(padding=(0, 2))
    for _ in range(3):
        grid.add_column(overflow="fold")
    for label, value in facts.items():
        if value not in (None, "", []):
            grid.add_row(" " * indent + " ", Text(label, style="dim"), Text(str(value)))
    console.print(grid)


def _datasets(datasets: dict[str, dict[str, Any]]) -> None:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("dataset", "state", "updated by its provider", "last check"):
        grid.add_column(column, overflow="fold", no_wrap=column == "dataset")
    troubles: dict[tuple[str, str], list[str]] = {}
    for name, entry in datasets.items():
        state = entry["state"] + (f" {entry['age_days']} d" if entry["age_days"] is not None else "")
        if entry["late"]:
            late = (
                "Its provider has not updated it for longer than usual.",
                "nothing, or look at its release calendar.",
            )
            troubles.setdefault(late, []).append(name)
        if entry.get("outcome") in ("failed", "quarantined"):
            troubles.setdefault((entry["failure"]["message"], entry["failure"]["hint"]), []).append(name)
        if twin := entry.get("twin"):
            beside = (
                f"Its provider has a table in NACE Rev. 2.1 beside it, {twin['code']}, updated {twin['updated'][:10]}.",
                "see docs/operating.md; section letters have other meanings there, so nothing is joined by them.",
            )
            troubles.setdefault(beside, []).append(name)
        if entry["state"] == "not configured":
            missing = (
                (
                    f"Not asked, and no failure: its provider needs {' and '.join(entry['unset'])}.",
                    "set them in the environment (docs/operating.md), or leave it as it is.",
                )
                if "unset" in entry
                else (
                    f"Not asked, and no failure: it needs a file in {entry['folder']}/.",
                    "lay one in (docs/hand-drops.md), or leave it as it is.",
                )
            )
            troubles.setdefault(missing, []).append(name)
        grid.add_row(
            name,
            Text(state, style=STATE_STYLES[entry["state"]]),
            (entry["provider_updated_at"] or "not known")[:10],
            Text(entry.get("outcome", "not checked"), style="yellow" if entry["trouble"] else ""),
        )
    _wide().print(grid)
    for (message, hint), names in troubles.items():
        out.print()
        out.print(Text(", ".join(names), style="yellow"))
        out.print(Text(f"  {message}"))
        out.print(Text(f"  Next: {hint}", style="dim"))


def _wide() -> Console:
    """stdout for tables: as wide as the terminal, or as they need where there is none, so that nothing is cut."""
    return Console(highlight=False, width=None if out.is_terminal else 400)


def _percent(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}} %"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
