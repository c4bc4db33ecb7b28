"""The one rendering of a number, in Italian and English.

Belongs here: rounding, digits and signs of numbers for readers. Does not belong here: which number is shown, and the numbers of
machine-readable tables, which are never rounded.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

from babel.numbers import get_decimal_symbol, get_group_symbol

from sources.common.units import Unit

Language = Literal["it", "en"]
MINUS = "\u2212"
NO_BREAK = "\u00a0"
_POINTS = {"it": "punti", "en": "points"}
_SIGNIFICANT = 3
_MOST_DECIMALS = 3


def format_number(value: float, unit: Unit, language: Language, *, sign: bool = True) -> str:
    """A published value in its unit: counts in full, everything else to three significant digits.

    A count in thousands keeps one decimal, as providers publish it: 352.1 thousand. 49.75 is 49.8 and 22,993.4 is 22,993.
    `sign=False` leaves out the unit's sign (%, €). A small number that would read as 0 keeps three decimals at most. Infinite
    and undefined values raise ValueError: they are no figures.
    """
    places = decimals(value)
    if unit.kind == "count" and unit.scale and unit.scale < 1 and value != int(value):
        places = max(places, 1)
    return format_decimals(value, places, language) + (getattr(unit.sign, language) if sign else "")


def format_change(amount: float, unit: str, language: Language) -> str:
    """The size of a change in percent (PC) or in points (PP), without its direction: one decimal, two below 0.1 points."""
    if unit == "PC":
        return f"{format_decimals(amount, 1, language)}%"
    places = 1 if abs(amount) >= 0.1 else 2
    return f"{format_decimals(amount, places, language)}{NO_BREAK}{_POINTS[language]}"


def format_decimals(value: float, places: int, language: Language) -> str:
    """`value` with `places` decimals, grouped by thousands, with a true minus sign: 22.993,5 or 22,993.5."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no figure")
    rounded = round(value, places)
    grouped = f"{abs(rounded):,.{places}f}".translate(_marks(language))
    return (MINUS if rounded < 0 else "") + grouped


@cache
def _marks(language: Language) -> dict[int, str]:
    """What Python's comma and point are in this language. Babel's own formatter takes fifteen times as long."""
    return str.maketrans({",": get_group_symbol(language), ".": get_decimal_symbol(language)})


def decimals(value: float, significant: int = _SIGNIFICANT) -> int:
    """Decimals that leave `significant` digits; none for whole numbers and for what has as many digits before the mark."""
    if value == int(value) or abs(value) >= 10 ** (significant - 1):
        return 0
    return min(_MOST_DECIMALS, significant - 1 - math.floor(math.log10(abs(value))))


def ordinal(number: int, language: Language) -> str:
    """An ordinal number in its short form: 1º, 4th."""
    if language == "it":
        return f"{number}º"
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
