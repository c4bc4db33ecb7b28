"""Tests of register counts and of shares of counts, as pure functions of numbers.

Belongs here: exact tests of two counts or shares, Holm's correction, Laney's control limits, Goldstein-Healy intervals.
Does not belong here: what is said of a result (`comparison.py`, `ranking.py`). SciPy is imported on the first test,
because most commands run none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean

# intervals of this many standard errors overlap where a two-sided test at 5 % finds no difference (Goldstein and
# Healy 1995); a 95 % interval has 1.96
GOLDSTEIN_HEALY = 1.39 / 1.96
# expected range of two normal values in standard deviations
_D2 = 1.128
# tails beyond this many standard deviations are below the accuracy of the sum
_TAIL = 12
# pages, ranks and statements ask for the same pairs again
_kept = lru_cache(maxsize=100_000)


@_kept
def two_counts(count: float, other: float, exposure: float = 1, other_exposure: float = 1) -> float:
    """Two-sided p-value that two Poisson counts have one rate: exact, conditional on their sum.

    Przyborowski and Wilenski (1940): given the sum, `count` is binomial with the share of its exposure. The smaller tail is
    doubled. Fractional counts use the incomplete beta function, of which the binomial tail is the case of whole numbers.
    """
    from scipy.special import betainc

    total = count + other
    if total <= 0:
        return 1.0
    share = exposure / (exposure + other_exposure)
    at_most = 1.0 if other <= 0 else betainc(other, count + 1, 1 - share)
    at_least = 1.0 if count <= 0 else betainc(count, other + 1, share)
    return float(min(1.0, 2 * min(at_most, at_least)))


@_kept
def two_shares(count: float, of: float, other: float, other_of: float) -> float:
    """Two-sided p-value that two shares, `count` of `of` and `other` of `other_of`, are equal: Fisher's exact test.

    Given the sum of both counts, `count` is hypergeometric. The smaller tail is doubled.
    """
    import numpy
    from scipy.special import gammaln

    count, of, other, other_of = (round(number) for number in (count, of, other, other_of))
    total, everything = count + other, of + other_of
    if total in (0, everything):
        return 1.0
    mean = total * of / everything
    spread = max(1.0, (mean * other_of / everything * (everything - total) / max(1, everything - 1)) ** 0.5)
    reach = max(abs(count - mean), _TAIL * spread)
    low = int(max(0, total - other_of, mean - reach - 1))
    high = int(min(of, total, mean + reach + 1))
    hits = numpy.arange(low, high + 1)

    def choose(number: int, chosen: numpy.ndarray | int) -> numpy.ndarray:
        return (
            gammaln(number + 1) - gammaln(numpy.add(chosen, 1)) - gammaln(numpy.subtract(number, chosen) + 1)
        )

    logarithms = choose(of, hits) + choose(other_of, total - hits)
    weights = numpy.exp(logarithms - logarithms.max())
    weights /= weights.sum()
    at_most, at_least = weights[hits <= count].sum(), weights[hits >= count].sum()
    return float(min(1.0, 2 * min(at_most, at_least)))


def holm(p_values: Sequence[float], level: float = 0.05) -> list[bool]:
    """Which tests of a family reject at `level`, family-wise: Holm (1979)."""
    rejected = [False] * len(p_values)
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[index] > level / (len(p_values) - place):
            break
        rejected[index] = True
    return rejected


def beyond_laney_limits(
    count: float, exposure: float, earlier: Sequence[tuple[float, float]], binomial: bool = False
) -> bool | None:
    """Whether a count lies beyond the three-sigma limits of its own series: Laney's u' or, if `binomial`, p' chart (2002).

    `earlier`: counts and exposures of the comparable periods before, in order. The limits of Poisson (or binomial) chance
    are widened by the variation that the series itself shows from period to period. None where they cannot be computed.
    """
    total = sum(exposure for _, exposure in earlier)
    if len(earlier) < 2 or total <= 0:
        return None
    centre = sum(count for count, _ in earlier) / total
    variance = centre * (1 - centre) if binomial else centre
    if variance <= 0 or exposure <= 0:
        return None
    scores = [(number / of - centre) / (variance / of) ** 0.5 for number, of in earlier]
    sigma = fmean(abs(b - a) for a, b in zip(scores, scores[1:], strict=False)) / _D2
    return abs(count / exposure - centre) > 3 * sigma * (variance / exposure) ** 0.5


def comparison_interval(
    value: float, ci_low: float | None, ci_high: float | None
) -> tuple[float, float] | None:
    """The Goldstein-Healy interval of a value with a 95 % interval: two that do not overlap differ at 5 %.

    For charts that compare several values. Each side of the 95 % interval shrinks from 1.96 to 1.39 standard errors. None
    without an interval.
    """
    if ci_low is None or ci_high is None:
        return None
    return value - (value - ci_low) * GOLDSTEIN_HEALY, value + (ci_high - value) * GOLDSTEIN_HEALY
