"""How often the rule of change is wrong, and how often it sees a change: `python -m tests.power`.

Belongs here: drawing pairs of Poisson counts and of shares, and asking the rule of `warehouse/statistics/comparison.py`. Prints
a table for docs/methodology.md; the seed is fixed, so that it always prints the same. Does not belong here: any test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from sources.common.units import unit
from warehouse.statistics.comparison import Rules, compare

SEED = 20261127
DRAWS = 2000
CHANGES = (0, -5, -10, -15)
# sizes seen: births of Enna, Ragusa, Catania and Sicily
COUNTS = (25, 100, 600, 2000, 6000, 25_000)
# enterprises born three years before: of Enna, Ragusa, Catania and Sicily
COHORTS = (600, 2000, 6000, 25_000)
SURVIVAL = 0.57


@dataclass(frozen=True)
class Drawn:
    """A figure as the rule reads it."""

    period: str
    value: float
    numerator: float
    denominator: float | None
    flag: str = ""
    reliability: str = "A"
    break_before: bool = False
    truncated: bool = False
    dataset: str = "drawn"


def share_called(before: list[Drawn], now: list[Drawn], rules: Rules) -> float:
    """The share of the pairs that the rule calls up or down."""
    return sum(compare(b, a, rules).direction is not None for a, b in zip(before, now, strict=True)) / len(
        now
    )


def counts(size: int, percent: float, random: numpy.random.Generator) -> float:
    """The share of calls of Poisson counts whose mean changes by `percent`."""
    before = [Drawn("2019", n, n, None) for n in random.poisson(size, DRAWS).astype(float)]
    now = [Drawn("2020", n, n, None) for n in random.poisson(size * (1 + percent / 100), DRAWS).astype(float)]
    return share_called(before, now, Rules(unit("NR"), "counts"))


def shares(size: int, percent: float, random: numpy.random.Generator) -> float:
    """The share of calls of binomial shares of `size` whose probability changes by `percent`."""

    def drawn(period: str, probability: float) -> list[Drawn]:
        found = random.binomial(size, probability, DRAWS).astype(float)
        return [Drawn(period, 100 * n / size, n, size) for n in found]

    return share_called(
        drawn("2019", SURVIVAL), drawn("2020", SURVIVAL * (1 + percent / 100)), Rules(unit("PC"), "shares")
    )


def main() -> None:
    """Print false calls (no change) and power (changes of 5, 10 and 15 %), in percent of the pairs drawn."""
    random = numpy.random.default_rng(SEED)
    print("| Figure | " + " | ".join("no change" if c == 0 else f"{c} %" for c in CHANGES) + " |")
    print("|---|" + "---|" * len(CHANGES))
    for size in COUNTS:
        print(
            f"| count of {size:,} | "
            + " | ".join(f"{100 * counts(size, c, random):.1f}" for c in CHANGES)
            + " |"
        )
    for size in COHORTS:
        print(
            f"| share of {100 * SURVIVAL:.0f} % of {size:,} | "
            + " | ".join(f"{100 * shares(size, c, random):.1f}" for c in CHANGES)
            + " |"
        )


if __name__ == "__main__":
    main()
