"""Drafts of targets for the board to discuss; a draft becomes a target only when a person seals it.

Belongs here: reading `reference/target_drafts.yml`, a draft as a target, and what a release says about each. Does not
belong here: sealed targets (`ledger.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from sources.common.config import Names, Strict
from sources.common.config import load as load_yaml
from sources.common.periods import Period
from sources.common.sql import literal
from warehouse.reference.territory import REFERENCE, territory
from warehouse.targets import rules
from warehouse.targets.assessment import Figure
from warehouse.targets.figures import direction_of, figures
from warehouse.targets.schema import (
    Baseline,
    Direction,
    Directive,
    LedgerError,
    PeriodText,
    Point,
    Target,
    TargetId,
    Thresholds,
)

SHIPPED = REFERENCE / "target_drafts.yml"
NOT_ADOPTED = Names(
    it="Bozza fornita con il progetto; non adottata", en="Draft that ships with the project; not adopted"
)
DraftState = Literal["ready", "no_baseline", "crosses_break", "refused"]


class TargetDraft(Strict):
    """A target that has not been decided; its baseline is the release's figure."""

    draft: TargetId
    directive: Directive
    indicator: str
    geo: str
    direction: Direction
    baseline: PeriodText
    milestones: list[Point] = []
    target: Point
    thresholds: Thresholds
    watch: str | None = None
    because: Names

    def as_target(self, fixed_on: date, fixed_by: str | None, document: str | None) -> Target:
        """The draft as a target: adopted if a person and a document fixed it, else a proposal."""
        adopted = fixed_by is not None and document is not None
        return Target(
            id=self.draft,
            stage="adopted" if adopted else "proposal",
            directive=self.directive,
            indicator=self.indicator,
            geo=self.geo,
            direction=self.direction,
            baseline=Baseline(period=self.baseline),
            milestones=self.milestones,
            target=self.target,
            thresholds=self.thresholds,
            watch=self.watch,
            fixed_on=fixed_on,
            fixed_by=fixed_by or NOT_ADOPTED.en,
            document=document or _document(self.draft).en,
            because=self.because.en,
        )


@dataclass(frozen=True)
class DraftRow:
    """A row of `target_drafts`."""

    draft: str
    directive: str
    indicator: str
    geo: str
    direction: str
    unit: str | None
    baseline_period: str
    baseline_value: float | None
    target_period: str
    target_value: float
    assess_on: date
    on_track_from: float
    delayed_from: float
    max_age_days: int
    watch: str | None
    break_period: str | None
    draft_state: DraftState
    reason_it: str | None
    reason_en: str | None
    judged_from: date | None
    because_it: str
    because_en: str


def load(path: Path = SHIPPED) -> list[TargetDraft]:
    """The drafts on our territory. Raises SpecError for what does not fit the layout."""
    ours = territory()
    places = {ours.region, ours.country, *ours.provinces}
    return [draft for draft in load_yaml(path, list[TargetDraft]) if draft.geo in places]


def texts() -> Iterator[Names]:
    """The sentences that a sealed draft has in the ledger, which holds them in English."""
    yield NOT_ADOPTED
    for draft in load():
        yield from (draft.because, _document(draft.draft))


def find(name: str) -> TargetDraft:
    """The draft `name`. Raises LedgerError, which lists the drafts there are."""
    drafts = {draft.draft: draft for draft in load()}
    if name not in drafts:
        raise LedgerError(f"No draft {name!r}.", hint=f"drafts: {', '.join(drafts) or 'none'}.")
    return drafts[name]


def rows(
    con: duckdb.DuckDBPyConnection, drafts: Sequence[TargetDraft], on: date, schema: str
) -> list[DraftRow]:
    """What the release in `schema` says about each draft on the day `on`."""
    series = figures(con, schema, [(draft.indicator, draft.geo) for draft in drafts])
    return [
        _row(draft, series[draft.indicator, draft.geo], _registered_break(con, draft, schema), on)
        for draft in drafts
    ]


def _document(name: str) -> Names:
    file = "warehouse/reference/target_drafts.yml"
    return Names(it=f"Bozza {name} in {file}", en=f"Draft {name} in {file}")


def _row(draft: TargetDraft, series: Sequence[Figure], registered: str | None, on: date) -> DraftRow:
    baseline = next((f for f in series if f.period == draft.baseline and f.value is not None), None)
    broken = _break(draft, series) or registered
    state, reason_it, reason_en = _state(draft, series, baseline, broken, on)
    return DraftRow(
        draft=draft.draft,
        directive=draft.directive,
        indicator=draft.indicator,
        geo=draft.geo,
        direction=draft.direction,
        unit=baseline.unit if baseline else None,
        baseline_period=draft.baseline,
        baseline_value=baseline.value if baseline else None,
        target_period=draft.target.period,
        target_value=draft.target.value,
        assess_on=draft.target.assess_on,
        on_track_from=draft.thresholds.on_track,
        delayed_from=draft.thresholds.delayed,
        max_age_days=draft.thresholds.max_age_days,
        watch=draft.watch,
        break_period=broken,
        draft_state=state,
        reason_it=reason_it,
        reason_en=reason_en,
        judged_from=[*draft.milestones, draft.target][0].assess_on if state == "ready" else None,
        because_it=draft.because.it,
        because_en=draft.because.en,
    )


def _state(
    draft: TargetDraft, series: Sequence[Figure], baseline: Figure | None, broken: str | None, on: date
) -> tuple[DraftState, str | None, str | None]:
    """Whether the draft could be sealed on the day `on` and judged later, and why not."""
    if baseline is None or baseline.value is None:
        return (
            "no_baseline",
            f"nessun dato per il {draft.baseline}, da cui partire",
            f"no figure for {draft.baseline} to start from",
        )
    if broken:
        return (
            "crosses_break",
            f"la serie si interrompe nel {broken}, tra il valore di partenza e il traguardo: non sarebbe valutabile",
            f"the series breaks in {broken}, between baseline and target: it could not be assessed",
        )
    known = {figure.period for figure in series if figure.value is not None}
    try:
        target = draft.as_target(on, None, None)
        rules.require_way(target, baseline.value)
        for point in target.points:
            if rules.timing_of(on, on, point.period, point.period in known) is None:
                raise LedgerError(f"the figure for {point.period} is known already, or the period has ended")
        better = direction_of(draft.indicator)
        if better is not None and better != draft.direction:
            raise LedgerError(f"{draft.indicator} is better when it goes {better}")
    except LedgerError as failure:
        return (
            "refused",
            "le regole del registro non ammettono più questa bozza",
            failure.message.rstrip("."),
        )
    return "ready", None, None


def _break(draft: TargetDraft, series: Sequence[Figure]) -> str | None:
    """The first period after the baseline from which the release's own figures are not comparable with it."""
    start = next((f for f in series if f.period == draft.baseline), None)
    freq = Period.parse(draft.baseline).freq
    later = sorted(
        (f for f in series if Period.parse(f.period).freq == freq and f.period > draft.baseline),
        key=lambda figure: figure.ordinal,
    )
    return next(
        (f.period for f in later if f.break_before or (start is not None and f.dataset != start.dataset)),
        None,
    )


def _registered_break(con: duckdb.DuckDBPyConnection, draft: TargetDraft, schema: str) -> str | None:
    """The first registered break of a whole table behind the indicator, after the baseline and until the target."""
    found = con.execute(f"""
        select min(b.period) from {schema}.breaks b join {schema}.indicator_catalogue c
            on c.indicator = {literal(draft.indicator)} and regexp_matches(c.sources, '\\b' || b.dataset || '\\b')
        where b.indicator = '*' and {literal(draft.geo)} like replace(b.geo, '*', '%')
          and b.period > {literal(draft.baseline)} and b.period <= {literal(draft.target.period)}""").fetchall()
    return found[0][0]
