"""Verification of the ledger: each entry is checked by its own rules against what was known when it was recorded.

Belongs here: the three outcomes of an entry, and all problems of a ledger. Does not belong here: reading the evidence
(`evidence.py`), the rules themselves (`rules.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from warehouse.targets import rules, timestamp
from warehouse.targets.evidence import Evidence
from warehouse.targets.ledger import Ledger, chain_problems, label
from warehouse.targets.schema import Anchor, Entry, LedgerError

# sums of several threads may differ in the last bit
SAME = 1e-9
Outcome = Literal["sound", "contradicted", "unverifiable"]


@dataclass(frozen=True)
class Verdict:
    """The outcome for one entry. `unverifiable`: what was known then is lost, which is no sign of forgery."""

    number: int
    name: str
    outcome: Outcome
    reason_en: str = ""
    reason_it: str = ""
    # of a target: the time stamp that dates it, if its signature could be verified
    stamp: timestamp.TimeStamp | None = None


@dataclass(frozen=True)
class Verification:
    """All that was found. `problems`: what is wrong, the first broken link first; empty if nothing contradicts the ledger."""

    problems: list[str]
    verdicts: dict[int, Verdict]
    # standing proposals that an earlier version of the project shipped
    shipped: list[Entry]

    @property
    def unverifiable(self) -> list[Verdict]:
        """The entries that cannot be checked."""
        return [verdict for verdict in self.verdicts.values() if verdict.outcome == "unverifiable"]


def verify(ledger: Ledger, evidence: Evidence) -> Verification:
    """Check the chain, what every release on disk published, the order of days, and each entry by its own rules."""
    published: dict[int, str] = {}
    problems: list[str] = []
    for release in evidence.releases:
        contents = release.contents or {}
        problems += [
            f"release {release.release_id} shows entry {number} differently in target_ledger.parquet and in distretto.duckdb"
            for number in release.differing
        ]
        problems += [
            f"release {release.release_id} shows another entry {number} than an earlier release"
            for number, content in contents.items()
            if published.get(number, content) != content
        ]
        # the oldest release that shows an entry is the one to trust
        published = {**contents, **published}
    problems = [*chain_problems(ledger, published, evidence.home), *problems]
    verdicts = {}
    stamps = _stamps(ledger, evidence)
    versions: dict[str, Entry] = {}
    latest: datetime | None = None
    for place, entry in enumerate(ledger.entries, 1):
        found = list(_disorder(entry, place, latest, evidence))
        if isinstance(entry, Entry):
            verdict = _entry_verdict(entry, place, versions.get(entry.id), stamps, evidence)
            versions[entry.id] = entry
        else:
            verdict = _anchor_verdict(entry, place, ledger, evidence)
        if verdict.outcome == "contradicted":
            found.append(verdict.reason_en)
        if found and verdict.outcome != "contradicted":
            verdict = Verdict(place, verdict.name, "contradicted", "; ".join(found))
        problems += [f"{label(entry, place)}: {problem}" for problem in found]
        verdicts[place] = verdict
        latest = max(latest or entry.recorded_at, entry.recorded_at)
    shipped = [entry for entry in ledger.standing if entry.seal in evidence.shipped]
    return Verification(problems, verdicts, shipped)


def _disorder(
    entry: Entry | Anchor, place: int, latest: datetime | None, evidence: Evidence
) -> Iterator[str]:
    """What is wrong with the day on which an entry says it was recorded."""
    if latest and entry.recorded_at < latest:
        yield (
            f"it says it was recorded on {_moment(entry.recorded_at)}, before an entry that precedes it "
            f"({_moment(latest)})"
        )
    if entry.seal in evidence.shipped:
        return
    without = [r for r in evidence.releases if r.entries < place and r.built_at > entry.recorded_at]
    if without:
        yield (
            f"it says it was recorded on {_moment(entry.recorded_at)}, but release {without[-1].release_id}, built later, "
            "does not have it"
        )


def _entry_verdict(
    entry: Entry,
    place: int,
    before: Entry | None,
    stamps: dict[int, timestamp.TimeStamp],
    evidence: Evidence,
) -> Verdict:
    name = label(entry, place)
    stamp = stamps.get(place)
    try:
        rules.require_order(entry, before, entry.recorded_at)
        rules.require_way(entry, entry.baseline.value)
        if entry.stage != "withdrawn":
            _require_timing(entry, entry.recorded_at)
        if entry.seal in evidence.shipped:
            known = evidence.known_as_shipped(entry.indicator, entry.geo)
        elif evidence.begun is not None and entry.recorded_at < evidence.begun:
            if stamp is None:
                raise LedgerError(
                    f"it says it was recorded on {_moment(entry.recorded_at)}, before this folder had any figures "
                    f"({_moment(evidence.begun)}), and no verified time stamp dates it"
                )
            if entry.stage != "withdrawn":
                # what a time stamp proves is that the entry existed by then, not that it did before
                _require_timing(entry, stamp.time)
            known = None
        else:
            known = evidence.known_at(entry.indicator, entry.geo, entry.recorded_at)
        judge = rules.RULES.get(entry.rules or 1)
        if judge is None or known is None:
            return Verdict(place, name, "unverifiable", *_unverifiable(entry, judge is None, stamp), stamp)
        admitted = judge(entry, before, known, entry.recorded_at)
        if not math.isclose(admitted.baseline, entry.baseline.value, rel_tol=SAME):
            raise LedgerError(
                f"baseline: {entry.baseline.value:g}, but the figure known then was {admitted.baseline:g}"
            )
        if admitted.unit != entry.unit:
            raise LedgerError(f"unit: {entry.unit}, but that of the figures is {admitted.unit}")
        if admitted.timing != entry.timing:
            raise LedgerError(f"it says {entry.timing}, its days say {admitted.timing}")
    except LedgerError as failure:
        return Verdict(place, name, "contradicted", failure.message.rstrip("."), stamp=stamp)
    return Verdict(place, name, "sound", stamp=stamp)


def _require_timing(entry: Entry, recorded_at: datetime) -> None:
    """Raise LedgerError unless the days alone, with `recorded_at`, allow the timing that the entry claims."""
    timing = rules.timing_of_all(entry, recorded_at, set())
    if timing != entry.timing:
        raise LedgerError(f"it says {entry.timing}, its days say {timing}")


def _unverifiable(entry: Entry, other_rules: bool, stamp: timestamp.TimeStamp | None) -> tuple[str, str]:
    if other_rules:
        return (
            f"a later version of the project sealed it, by version {entry.rules} of the rules",
            f"l'ha sigillata una versione successiva del progetto, con la versione {entry.rules} delle regole",
        )
    dated = (f"; a time stamp dates it to {_moment(stamp.time)} or before") if stamp else ""
    dated_it = (f"; una marca temporale la data al {_moment(stamp.time)} o prima") if stamp else ""
    return (
        f"this folder does not know any more what was published by {_moment(entry.recorded_at)}{dated}",
        f"questa cartella non sa più che cosa era pubblicato al {_moment(entry.recorded_at)}{dated_it}",
    )


def _anchor_verdict(anchor: Anchor, place: int, ledger: Ledger, evidence: Evidence) -> Verdict:
    name = label(anchor, place)
    if anchor.token_sha256 is None:
        return Verdict(place, name, "sound")
    try:
        data = evidence.token(anchor)
        if anchor.stamped_at is None:
            return _old_anchor_verdict(anchor, place, data, evidence)
        time = timestamp.granted(data, anchor.anchors)
        if time != anchor.stamped_at:
            raise LedgerError(f"it says {_moment(anchor.stamped_at)}, its time stamp says {_moment(time)}")
        if not evidence.certificates:
            return Verdict(
                place,
                name,
                "unverifiable",
                f"no certificate of the authority is named, by --tsa-certificate or {timestamp.SETTING}",
                f"nessun certificato dell'autorità è indicato, con --tsa-certificate o {timestamp.SETTING}",
            )
        stamp = evidence.stamp(anchor)
    except LedgerError as failure:
        return Verdict(place, name, "contradicted", failure.message.rstrip("."))
    return Verdict(place, name, "sound", stamp=stamp)


def _old_anchor_verdict(anchor: Anchor, place: int, data: bytes, evidence: Evidence) -> Verdict:
    """Of an anchor by a version of the project that did not verify time stamps: what cannot be verified is no forgery."""
    try:
        stamp = timestamp.verified(data, anchor.anchors, evidence.certificates)
    except LedgerError as failure:
        reason = failure.message.rstrip(".")
        return Verdict(
            place,
            label(anchor, place),
            "unverifiable",
            f"an earlier version of the project took its time stamp without verifying it: {reason}",
            "una versione precedente del progetto ha accettato la marca temporale senza verificarla",
        )
    return Verdict(place, label(anchor, place), "sound", stamp=stamp)


def _stamps(ledger: Ledger, evidence: Evidence) -> dict[int, timestamp.TimeStamp]:
    """For each place in the ledger the earliest verified time stamp that dates it: one of its own seal or of a later one."""
    places = {entry.seal: place for place, entry in enumerate(ledger.entries, 1)}
    stamps: dict[int, timestamp.TimeStamp] = {}
    for anchor in ledger.anchors:
        if anchor.token_sha256 is None or anchor.anchors not in places:
            continue
        try:
            stamp = evidence.stamp(anchor)
        except LedgerError:
            continue
        for place in range(1, places[anchor.anchors] + 1):
            if place not in stamps or stamp.time < stamps[place].time:
                stamps[place] = stamp
    return stamps


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
