"""Ledger entries (targets and anchors): their fields, the text that is sealed, and the words for a status.

Belongs here: types and their canonical text. Does not belong here: the file (`ledger.py`), the rules for a new target
(`rules.py`), how a result is judged (`assessment.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from sources.common.config import Strict
from sources.errors import DistrettoError

Directive = Literal["sustainability", "aggregation", "territory", "talents", "monitoring", "dexterity"]
Direction = Literal["up", "down"]
Stage = Literal["proposal", "adopted", "withdrawn"]
Timing = Literal["ex_ante", "within_period"]
Status = Literal["met", "on_track", "delayed", "off_track", "not_assessable", "not_comparable"]
# for each status, in the order in which results are counted: what is said of one target and of several
STATUS_WORDS: Mapping[Status, Mapping[Literal["it_one", "it", "en"], str]] = {
    "met": {"it_one": "raggiunto", "it": "raggiunti", "en": "met"},
    "on_track": {"it_one": "in linea", "it": "in linea", "en": "on track"},
    "delayed": {"it_one": "in ritardo", "it": "in ritardo", "en": "delayed"},
    "off_track": {"it_one": "fuori rotta", "it": "fuori rotta", "en": "off track"},
    "not_assessable": {"it_one": "non valutabile", "it": "non valutabili", "en": "not assessable"},
    "not_comparable": {"it_one": "non confrontabile", "it": "non confrontabili", "en": "not comparable"},
}
PeriodText = Annotated[
    str,
    # YAML reads a bare 2027 as a number
    BeforeValidator(lambda given: str(given) if isinstance(given, int) else given),
    StringConstraints(pattern=r"^\d{4}(-S[12]|-Q[1-4]|-(0[1-9]|1[0-2]))?$"),
]
Value = Annotated[float, Field(allow_inf_nan=False)]
Words = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
TargetId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,59}$")]


class LedgerError(DistrettoError):
    """The ledger, or a target or time stamp to be added to it, is invalid."""

    hint = "the layout of an entry is in docs/targets.md."


class Baseline(Strict):
    """The figure a target starts from; without a value it is taken from the release."""

    period: PeriodText
    value: Value | None = None


class SealedBaseline(Baseline):
    """The baseline of an entry: the release's figure when the target was sealed."""

    value: Value


class Point(Strict):
    """A value to be reached in `period`, judged on the day `assess_on` with what is known by then."""

    period: PeriodText
    value: Value
    assess_on: date


class Thresholds(Strict):
    """Shares of the expected progress from which a result is on track, or only delayed; and for how many days after the
    end of its period a figure counts as the present one."""

    on_track: Annotated[float, Field(gt=0, le=1)]
    delayed: Annotated[float, Field(gt=0, le=1)]
    max_age_days: Annotated[int, Field(gt=0)]


class Target(Strict):
    """What a person decides. A known `id` makes a new version, which supersedes the last one."""

    id: TargetId
    stage: Stage
    directive: Directive
    indicator: str
    geo: str
    direction: Direction
    baseline: Baseline
    milestones: list[Point] = []
    target: Point
    thresholds: Thresholds
    # an indicator of the same territory that is shown beside the result and never changes the status
    watch: str | None = None
    fixed_on: date
    fixed_by: Words
    document: Words
    because: Words

    @property
    def points(self) -> list[Point]:
        """Milestones and target, in the order of their periods."""
        return [*self.milestones, self.target]


class Entry(Target):
    """A target in the ledger: numbered, dated and sealed."""

    baseline: SealedBaseline
    number: int
    version: int
    unit: str
    timing: Timing
    # the version of the rules (`rules.py`) that admitted it; absent for the first
    rules: int | None = None
    recorded_at: AwareDatetime
    previous: str
    seal: str = ""


class Anchor(Strict):
    """What dates the entry before from outside: a protocol number, an RFC 3161 time stamp of its seal, or both.

    `stamped_at` and `authority` are the time stamp's own; an anchor of an earlier version of the project lacks them.
    """

    number: int
    anchors: str
    protocol: str | None = None
    token_sha256: str | None = None
    stamped_at: AwareDatetime | None = None
    authority: str | None = None
    recorded_at: AwareDatetime
    previous: str
    seal: str = ""


def content(entry: Entry | Anchor) -> str:
    """The canonical text of an entry, the one that is sealed: every field but the seal, JSON with sorted keys."""
    fields: dict[str, Any] = entry.model_dump(exclude={"seal"}, exclude_none=True)
    return json.dumps(
        fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=lambda day: day.isoformat()
    )


def seal(text: str) -> str:
    """SHA-256 of a sealed content, which holds the seal of the entry before."""
    return hashlib.sha256(text.encode()).hexdigest()
