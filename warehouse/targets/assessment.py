"""Assess indicators against targets: expected path, gap, progress, status, probability. Definitions: docs/targets.md.

Belongs here: pure functions of an entry and a series of figures. Does not belong here: reading figures (`figures.py`)
and writing tables (`tables.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from statistics import fmean, median, stdev

from sources.common.periods import Period
from warehouse.statistics.reliability import UNRELIABLE
from warehouse.targets.schema import Direction, Entry, Point, Status

# the fewest changes from one period to the next that a drift is estimated from
CHANGES = 5
# the fewest peers of which a median is given
PEERS = 3
SAME = 1e-9
DRIFT = "random walk with drift, from the changes of the unbroken series; Student's t"


@dataclass(frozen=True)
class Figure:
    """One value of an indicator for one territory."""

    period: str
    value: float | None
    unit: str
    flag: str | None
    reliability: str
    break_before: bool
    dataset: str
    snapshot_id: str
    known_from: datetime
    ci_low: float | None = None
    ci_high: float | None = None
    truncated: bool = False
    provisional: bool = False
    numerator: float | None = None
    denominator: float | None = None

    @property
    def ordinal(self) -> int:
        """The period's place among those of its frequency."""
        return _at(self.period)

    @property
    def usable(self) -> bool:
        """Whether there is a value, complete and reliable."""
        return self.value is not None and not self.truncated and self.reliability not in UNRELIABLE


@dataclass(frozen=True)
class Result:
    """The result of a target at one point. Values are in the target's unit, progress in percent of the whole way.

    A result that is not assessable or not comparable has neither gap nor progress.
    """

    status: Status
    reason_it: str = ""
    reason_en: str = ""
    figure: Figure | None = None
    expected: float | None = None
    gap: float | None = None
    progress: float | None = None


def _at(period: str) -> int:
    return Period.parse(period).ordinal


# -- arithmetic


def progress(baseline: float, target: float, value: float) -> float:
    """Share of the way from baseline to target in percent: 0 at the baseline, 100 at the target; not clipped.

    Safe for targets that lie below their baseline. Raises ZeroDivisionError if baseline equals target.
    """
    return (value - baseline) / (target - baseline) * 100


def expected(entry: Entry, period: str) -> float:
    """The value on the straight lines from baseline over the milestones to the target; constant outside them."""
    way = [(_at(entry.baseline.period), entry.baseline.value)]
    way += [(_at(point.period), point.value) for point in entry.points]
    at = _at(period)
    if at <= way[0][0]:
        return way[0][1]
    for (t0, v0), (t1, v1) in zip(way, way[1:], strict=False):
        if at == t1:
            return v1
        if at < t1:
            return v0 + (v1 - v0) * (at - t0) / (t1 - t0)
    return way[-1][1]


def reached(direction: Direction, goal: float, value: float) -> bool:
    """True where `value` is at the goal or beyond it. An exact hit is a hit, whatever the last bit of a float says."""
    sign = 1 if direction == "up" else -1
    return sign * (value - goal) >= -SAME * max(abs(goal), abs(value))


def status_of(entry: Entry, goal: float, period: str, value: float, final: bool) -> Status:
    """`met`, `on_track`, `delayed` or `off_track` of a value that can be judged.

    Short of `goal`, the share of the expected progress decides, by the thresholds of the ledger. At the target itself
    (`final`) nothing is on track any more: it is met or missed, and missed by little is `delayed`.
    """
    if reached(entry.direction, goal, value):
        return "met"
    way = progress(entry.baseline.value, entry.target.value, expected(entry, period))
    share = progress(entry.baseline.value, entry.target.value, value) / way if way else 0
    if share >= entry.thresholds.on_track - SAME and not final:
        return "on_track"
    return "delayed" if share >= entry.thresholds.delayed - SAME else "off_track"


def probability(
    direction: Direction, goal: float, series: Sequence[tuple[str, float]], period: str
) -> float | None:
    """Probability that the value of `period`, still to come, is at the goal or beyond: a random walk with drift.

    Mean: the last value of `series` and as many mean changes as periods ahead (h). Variance: that of the changes times
    h (1 + h / n), n the number of changes, since their mean is itself an estimate. As the variance is estimated from n
    changes too, the distribution is Student's t with n - 1 degrees of freedom. None below five changes between
    neighbouring periods, and for a period that the series has reached.
    """
    changes = [
        later - earlier
        for (p0, earlier), (p1, later) in zip(series, series[1:], strict=False)
        if _at(p1) - _at(p0) == 1
    ]
    if len(changes) < CHANGES:
        return None
    ahead = _at(period) - _at(series[-1][0])
    if ahead <= 0:
        return None
    mean = series[-1][1] + ahead * fmean(changes)
    spread = stdev(changes) * (ahead * (1 + ahead / len(changes))) ** 0.5
    if spread <= 0:
        return float(reached(direction, goal, mean))
    # scipy takes a while to import, and most commands need no probability
    from scipy.special import stdtr

    below = float(stdtr(len(changes) - 1, (goal - mean) / spread))
    return 1 - below if direction == "up" else below


# -- judging


def comparable_periods(entry: Entry, series: Sequence[Figure]) -> list[Figure]:
    """The figures whose periods have the target's frequency: a file of own figures may mix years and quarters."""
    freq = Period.parse(entry.target.period).freq
    return [figure for figure in series if Period.parse(figure.period).freq == freq]


def latest(entry: Entry, series: Sequence[Figure]) -> Figure | None:
    """The newest figure with a value after the baseline; incomplete periods are skipped."""
    later = [
        f
        for f in comparable_periods(entry, series)
        if f.value is not None and not f.truncated and f.ordinal > _at(entry.baseline.period)
    ]
    return max(later, key=lambda f: f.ordinal, default=None)


def judge_latest(entry: Entry, series: Sequence[Figure], on: date, late: Callable[[str], bool]) -> Result:
    """The result of the target on the day `on` by its newest figure; `late` says of a dataset that it is behind its calendar."""
    newest = latest(entry, series)
    if newest is None:
        return Result(
            "not_assessable",
            f"nessun dato successivo al valore di partenza ({entry.baseline.period})",
            f"no figure later than the baseline ({entry.baseline.period})",
        )
    ended = newest.ordinal >= _at(entry.target.period)
    result = _judge(entry, entry.target.value, newest.period, series, final=ended)
    age = (on - Period.parse(newest.period).end).days
    if result.status in ("not_comparable", "not_assessable"):
        return result
    if age > entry.thresholds.max_age_days:
        days, allowed = f"{age:,}", f"{entry.thresholds.max_age_days:,}"
        return _not_assessable(
            result,
            f"il dato più recente ({newest.period}) ha {days.replace(',', '.')} giorni, "
            f"più dei {allowed.replace(',', '.')} ammessi",
            f"the newest figure ({newest.period}) is {days} days old, more than the {allowed} allowed",
        )
    if late(newest.dataset):
        return _not_assessable(
            result,
            f"{newest.dataset} è in ritardo sul proprio calendario",
            f"{newest.dataset} is behind its calendar",
        )
    return result


def judge_point(entry: Entry, point: Point, series: Sequence[Figure], on: date) -> Result:
    """The result of a milestone or the target on the day `on`, with the figures in `series`."""
    result = _judge(entry, point.value, point.period, series, final=point == entry.target)
    if on < point.assess_on and result.status != "not_comparable":
        due_it, due_en = f"da valutare il {point.assess_on}", f"to be judged on {point.assess_on}"
        return replace(
            result,
            reason_it="; ".join(filter(None, (result.reason_it, due_it))),
            reason_en="; ".join(filter(None, (result.reason_en, due_en))),
        )
    return result


def _judge(entry: Entry, goal: float, period: str, series: Sequence[Figure], final: bool) -> Result:
    figure = next((f for f in series if f.period == period), None)
    path = expected(entry, period)
    if broken := _break(entry, period, series):
        return Result("not_comparable", *broken, figure=figure, expected=path)
    unknown = Result("not_assessable", figure=figure, expected=path)
    if figure is None or figure.value is None:
        return _not_assessable(unknown, f"nessun dato per il {period}", f"no figure for {period}")
    if figure.truncated:
        return _not_assessable(
            unknown, f"il dato del {period} è incompleto", f"the figure for {period} is incomplete"
        )
    if figure.reliability in UNRELIABLE:
        return _not_assessable(
            unknown,
            f"il dato del {period} non è affidabile (classe {figure.reliability})",
            f"the figure for {period} is not reliable (class {figure.reliability})",
        )
    return Result(
        status_of(entry, goal, period, figure.value, final),
        "dato provvisorio" if figure.provisional else "",
        "provisional figure" if figure.provisional else "",
        figure,
        path,
        figure.value - path,
        progress(entry.baseline.value, entry.target.value, figure.value),
    )


def _not_assessable(result: Result, reason_it: str, reason_en: str) -> Result:
    return replace(
        result, status="not_assessable", reason_it=reason_it, reason_en=reason_en, gap=None, progress=None
    )


def _break(entry: Entry, period: str, series: Sequence[Figure]) -> tuple[str, str] | None:
    """Why the figure of `period`, or of any period before it, cannot be compared with the baseline."""
    base, at = _at(entry.baseline.period), _at(period)
    between = sorted(
        (f for f in comparable_periods(entry, series) if base < f.ordinal <= at),
        key=lambda figure: figure.ordinal,
    )
    start = next((f for f in series if f.period == entry.baseline.period), None)
    for figure in between:
        if figure.break_before or (start and figure.dataset != start.dataset):
            return (
                f"interruzione della serie tra il valore di partenza ({entry.baseline.period}) e il {figure.period}",
                f"the series breaks between the baseline ({entry.baseline.period}) and {figure.period}",
            )
        if figure.unit != entry.unit:
            return (
                f"l'unità è {figure.unit}, quella dell'obiettivo {entry.unit}",
                f"the unit is {figure.unit}, that of the target {entry.unit}",
            )
    return None


def unbroken(series: Sequence[Figure]) -> list[tuple[str, float]]:
    """Periods and values since the last break, in order; figures that are not reliable are left out."""
    found: list[tuple[str, float]] = []
    dataset = None
    for figure in sorted(series, key=lambda f: f.ordinal):
        if figure.break_before or figure.dataset != dataset:
            found, dataset = [], figure.dataset
        if figure.value is not None and figure.usable:
            found.append((figure.period, figure.value))
    return found


def change(baseline: float | None, value: float | None) -> float | None:
    """Change in percent of the baseline; None where a figure is missing or the baseline is not positive."""
    if baseline is None or value is None or baseline <= 0:
        return None
    return (value - baseline) / baseline * 100


def change_of_peers(entry: Entry, period: str, peers: Sequence[Sequence[Figure]]) -> tuple[float | None, int]:
    """Median change of the peers from the baseline's period to `period` in percent, and of how many; None below three.

    A peer counts only with two reliable figures of one table and no break between them.
    """
    changes = []
    for series in peers:
        pair = {f.period: f for f in series if f.reliability not in UNRELIABLE}
        start, end = pair.get(entry.baseline.period), pair.get(period)
        if start and end and not _break(entry, period, series):
            changes.append(change(start.value, end.value))
    found = [one for one in changes if one is not None]
    return (median(found), len(found)) if len(found) >= PEERS else (None, len(found))


def chance(
    entry: Entry, point: Point, series: Sequence[Figure], latest_result: Result
) -> tuple[float | None, str | None]:
    """Probability that `point` is met, and its basis: the drift until then.

    None if the figure is known, since nothing is left to chance, and if the latest result is no basis.
    """
    known = any(f.period == point.period and f.value is not None for f in series)
    if known or latest_result.status in ("not_comparable", "not_assessable"):
        return None, None
    if _break(entry, point.period, series):
        return None, None
    found = probability(
        entry.direction, point.value, unbroken(comparable_periods(entry, series)), point.period
    )
    return found, None if found is None else DRIFT
