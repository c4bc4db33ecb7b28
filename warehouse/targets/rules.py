"""The rules that a target must meet to enter the ledger, as functions of the target and of what is known when it is recorded.

Belongs here: the rules, each raising LedgerError with its reason. Does not belong here: reading what is known
(`figures.py`) and the ledger's own history (`verification.py`, which runs these rules again).

An entry names the version of the rules that admitted it. A change to what is admitted is a new version in `RULES`: an
earlier entry is verified by its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sources.common.periods import Period
from warehouse.reference.territory import local_day
from warehouse.targets.schema import Direction, Entry, LedgerError, Target, Timing

# a baseline that a person writes down may be rounded to about four digits
ROUNDED = 5e-4


@dataclass(frozen=True)
class Known:
    """What is known of a target's indicator and territory: values by period, their unit, where better lies."""

    values: Mapping[str, float]
    unit: str | None
    direction: Direction | None


@dataclass(frozen=True)
class Admitted:
    """What a target gets from the release that admits it."""

    baseline: float
    unit: str
    timing: Timing


def timing_of(fixed_on: date, recorded_on: date, period: str, known: bool) -> Timing | None:
    """When a value for `period` was fixed: `ex_ante`, `within_period`, or None if it is retrospective.

    Ex ante: fixed and recorded before the period began. Within the period: fixed before its end, recorded before its
    figure was `known`. All else is retrospective. The later of the two days counts, since a day can be backdated.
    """
    of = Period.parse(period)
    if known or fixed_on > of.end:
        return None
    return "ex_ante" if max(fixed_on, recorded_on) < of.start else "within_period"


def admit(target: Target, before: Entry | None, known: Known, recorded_at: datetime) -> Admitted:
    """What `target` gets from `known`, by version 1 of the rules. `before`: the version in force until then.

    Raises LedgerError if the target is retrospective, or contradicts itself, `before` or what is known.
    """
    require_order(target, before, recorded_at)
    value = known.values.get(target.baseline.period)
    if value is None or known.unit is None:
        there = f"{min(known.values)} to {max(known.values)}" if known.values else "no figure at all"
        raise LedgerError(
            f"baseline: the release has no {target.indicator} of {target.geo} for {target.baseline.period}; it has {there}.",
            hint="without data there is no baseline, and without a baseline no target.",
        )
    if target.baseline.value is not None and not math.isclose(target.baseline.value, value, rel_tol=ROUNDED):
        raise LedgerError(f"baseline: the release says {value:g}, not {target.baseline.value:g}.")
    if known.direction is not None and known.direction != target.direction:
        raise LedgerError(f"direction: {target.indicator} is better when it goes {known.direction}.")
    require_way(target, value)
    if target.stage == "withdrawn" and before is not None:
        timing = before.timing
    else:
        timing = timing_of_all(target, recorded_at, set(known.values))
    return Admitted(value, known.unit, timing)


# the rules by version, and the version that new entries get
RULES: Mapping[int, Callable[[Target, Entry | None, Known, datetime], Admitted]] = {1: admit}
CURRENT = max(RULES)


def require_order(target: Target, before: Entry | None, recorded_at: datetime) -> None:
    """Raise LedgerError unless the target agrees with itself, its days and the version `before`; no figure is needed."""
    if before and target.fixed_on < before.fixed_on:
        raise LedgerError(f"fixed_on: version {before.version} was fixed later, on {before.fixed_on}.")
    if target.stage == "withdrawn" and (before is None or _aims(before) != _aims(target)):
        raise LedgerError(
            f"stage: a withdrawal repeats the version it withdraws; {target.id} "
            f"{'has other aims' if before else 'is not in the ledger'}."
        )
    if target.fixed_on > local_day(recorded_at):
        raise LedgerError(
            f"fixed_on: {target.fixed_on} is after the day on which the target is recorded, {local_day(recorded_at)}."
        )
    periods = [Period.parse(text) for text in (target.baseline.period, *(p.period for p in target.points))]
    if len({period.freq for period in periods}) > 1:
        raise LedgerError("baseline, milestones and target must be periods of one frequency.")
    if any(a.ordinal >= b.ordinal for a, b in zip(periods, periods[1:], strict=False)):
        raise LedgerError("baseline, milestones and target must follow each other in time.")
    for point in target.points:
        if point.assess_on <= Period.parse(point.period).end:
            raise LedgerError(f"assess_on: {point.assess_on} is not after the end of {point.period}.")
    if target.thresholds.delayed > target.thresholds.on_track:
        raise LedgerError("thresholds: delayed is above on_track.")
    if target.watch == target.indicator:
        raise LedgerError("watch: it must be another indicator than the target's own.")


def require_way(target: Target, baseline: float) -> None:
    """Raise LedgerError unless the way from `baseline` over the milestones to the target goes in its direction."""
    sign = 1 if target.direction == "up" else -1
    values = [sign * value for value in (baseline, *(point.value for point in target.points))]
    if values[-1] <= values[0]:
        raise LedgerError(
            f"target: {target.target.value:g} does not lie {target.direction} from the baseline {baseline:g}.",
            hint="progress is the share of the way from baseline to target; there must be one.",
        )
    if values != sorted(values):
        raise LedgerError("milestones: they must lie on the way from baseline to target, in order.")


def timing_of_all(target: Target, recorded_at: datetime, known: set[str]) -> Timing:
    """The timing of milestones and target together; `known`: periods whose figure is known.

    Raises LedgerError naming the first that would be retrospective.
    """
    timings: set[Timing] = set()
    for point in target.points:
        timing = timing_of(target.fixed_on, local_day(recorded_at), point.period, point.period in known)
        if timing is None:
            why = (
                "the release has its figure already"
                if point.period in known
                else f"it ended before the target was fixed on {target.fixed_on}"
            )
            raise LedgerError(
                f"A target for {point.period} would be retrospective: {why}.",
                hint="targets are fixed before their data are known; choose a later period.",
            )
        timings.add(timing)
    return "within_period" if "within_period" in timings else "ex_ante"


def _aims(target: Target) -> tuple[object, ...]:
    return target.indicator, target.geo, target.target, target.baseline.period
