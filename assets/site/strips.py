"""The strip of all European regions: positions of every value on a line, with ours marked.

Belongs here: coordinates, per mille of the line. Does not belong here: which values are on it (`spreads.py`), words and
markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from assets.site.charts import scale
from assets.site.spreads import Spread


@dataclass(frozen=True)
class Strip:
    """Positions per mille of the line: of all values as an SVG path, of the ticks, and of our territories."""

    spread: Spread
    path: str
    ticks: list[tuple[int, float]]
    ours: dict[str, int]
    median: tuple[int, float]


def strip(spread: Spread, ours: Sequence[str]) -> Strip:
    """The strip of `spread`, on which the territories `ours` are marked."""
    values = sorted(spread.values.values())
    axis = scale(values)

    def at(value: float) -> int:
        return 1000 - axis.at(value)

    middle = median(values)
    return Strip(
        spread,
        "".join(f"M{x} 0v10" for x in sorted({at(value) for value in values})),
        [(at(tick), tick) for tick in axis.ticks],
        {geo: at(spread.values[geo]) for geo in ours if geo in spread.values},
        (at(middle), middle),
    )
