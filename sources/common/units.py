"""Units of measure: what kind of number each is, how it scales, how it is signed and labelled. Data: `units.yml`.

Belongs here: everything that follows from a unit's code. Does not belong here: which figure has which unit (catalogue
entries and indicator headers say so), and how a number is rounded or written.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from sources.common.config import Names, Strict, choice, load
from sources.errors import UnknownUnit

Kind = Literal[
    "count",
    "money",
    "rate",
    "percentage",
    "percentage_points",
    "ratio",
    "index",
    "mean",
    "duration",
    "unknown",
]
_FILE = Path(__file__).parent / "units.yml"


class _Line(Strict):
    """What `units.yml` says of one unit."""

    kind: Kind
    scale: float | int | None = None
    label: Names
    sign: Names = Names(it="", en="")


class Unit(_Line):
    """One unit of measure.

    `scale`: a value is numerator / denominator x scale, both counted one by one; None if that means nothing.
    `sign`: what follows a number of this unit, with its own space; empty if the label has to name it.
    """

    code: str

    @property
    def adds_up(self) -> bool:
        """True for amounts, counts and money: axes start at zero, territories differ by size, changes are in percent."""
        return self.kind in ("count", "money")

    @property
    def changes_in_points(self) -> bool:
        """True if a difference is expressed in percentage points and not in percent."""
        return self.kind == "percentage"


def unit(code: str) -> Unit:
    """The unit `code`. Raises UnknownUnit, which names the nearest codes."""
    try:
        return units()[code]
    except KeyError:
        raise UnknownUnit(f"unit {choice(code, units())}.") from None


def unit_or_unknown(code: str) -> Unit:
    """The unit `code`; one of kind `unknown`, labelled by its code, for a provider's code that units.yml lacks."""
    return units().get(code) or Unit(code=code, kind="unknown", label=Names(it=code, en=code))


@cache
def units() -> MappingProxyType[str, Unit]:
    """Every registered unit, by code, in the order of `units.yml`."""
    lines = load(_FILE, dict[str, _Line])
    return MappingProxyType({code: Unit(code=code, **dict(line)) for code, line in lines.items()})


def codes(*kinds: Kind) -> list[str]:
    """The codes of all units of these kinds."""
    return [code for code, one in units().items() if one.kind in kinds]
