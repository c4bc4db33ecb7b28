"""The one rule of change: what may be said of a figure beside an earlier one.

Belongs here: `compare` and its result. Does not belong here: the words (headlines and pages choose them by `Change.kind`),
the tests themselves (`count_tests.py`), and what a release knows of its series (`series_changes.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from sources.common.periods import Period
from sources.common.units import Unit
from warehouse.statistics import count_tests
from warehouse.statistics.reliability import is_reliable

Kind = Literal[
    # a change that the figures support, with its size
    "up",
    "down",
    # below 1 percent, or 0.1 points of a percentage
    "stable",
    # of register counts: the two-count test finds no difference at 5 percent
    "within_counting_variation",
    # money at current prices: the size without a direction, because it includes price changes
    "nominal",
    # no statement, for the reason named
    "break",
    "break_proposed",
    "gap",
    "unequal_maturity",
    "unreliable",
    # the first figure of its series, and no figure at all
    "new",
    "none",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# kinds with a size
SIZED: frozenset[Kind] = frozenset({"up", "down", "stable", "within_counting_variation", "nominal"})
# the test that an indicator's counts allow: of two counts, of two shares, or none
Test = Literal["counts", "shares", "none"]
Source = Literal["register", "survey", "accounts"]
# the figure that one is compared with: the one before it, or the same period's of the year before, where a season or an overlap
# of periods (twelve months, every month) would make a change out of nothing
ComparedWith = Literal["preceding", "year_earlier"]

LEVEL = 0.05
# a change below these is stable: percent, and points of a percentage
LEAST_PERCENT, LEAST_POINTS = 1.0, 0.1
# a change of more than this, in percent, comes from nearly nothing and is said in the figure's own unit
MOST_PERCENT = 1000.0
# the fewest comparable changes from which a series shows how much it varies
COMPARABLE_CHANGES = 8


class Comparable(Protocol):
    """What of a published row decides whether it can be compared."""

    @property
    def period(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def flag(self) -> str | None: ...
    @property
    def reliability(self) -> str: ...
    @property
    def break_before(self) -> bool: ...
    @property
    def truncated(self) -> bool: ...
    @property
    def dataset(self) -> str: ...
    @property
    def numerator(self) -> float | None: ...
    @property
    def denominator(self) -> float | None: ...


@dataclass(frozen=True)
class Rules:
    """What decides the comparisons of one indicator.

    Its unit, the test its counts allow, where its figures come from, whether it is money at current prices, and which earlier
    figure it is compared with.
    """

    unit: Unit
    test: Test = "none"
    source: Source = "register"
    current_prices: bool = False
    compared_with: ComparedWith = "preceding"

    def reference(self, period: Period) -> Period:
        """The period that `period` is compared with."""
        return period.year_earlier if self.compared_with == "year_earlier" else period.shift(-1)


@dataclass(frozen=True)
class Change:
    """A figure beside the earlier one that its rules name.

    `since`: the period of the earlier figure, empty without one. `amount`: the size, with its sign, of the kinds in `SIZED`;
    `amount_unit` is PC (percent), PP (points of a percentage) or the code of the figure's own unit. `tested`: the two-count
    test decided. `sampling_error_unknown`: a survey or accounts, so no certainty may be expressed. `unreliable_earlier`: of
    the kind unreliable, it is the earlier figure that is too uncertain. `missing_earlier`: of the kind gap, the series has no
    figure of the period to compare with, which is `since`. `unusual`: beyond the limits of its own series, None
    where fewer than eight comparable changes leave that open.
    """

    kind: Kind
    since: str = ""
    amount: float | None = None
    amount_unit: str = "PC"
    tested: bool = False
    sampling_error_unknown: bool = False
    unreliable_earlier: bool = False
    missing_earlier: bool = False
    unusual: bool | None = None

    @property
    def direction(self) -> Literal["up", "down"] | None:
        """The direction that may be shown, as an arrow or a word; None for every other kind."""
        return self.kind if self.kind in ("up", "down") else None


def compare(
    now: Comparable | None,
    before: Comparable | None,
    rules: Rules,
    *,
    revisions_due: tuple[int, int] = (0, 0),
    revisions_neutral: bool = False,
    break_between: bool = False,
    break_proposed: bool = False,
    earlier: Sequence[Comparable] = (),
) -> Change:
    """The change to `now` from `before`: the latest earlier figure with a value, or that of the same period a year earlier.

    `revisions_due`: how many revisions `now` and `before` still expect. `revisions_neutral`: the revision triangle shows a
    mean revision of this series that cannot be distinguished from 0, so that figures of unequal maturity are comparable.
    `break_between`: a figure between the two has a break before it. `break_proposed`: an open break proposal lies between the
    two. `earlier`: the comparable run that ends with `before`, from
    which `unusual` follows.

    Register counts have changed where the exact conditional test of two counts (Przyborowski and Wilenski 1940; of shares
    Fisher's) rejects at 5 % and the change is at least 1 %.
    """
    if now is None or now.value is None:
        return Change("none")
    since = before.period if before else ""
    if not is_reliable(now):
        return Change("unreliable", since)
    if before is None or before.value is None:
        return Change("new")
    if now.break_before or break_between or now.dataset != before.dataset:
        return Change("break", since)
    if rules.reference(Period.parse(now.period)) != Period.parse(since):
        return Change("gap", since)
    if not is_reliable(before):
        return Change("unreliable", since, unreliable_earlier=True)
    if (
        now.truncated
        or before.truncated
        or not (revisions_neutral or _equally_mature(now, before, revisions_due))
    ):
        return Change("unequal_maturity", since)
    if break_proposed:
        return Change("break_proposed", since)
    amount, unit = _amount(now.value, before.value, rules.unit)
    if rules.current_prices:
        return Change("nominal", since, amount, unit, sampling_error_unknown=rules.source != "register")
    p_value = difference_p_value(now, before, rules.test)
    if p_value is not None and p_value >= LEVEL:
        kind: Kind = "within_counting_variation"
    elif _is_stable(now.value, before.value, amount, unit, tested=p_value is not None):
        kind = "stable"
    else:
        kind = "up" if amount > 0 else "down"
    return Change(
        kind,
        since,
        amount,
        unit,
        tested=p_value is not None,
        sampling_error_unknown=rules.source != "register",
        unusual=_unusual(now, earlier, rules.test),
    )


def difference_p_value(now: Comparable, before: Comparable, test: Test) -> float | None:
    """The two-sided p-value that two figures of one rate differ by counting variation alone, of two periods or two territories.

    None where there are no counts to test.
    """
    if test == "none" or now.numerator is None or before.numerator is None:
        return None
    if test == "shares":
        if not now.denominator or not before.denominator:
            return None
        return count_tests.two_shares(now.numerator, now.denominator, before.numerator, before.denominator)
    if (now.denominator is None) != (before.denominator is None) or 0 in (
        now.denominator,
        before.denominator,
    ):
        return None
    return count_tests.two_counts(
        now.numerator, before.numerator, now.denominator or 1, before.denominator or 1
    )


def _equally_mature(now: Comparable, before: Comparable, due: tuple[int, int]) -> bool:
    """The same number of revisions due. Of a figure flagged p the number is unknown, and two in a row have not the same."""
    return due[0] == due[1] and "p" not in (now.flag or "") + (before.flag or "")


def _amount(now: float, before: float, unit: Unit) -> tuple[float, str]:
    """The size of a change and its unit; from nothing, or nearly nothing, in the unit of the figure."""
    if unit.changes_in_points:
        return now - before, "PP"
    percent = 100 * (now / before - 1) if before > 0 else math.inf
    return (percent, "PC") if abs(percent) <= MOST_PERCENT else (now - before, unit.code)


def _is_stable(now: float, before: float, amount: float, unit: str, tested: bool) -> bool:
    if amount == 0:
        return True
    if unit == "PP":
        small = tested and before > 0 and abs(now / before - 1) * 100 < LEAST_PERCENT
        return small or abs(amount) < LEAST_POINTS
    return unit == "PC" and abs(amount) < LEAST_PERCENT


def _unusual(now: Comparable, earlier: Sequence[Comparable], test: Test) -> bool | None:
    """Beyond Laney's limits of the run before; None below eight changes among it and `now`."""
    pairs = [
        (figure.numerator, figure.denominator or 1) for figure in earlier if figure.numerator is not None
    ]
    if test == "none" or now.numerator is None or len(pairs) < max(COMPARABLE_CHANGES, len(earlier)):
        return None
    return count_tests.beyond_laney_limits(
        now.numerator, now.denominator or 1, pairs, binomial=test == "shares"
    )
