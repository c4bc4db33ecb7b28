"""The ledger of targets: a YAML list that is only ever added to, each entry sealed over itself and the one before.

Belongs here: what an entry is, sealing, adding, verifying, anchoring. Does not belong here: how results are judged
(`targets.py`). A chain proves order, not date: an anchor names something outside that dates its head.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from sources.data_folder import DataFolder, write_atomic
from sources.errors import DistrettoError
from warehouse.reference.territory import REFERENCE, local_day, territory

SHIPPED = REFERENCE / "targets.yml"
GENESIS = "0" * 64
Directive = Literal["sustainability", "aggregation", "territory", "talents", "monitoring", "dexterity"]
Period = Annotated[
    str,
    # YAML reads a bare 2027 as a number
    BeforeValidator(lambda given: str(given) if isinstance(given, int) else given),
    StringConstraints(pattern=r"^\d{4}(-S[12]|-Q[1-4]|-(0[1-9]|1[0-2]))?$"),
]
Value = Annotated[float, Field(allow_inf_nan=False)]
Words = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]


class LedgerError(DistrettoError):
    """The ledger, or what should be added to it, is not in order."""

    hint = "the layout of an entry is in docs/targets.md."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Baseline(_Strict):
    """The figure a target starts from; without a value it is taken from the release."""

    period: Period
    value: Value | None = None


class Point(_Strict):
    """A value to be reached in `period`, judged on the day `assess_on` with what is known by then."""

    period: Period
    value: Value
    assess_on: date


class Thresholds(_Strict):
    """Shares of the expected progress from which a result is on track, or only delayed; and how many days after the
    end of its period a figure may still stand for today."""

    on_track: Annotated[float, Field(gt=0, le=1)]
    delayed: Annotated[float, Field(gt=0, le=1)]
    max_age_days: Annotated[int, Field(gt=0)]


class Draft(_Strict):
    """What a person decides about a target. A known `id` makes a new version, which supersedes the last one."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,59}$")]
    stage: Literal["proposal", "adopted", "withdrawn"]
    directive: Directive
    indicator: str
    geo: str
    direction: Literal["up", "down"]
    baseline: Baseline
    milestones: list[Point] = []
    target: Point
    thresholds: Thresholds
    fixed_on: date
    fixed_by: Words
    document: Words
    because: Words


class Entry(Draft):
    """A draft in the ledger: numbered, dated and sealed."""

    number: int
    version: int
    unit: str
    timing: Literal["ex_ante", "within_period"]
    recorded_at: datetime
    previous: str
    seal: str = ""

    @property
    def points(self) -> list[Point]:
        """Milestones and target, in order of their periods."""
        return [*self.milestones, self.target]


class Anchor(_Strict):
    """Something outside that dates the entry before: a protocol number, an RFC 3161 time stamp of its seal, or both."""

    number: int
    anchors: str
    protocol: str | None = None
    token_sha256: str | None = None
    recorded_at: datetime
    previous: str
    seal: str = ""


@dataclass(frozen=True)
class Ledger:
    """The entries of `path`, in order."""

    path: Path
    entries: list[Entry | Anchor]

    @property
    def targets(self) -> list[Entry]:
        return [entry for entry in self.entries if isinstance(entry, Entry)]

    @property
    def anchors(self) -> list[Anchor]:
        return [entry for entry in self.entries if isinstance(entry, Anchor)]

    @property
    def head(self) -> str:
        return self.entries[-1].seal if self.entries else GENESIS

    def last(self, target: str) -> Entry | None:
        """The version of `target` that stands."""
        return next((entry for entry in reversed(self.targets) if entry.id == target), None)


# -- periods


def bounds(period: str) -> tuple[date, date]:
    """First and last day of a period in SDMX form."""
    year, part = int(period[:4]), period[5:]
    if not part:
        months, first = 12, 1
    elif part[0] == "S":
        months, first = 6, 6 * int(part[1]) - 5
    elif part[0] == "Q":
        months, first = 3, 3 * int(part[1]) - 2
    else:
        months, first = 1, int(part)
    after = first + months
    return date(year, first, 1), date(year + after // 13, (after - 1) % 12 + 1, 1) - timedelta(days=1)


def ordinal(period: str) -> int:
    """The period's place among those of its frequency: consecutive periods differ by one."""
    start, end = bounds(period)
    months = (end.year - start.year) * 12 + end.month - start.month + 1
    return (start.year * 12 + start.month - 1) // months


def _frequency(period: str) -> str:
    return "A" if len(period) == 4 else period[5] if period[5] in "SQ" else "M"


def timing_of(fixed_on: date, recorded_on: date, period: str, known: bool) -> str:
    """`ex_ante`, `within_period` or `retrospective`: when a value for `period` was fixed.

    Ex ante: fixed and recorded before the period began. Within the period: fixed before its end, recorded before its
    figure was `known`. All else is retrospective. What counts is the later day, since a day can be written back.
    """
    start, end = bounds(period)
    if known or fixed_on > end:
        return "retrospective"
    return "ex_ante" if max(fixed_on, recorded_on) < start else "within_period"


# -- sealing


def content(entry: Entry | Anchor) -> str:
    """What is sealed: every field but the seal itself, as JSON with sorted keys and no blanks; absent fields left out."""
    fields = entry.model_dump(exclude={"seal"}, exclude_none=True)
    return json.dumps(
        fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=lambda day: day.isoformat()
    )


def seal(text: str) -> str:
    """SHA-256 of a sealed content, which holds the seal before it."""
    return hashlib.sha256(text.encode()).hexdigest()


# -- reading


def load(home: DataFolder) -> Ledger:
    """The ledger of the data folder, or before its first run the one that ships. Raises LedgerError, naming the entry."""
    path = home.ledger if home.ledger.exists() else SHIPPED
    return Ledger(path, [_parsed(path, number, one) for number, one in enumerate(_listed(path), 1)])


def _listed(path: Path) -> list[Any]:
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        raise LedgerError(f"{path}: not YAML: {failure}.") from None
    if given is not None and not isinstance(given, list):
        raise LedgerError(f"{path}: must be a list of entries.")
    return given or []


def _parsed(path: Path, number: int, given: Any) -> Entry | Anchor:
    model = Anchor if isinstance(given, dict) and "anchors" in given else Entry
    return _validated(model, given, f"{path}: entry {number}")


def _validated(model: type[Any], given: Any, where: str) -> Any:
    try:
        return model.model_validate(given)
    except ValidationError as failure:
        told = [f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']}" for e in failure.errors()]
        raise LedgerError(f"{where}: {'; '.join(told)}.") from None


def verify(ledger: Ledger, published: dict[int, str], home: DataFolder) -> list[str]:
    """What is wrong with the ledger, the first broken link first; empty where it is whole.

    `published` has the content of each entry, by number, as a release holds it: what was shown once must still be
    there, so a ledger that was cut or sealed anew is told too.
    """
    problems: list[str] = []
    previous, versions, seals = GENESIS, {}, set()
    for place, entry in enumerate(ledger.entries, 1):
        text, name = content(entry), _name(entry, place)
        before = published.get(place)
        changed = f": {_differences(before, text)}" if before and before != text else ""
        if seal(text) != entry.seal:
            problems.append(f"{name} was altered after it was sealed{changed}")
        elif entry.number != place or entry.previous != previous:
            problems.append(
                f"{name} does not follow the entry before it: one was taken out, put in, moved or sealed anew{changed}"
            )
        elif changed:
            problems.append(f"{name} was sealed anew after a release had shown it{changed}")
        if isinstance(entry, Entry):
            problems += [f"{name}: {problem}" for problem in _disorder(entry, versions)]
            versions[entry.id] = entry
        else:
            problems += [f"{name}: {problem}" for problem in _anchor_disorder(entry, seals, home)]
        previous = entry.seal
        seals.add(previous)
    problems += [
        f"entry {number} is gone, which a release had shown: {json.loads(text).get('id', 'an anchor')}"
        for number, text in sorted(published.items())
        if number > len(ledger.entries)
    ]
    return problems


def _name(entry: Entry | Anchor, place: int) -> str:
    return (
        f"entry {place} ({f'{entry.id}, version {entry.version}' if isinstance(entry, Entry) else 'anchor'})"
    )


def _disorder(entry: Entry, versions: dict[str, Entry]) -> list[str]:
    """What in an entry contradicts itself or the version before."""
    before = versions.get(entry.id)
    problems = []
    if entry.version != (before.version if before else 0) + 1:
        problems.append(f"version {entry.version} does not follow version {before.version if before else 0}")
    if entry.stage != "withdrawn":
        try:
            timing = _timing(entry, entry.recorded_at, set())
        except LedgerError as failure:
            problems.append(failure.message)
        else:
            if timing != entry.timing:
                problems.append(f"it says {entry.timing}, its dates say {timing}")
    return problems


def _anchor_disorder(anchor: Anchor, seals: set[str], home: DataFolder) -> list[str]:
    problems = []
    if anchor.anchors not in seals:
        problems.append(f"it anchors {anchor.anchors[:12]}, the seal of no entry before it")
    if anchor.token_sha256:
        try:
            data = token_path(home, anchor.anchors).read_bytes()
        except OSError:
            problems.append(f"its time stamp {token_path(home, anchor.anchors).name} cannot be read")
        else:
            if hashlib.sha256(data).hexdigest() != anchor.token_sha256:
                problems.append(
                    f"its time stamp {token_path(home, anchor.anchors).name} is not what was anchored"
                )
    return problems


def _differences(before: str, now: str) -> str:
    """Which fields differ, from what to what; of another target than the one that stood there only which that was."""
    was, is_ = json.loads(before), json.loads(now)
    if any(was.get(key) != is_.get(key) for key in ("id", "version")):
        stood = f"{was['id']}, version {was['version']}" if "id" in was else "an anchor"
        return f"in its place a release had shown {stood}"
    old, new = _flat(was), _flat(is_)
    # the seals before it differ where an earlier entry was sealed anew: that one is named itself
    return (
        ", ".join(
            f"{key} was {_legible(old.get(key, 'absent'))} and is {_legible(new.get(key, 'absent'))}"
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key) and key != "previous"
        )
        or "the seal before it"
    )


def _legible(value: Any) -> str:
    """A letter of another alphabet is told from the one that it looks like by its number."""
    return str(value) if str(value).isascii() else ascii(value)


def _flat(value: Any, above: str = "") -> dict[str, Any]:
    if not isinstance(value, dict | list):
        return {above: value}
    pairs = value.items() if isinstance(value, dict) else enumerate(value, 1)
    found: dict[str, Any] = {}
    for key, part in pairs:
        found |= _flat(part, f"{above}.{key}" if above else str(key))
    return found


# -- adding


@dataclass(frozen=True)
class Known:
    """What the release holds about a target's indicator and territory: values by period, and their unit."""

    values: dict[str, float]
    unit: str | None
    direction: str | None


def read_draft(path: Path) -> Draft:
    """A person's file with one target. Raises LedgerError for what does not fit the layout."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as failure:
        raise LedgerError(f"{path}: cannot be read as YAML: {failure}.") from None
    return _validated(Draft, given, str(path))


def sealed(ledger: Ledger, draft: Draft, known: Known, now: datetime) -> Entry:
    """`draft` as the next entry. Raises LedgerError where it is retrospective, contradicts itself or the release."""
    before = ledger.last(draft.id)
    if before and draft.fixed_on < before.fixed_on:
        raise LedgerError(f"fixed_on: version {before.version} was fixed later, on {before.fixed_on}.")
    if draft.stage == "withdrawn" and (before is None or _aims(before) != _aims(draft)):
        raise LedgerError(
            f"stage: a withdrawal repeats the version it withdraws; {draft.id} "
            f"{'reads otherwise' if before else 'is not in the ledger'}."
        )
    _raise_unless_coherent(draft)
    if draft.fixed_on > local_day(now):
        raise LedgerError(f"fixed_on: {draft.fixed_on} is still to come.")
    value = known.values.get(draft.baseline.period)
    if value is None or known.unit is None:
        there = f"{min(known.values)} to {max(known.values)}" if known.values else "no figure at all"
        raise LedgerError(
            f"baseline: the release has no {draft.indicator} of {draft.geo} for {draft.baseline.period}; it has {there}.",
            hint="without data there is no baseline, and without a baseline no target.",
        )
    if draft.baseline.value is not None and not math.isclose(draft.baseline.value, value, rel_tol=5e-4):
        raise LedgerError(f"baseline: the release says {value:g}, not {draft.baseline.value:g}.")
    if known.direction in ("up", "down") and known.direction != draft.direction:
        raise LedgerError(f"direction: {draft.indicator} is better when it goes {known.direction}.")
    draft = draft.model_copy(update={"baseline": Baseline(period=draft.baseline.period, value=value)})
    _raise_unless_on_a_way(draft)
    recorded_at = now.replace(microsecond=0)
    timing = before.timing if draft.stage == "withdrawn" else _timing(draft, recorded_at, set(known.values))
    entry = Entry(
        **dict(draft),
        number=len(ledger.entries) + 1,
        version=before.version + 1 if before else 1,
        unit=known.unit,
        timing=timing,
        recorded_at=recorded_at,
        previous=ledger.head,
    )
    return entry.model_copy(update={"seal": seal(content(entry))})


def begin(home: DataFolder) -> None:
    """Give the data folder a ledger of its own; nothing where it has one.

    A copy of the one that ships, unless its proposals are on another territory than ours: then one without entries.
    """
    if home.ledger.exists():
        return
    ours = territory()
    places = {ours["region"], ours["country"], *ours["provinces"]}
    shipped = SHIPPED.read_bytes()
    suits = all(entry["geo"] in places for entry in yaml.safe_load(shipped))
    write_atomic(
        home.ledger,
        shipped if suits else b"# The ledger of targets, without an entry yet: docs/targets.md.\n",
    )


def append(home: DataFolder, ledger: Ledger, entry: Entry | Anchor) -> None:
    """Write `entry` at the end of the ledger, whose earlier bytes stay as they are."""
    more = yaml.safe_dump(
        [entry.model_dump(exclude_none=True)], sort_keys=False, allow_unicode=True, width=110
    )
    write_atomic(home.ledger, ledger.path.read_bytes().rstrip(b"\n") + b"\n\n" + more.encode())


def anchored(
    home: DataFolder, ledger: Ledger, protocol: str | None, token: Path | None, now: datetime
) -> Anchor:
    """The next entry, which dates the head; a time stamp must be one of the head's seal, and is kept beside the ledger."""
    if not ledger.entries:
        raise LedgerError("The ledger has no entry to anchor.")
    if not (protocol or token):
        raise LedgerError("An anchor needs a protocol number or a time stamp.")
    digest = None
    if token:
        data = token.read_bytes()
        # the messageImprint of the TSTInfo: an OCTET STRING of 32 bytes, RFC 3161 2.4.2
        if b"\x04\x20" + bytes.fromhex(ledger.head) not in data:
            raise LedgerError(
                f"{token} is no time stamp of the head {ledger.head}.",
                hint=f"openssl ts -query -digest {ledger.head} -sha256 -cert makes the request to send.",
            )
        digest = hashlib.sha256(data).hexdigest()
        home.root.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(token, token_path(home, ledger.head))
    anchor = Anchor(
        number=len(ledger.entries) + 1,
        anchors=ledger.head,
        protocol=protocol,
        token_sha256=digest,
        recorded_at=now.replace(microsecond=0),
        previous=ledger.head,
    )
    return anchor.model_copy(update={"seal": seal(content(anchor))})


def token_path(home: DataFolder, head: str) -> Path:
    """Where the RFC 3161 time stamp of the seal `head` is kept."""
    return home.ledger.with_name(f"targets-{head[:12]}.tsr")


def _aims(draft: Draft) -> tuple[Any, ...]:
    return draft.indicator, draft.geo, draft.target, draft.baseline.period


def _timing(draft: Draft, recorded_at: datetime, known: set[str]) -> str:
    """The timing of all points together. Raises LedgerError naming the first that would be retrospective."""
    timings = set()
    for point in [*draft.milestones, draft.target]:
        timing = timing_of(draft.fixed_on, local_day(recorded_at), point.period, point.period in known)
        if timing == "retrospective":
            why = (
                "the release has its figure already"
                if point.period in known
                else f"it ended before the target was fixed on {draft.fixed_on}"
            )
            raise LedgerError(
                f"A target for {point.period} would be retrospective: {why}.",
                hint="targets are fixed before their data are known; choose a later period.",
            )
        timings.add(timing)
    return "within_period" if "within_period" in timings else "ex_ante"


def _raise_unless_coherent(draft: Draft) -> None:
    points = [*draft.milestones, draft.target]
    periods = [draft.baseline.period, *(point.period for point in points)]
    if len({_frequency(period) for period in periods}) > 1:
        raise LedgerError("baseline, milestones and target are periods of one frequency.")
    if any(ordinal(a) >= ordinal(b) for a, b in zip(periods, periods[1:], strict=False)):
        raise LedgerError("baseline, milestones and target follow each other in time.")
    for point in points:
        if point.assess_on <= bounds(point.period)[1]:
            raise LedgerError(f"assess_on: {point.assess_on} is not after the end of {point.period}.")
    if draft.thresholds.delayed > draft.thresholds.on_track:
        raise LedgerError("thresholds: delayed is above on_track.")


def _raise_unless_on_a_way(draft: Draft) -> None:
    sign = 1 if draft.direction == "up" else -1
    values = [sign * v for v in (draft.baseline.value, *(p.value for p in [*draft.milestones, draft.target]))]
    if values[-1] <= values[0]:
        raise LedgerError(
            f"target: {draft.target.value:g} does not lie {draft.direction} from the baseline {draft.baseline.value:g}.",
            hint="progress is the share of the way from baseline to target; there must be one.",
        )
    if values != sorted(values):
        raise LedgerError("milestones: they lie on the way from baseline to target, in order.")
