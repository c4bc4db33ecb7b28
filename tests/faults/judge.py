"""What a fault left behind: readable, whole, nothing lost, said clearly, and the next night sound.

Belongs here: looking. Does not belong here: causing faults.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from tests.faults.ground import Case, Ending, Prepared

# the columns of the table, in its order
TROUBLES = (
    "failed reads",
    "mixed releases",
    "lost",
    "half releases",
    "poisoned later nights",
    "unclear messages",
)
FAILED, MIXED, LOST, HALF, POISONED, UNCLEAR = TROUBLES
ROWS = "select dataset, geo, indicator, period, value, flag from {} order by all"
REVISIONS = "select dataset, geo, indicator, period, old_value, value from revisions order by all"
# exit codes of which each message must say what to do
ENDED_WELL = (0, 3)
Rows = list[tuple[Any, ...]]


@dataclass
class Found:
    """What was wrong, by kind of trouble, with words for each."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    runs: int = 1

    def add(self, trouble: str, note: str) -> None:
        self.counts[trouble] += 1
        self.notes.append(f"{trouble}: {note}")


@dataclass(frozen=True)
class Before:
    """What stood before a fault."""

    rows: Any
    releases: dict[str, str]
    manifest: bytes


def figures(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Rows and revisions of the release that is shown."""
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as con:
        found = {table: con.execute(ROWS.format(table)).fetchall() for table in ("observations", "district")}
        return found | {"revisions": con.execute(REVISIONS).fetchall()}


def sums(folder: Path) -> str:
    return hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()


def releases(home: Path) -> list[Path]:
    return sorted((home / "releases").glob("[0-9]*"))


def standing(home: Path) -> Before:
    """What a fault in `home` must not take away."""
    return Before(
        figures(home),
        {folder.name: sums(folder) for folder in releases(home)},
        (home / "snapshots" / "manifest.jsonl").read_bytes(),
    )


def problems(folder: Path) -> list[str]:
    """What of the release in `folder` is not as its SHA256SUMS says; empty where it is whole."""
    try:
        listed = {line[66:]: line[:64] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    except OSError:
        return ["SHA256SUMS is missing"]
    found = []
    for place, digest in listed.items():
        try:
            with open(folder / place, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    found.append(f"{place} differs")
        except OSError as failure:
            found.append(f"{place}: {failure.strerror}")
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found + [f"{place} is not listed" for place in sorted(present - listed.keys() - {"SHA256SUMS"})]


def look(case: Case, before: Before, prepared: Prepared, found: Found, partly: bool = False) -> None:
    """Directly after a fault: what readers see is whole, and what was acknowledged is there.

    `partly`: a provider that failed leaves its own dataset as it was, so each dataset is before or after by itself.
    """
    home = case.home
    try:
        rows = figures(home)
        both = before.rows["observations"], prepared.expected["observations"]
        if rows["observations"] not in both and not (
            partly and _each_dataset_in(rows["observations"], *both)
        ):
            found.add(MIXED, "the shown figures are neither those before nor those after")
        shown = (home / "current").resolve()
        if json.loads((shown / "release.json").read_text())["release_id"] != shown.name:
            found.add(MIXED, f"{shown.name} has the release.json of another release")
    except (duckdb.Error, OSError, ValueError) as failure:
        found.add(FAILED, f"reading current: {failure}")
    for folder in releases(home):
        if wrong := problems(folder):
            found.add(HALF, f"{folder.name}: {wrong[0]}")
    for name, digest in before.releases.items():
        if not (home / "releases" / name).exists() or sums(home / "releases" / name) != digest:
            found.add(LOST, f"release {name}")
    if not (home / "snapshots" / "manifest.jsonl").read_bytes().startswith(before.manifest):
        found.add(LOST, "lines of the manifest")


def _each_dataset_in(rows: Rows, *states: Rows) -> bool:
    """Whether every dataset has exactly its rows of one of the states."""
    names = {row[0] for state in (rows, *states) for row in state}
    return all(
        any(
            [row for row in rows if row[0] == name] == [row for row in state if row[0] == name]
            for state in states
        )
        for name in names
    )


def words(ending: Ending, found: Found) -> None:
    """A command that did not go through says why and what to do next, and shows no trace."""
    if ending.code is None:
        found.add(POISONED, "the command hung")
        return
    text = " ".join(ending.text.split())
    if "Traceback (most recent call last)" in ending.text:
        found.add(UNCLEAR, f"a trace: {ending.text[-500:]}")
    elif ending.code == 1 and not ("Failed: " in text and "Next: " in text):
        found.add(UNCLEAR, f"exit code 1 and {text[-300:]!r}")
    elif ending.code not in (0, 1, 3, 130) and ending.code > 0:
        found.add(UNCLEAR, f"exit code {ending.code}: {text[-300:]!r}")
    elif "Failed: None" in text or ": None" in text:
        found.add(UNCLEAR, f"None in {text[-300:]!r}")


def next_night(case: Case, prepared: Prepared, found: Found, **how: Any) -> None:
    """The night after the fault goes through, and publishes what a night without a fault would have."""
    case.forget_rate_limits()
    case.ground.serve(1, case.home)
    ending = case.night(**how)
    words(ending, found)
    if ending.code not in ENDED_WELL:
        found.add(POISONED, f"exit code {ending.code}: {' '.join(ending.text.split())[-400:]}")
        return
    compare(case.home, prepared, found)


def compare(home: Path, prepared: Prepared, found: Found) -> None:
    """The release that is shown has the expected figures, and every release is whole."""
    rows = figures(home)
    for table, expected in prepared.expected.items():
        if rows[table] != expected:
            lost = [row for row in expected if row not in rows[table]]
            more = [row for row in rows[table] if row not in expected]
            found.add(LOST if lost else POISONED, f"{table}: missing {lost[:2]}, unexpected {more[:2]}")
    for folder in releases(home):
        if wrong := problems(folder):
            found.add(HALF, f"{folder.name}: {wrong[0]}")
    left = [*(home / "releases").glob(".building-*"), *home.glob(".*.tmp"), *home.glob(".current.*")]
    if left:
        found.add(HALF, f"left behind: {left[0].name}")
