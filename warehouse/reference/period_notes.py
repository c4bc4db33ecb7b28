"""Events that a reader has to know to read the figures of a period, such as the pandemic of 2020.

Belongs here: the notes of `period_notes.yml` and which periods they belong to. Does not belong here: breaks of series
(`warehouse/statistics/breaks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sources.common.config import Names, Strict, load
from sources.common.periods import Period
from warehouse.reference.territory import REFERENCE


class PeriodNote(Strict):
    """A note on the figures of `year`, of the indicators of `themes`."""

    year: int
    themes: list[str]
    note: Names


@cache
def _notes() -> list[PeriodNote]:
    return load(REFERENCE / "period_notes.yml", list[PeriodNote])


def period_notes(theme: str, periods: Iterable[str]) -> list[Names]:
    """The notes on any of `periods` for an indicator of `theme`, each once. Raises SpecError where the file is wrong."""
    spans = [Period.parse(period) for period in periods]
    return [
        about.note
        for about in _notes()
        if theme in about.themes and any(span.start.year <= about.year <= span.end.year for span in spans)
    ]
