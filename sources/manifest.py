"""Where the manifest's lines are kept: a file of JSON lines, only ever appended to and fsynced; or the lake's tables.

Belongs here: the file, and what any such place offers. Does not belong here: what a line says (`snapshots.py`), and the
lake's tables (`lake/lake.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from sources.data_folder import utc_now, write_atomic

# a line with the number of the acceptance in it: None for other events, and where the number follows from the place
Line = tuple[int | None, str | bytes]


class Manifest(Protocol):
    """A place for the manifest's lines."""

    @property
    def name(self) -> str:
        """Its place, for messages."""

    def read(self) -> list[tuple[int | None, str | bytes, bool]]:
        """Every line, oldest first, with its number and whether the release checks have yet to judge it."""

    def next_moment(self, last: datetime | None) -> datetime:
        """Now, and later than `last`, the last decision that the caller knows."""

    def next_acceptance(self, last: datetime | None, count: int) -> tuple[int, datetime]:
        """Number and moment of a new acceptance; `count`: the acceptances that the caller knows."""

    def append(self, lines: Iterable[tuple[int | None, str]]) -> None:
        """Add lines, durably."""

    def hold(self, number: int | None, moment: datetime, line: str) -> None:
        """Keep a line until `confirm` or `drop_held`, for other processes."""

    def confirm(self, held: list[tuple[int | None, str]]) -> None:
        """Add the lines `held`, durably."""

    def drop_held(self) -> None:
        """Discard what is held."""


class ManifestFile:
    """A file with one writer, who alone knows what is held."""

    def __init__(self, path: Path):
        self.path = path
        self.name = str(path)

    def read(self) -> list[tuple[int | None, str | bytes, bool]]:
        """Every whole line. Text after the last newline is of a crashed run, and was never acknowledged."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return [(None, line, False) for line in data.split(b"\n")[:-1]]

    def next_moment(self, last: datetime | None) -> datetime:
        """Now, and later than `last`, even if the clock is behind."""
        now = utc_now()
        return now if last is None or now > last else last + timedelta(microseconds=1)

    def next_acceptance(self, last: datetime | None, count: int) -> tuple[int, datetime]:
        """The number is the place among the acceptances, from 1."""
        return count + 1, self.next_moment(last)

    def append(self, lines: Iterable[tuple[int | None, str]]) -> None:
        """Add lines, after cutting off what a crashed run began."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            write_atomic(self.path, b"")
        with open(self.path, "rb+") as handle:
            data_end = handle.seek(0, os.SEEK_END)
            handle.seek(max(data_end - 1, 0))
            if data_end and handle.read(1) != b"\n":
                handle.seek(0)
                handle.truncate(handle.read().rfind(b"\n") + 1)
                handle.seek(0, os.SEEK_END)
            handle.write("".join(f"{line}\n" for _, line in lines).encode())
            handle.flush()
            os.fsync(handle.fileno())

    def hold(self, number: int | None, moment: datetime, line: str) -> None:
        """Nothing: the store holds it in memory."""

    def confirm(self, held: list[tuple[int | None, str]]) -> None:
        """Add the lines `held`."""
        self.append(held)

    def drop_held(self) -> None:
        """Nothing: the store drops it."""
