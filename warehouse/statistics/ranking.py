"""The one rule of ranks: which figures are ranked, in which order, and how certain a rank is.

Belongs here: `rank` and `percentile`. Does not belong here: whom a territory is compared with (`peers.py`) and the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from warehouse.statistics.comparison import Comparable, Rules, difference_p_value
from warehouse.statistics.count_tests import holm
from warehouse.statistics.reliability import is_reliable

Direction = Literal["up", "down", "none"]
Place = TypeVar("Place", bound=Comparable)


@dataclass(frozen=True)
class Rank:
    """A place among `among` territories, 1 the best; equal values share a place.

    `low` to `high` is the range of places that pairwise tests of the period cannot tell apart, Holm-corrected at 5 %; both are
    None where the figures have no counts to test.
    """

    place: int
    among: int
    low: int | None
    high: int | None


def may_be_ranked(figure: Comparable) -> bool:
    """Whether a figure has a place in a ranking: reliable (class A or B) and of a complete period."""
    return is_reliable(figure) and not figure.truncated


def rank(figures: Mapping[str, Place], geo: str, rules: Rules, direction: Direction) -> Rank | None:
    """The rank of `geo` among `figures`, the figures of one period and one table by territory.

    The best value is first: the highest, or where `direction` is down the lowest. None for a quantity that grows with the size
    of the territory (enterprises, persons, money), for a figure that may not be ranked, and where `geo` is alone.
    """
    ranked = {place: figure for place, figure in figures.items() if may_be_ranked(figure)}
    if rules.unit.adds_up or geo not in ranked or len(ranked) < 2:
        return None
    sign = -1 if direction == "down" else 1
    ours = ranked[geo]
    others = [figure for place, figure in ranked.items() if place != geo]
    place = 1 + sum(sign * _value(other) > sign * _value(ours) for other in others)
    p_values = [p for other in others if (p := difference_p_value(ours, other, rules.test)) is not None]
    if len(p_values) < len(others):
        return Rank(place, len(ranked), None, None)
    differ = holm(p_values)
    above = sum(
        d and sign * _value(other) > sign * _value(ours) for d, other in zip(differ, others, strict=True)
    )
    below = sum(
        d and sign * _value(other) < sign * _value(ours) for d, other in zip(differ, others, strict=True)
    )
    return Rank(place, len(ranked), 1 + above, len(ranked) - below)


def _value(figure: Comparable) -> float:
    if figure.value is None:
        raise ValueError("a figure without a value has no rank")
    return figure.value
