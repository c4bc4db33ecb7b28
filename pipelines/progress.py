"""The progress of long work on stderr: one moving line on a terminal, plain lines elsewhere.

Belongs here: counting the phases of a run and its datasets. Does not belong here: the phases (`sources/common/phases.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from pipelines.console import err
from sources.common.phases import Phase


class Steps(logging.Handler):
    """Shows log records of a run as `[phase/phases] message`, with the number of datasets asked so far."""

    def __init__(self, bar: Progress | None, datasets: int):
        super().__init__(logging.INFO)
        self._bar, self._datasets = bar, datasets
        self._phase: Phase | None = None
        self._asked: set[str] = set()
        self._task = bar.add_task("starting", total=None) if bar else None

    def emit(self, record: logging.LogRecord) -> None:
        """Show `record`; its `phase` and `done`, a dataset that was asked, are counted."""
        # threads ask the providers, and the phase never goes back
        self._phase = max(filter(None, (self._phase, getattr(record, "phase", None))), default=None)
        if done := getattr(record, "done", ""):
            self._asked.add(done)
        text = record.getMessage()
        if done and self._phase == Phase.COLLECT:
            text += f" ({len(self._asked)} of {self._datasets})"
        self._show(text, self._phase, len(Phase), record.levelno >= logging.WARNING)

    def step(self, number: int, text: str) -> None:
        """Show `text` as step `number` of as many as there are datasets, for work without phases."""
        self._show(text, number, self._datasets)

    def _show(self, text: str, number: int | None, of: int, loud: bool = False) -> None:
        if number is not None:
            text = f"[{number}/{of}] {text}"
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=text, completed=(number or 1) - 1, total=of)
        if loud or not self._bar:
            err.print(Text(text, style="red" if loud else ""))


@contextmanager
def progress(datasets: int) -> Iterator[Steps]:
    """A progress line on stderr while the block runs; on a terminal it disappears at the end."""
    if not err.is_terminal:
        yield Steps(None, datasets)
        return
    bar = Progress(
        SpinnerColumn(),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        # a message may contain brackets, which are not markup
        TextColumn("{task.description}", markup=False),
        console=err,
        transient=True,
    )
    with bar:
        yield Steps(bar, datasets)
