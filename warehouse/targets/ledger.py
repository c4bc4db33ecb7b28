"""The ledger of targets: a YAML list in the data folder that is only appended to, each entry sealed over the one before.

Belongs here: reading, appending, the chain of seals, anchoring. Does not belong here: which targets are admitted
(`rules.py`), and whether an entry agrees with what was known when it was recorded (`verification.py`).

A chain proves order, not date: an anchor names something outside that dates its head.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sources.common import config
from sources.data_folder import DataFolder, write_atomic
from sources.errors import SpecError
from warehouse.targets import rules, timestamp
from warehouse.targets.schema import Anchor, Entry, LedgerError, SealedBaseline, Target, content, seal

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

GENESIS = "0" * 64
HEADER = "# The ledger of targets: docs/targets.md. Change it by `distretto targets add` only.\n"
# an authority's clock may be ahead of ours or behind it
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Ledger:
    """The entries of `path`, in order."""

    path: Path
    entries: list[Entry | Anchor]

    @property
    def targets(self) -> list[Entry]:
        """Every version of every target."""
        return [entry for entry in self.entries if isinstance(entry, Entry)]

    @property
    def anchors(self) -> list[Anchor]:
        """What dates the ledger from outside."""
        return [entry for entry in self.entries if isinstance(entry, Anchor)]

    @property
    def head(self) -> str:
        """The seal of the last entry, which the next one holds."""
        return self.entries[-1].seal if self.entries else GENESIS

    def last(self, target: str) -> Entry | None:
        """The newest version of `target`."""
        return next((entry for entry in reversed(self.targets) if entry.id == target), None)

    @property
    def standing(self) -> list[Entry]:
        """The newest version of each target that is not withdrawn."""
        return [e for e in self.targets if self.last(e.id) == e and e.stage != "withdrawn"]


# -- reading


def load(home: DataFolder) -> Ledger:
    """The ledger of the data folder, empty before its first run. Raises SpecError, naming line and key.

    A key given twice is refused: a person may read the first, a parser takes the last.
    """
    if not home.ledger.exists():
        return Ledger(home.ledger, [])
    document = config.read(home.ledger, mapping=False)
    given = [] if document.values is None else document.values
    if not isinstance(given, list):
        raise SpecError(f"{home.ledger}:1: must be a list of entries.")
    return Ledger(home.ledger, [_entry(document, place, one) for place, one in enumerate(given)])


def read_target(path: Path) -> Target:
    """A person's file with one target. Raises SpecError for what does not fit the layout."""
    return config.load(path, Target)


def begin(home: DataFolder) -> None:
    """Give the data folder an empty ledger; nothing if it has one."""
    if not home.ledger.exists():
        write_atomic(home.ledger, HEADER.encode())


def _entry(document: config.Document, place: int, given: object) -> Entry | Anchor:
    anchor = isinstance(given, dict) and "anchors" in given
    if anchor:
        return document.validate(Anchor, given, (place,))
    return document.validate(Entry, given, (place,))


# -- the chain


def chain_problems(ledger: Ledger, published: Mapping[int, str], home: DataFolder) -> list[str]:
    """Seals and links that do not hold, the first broken one first; empty if the chain is whole.

    `published`: the content of each entry by number, as releases hold it. What was published must still be there, so a
    ledger that was cut or sealed again is found too.
    """
    problems: list[str] = []
    previous, versions, seals = GENESIS, dict[str, int](), set[str]()
    for place, entry in enumerate(ledger.entries, 1):
        text, name = content(entry), label(entry, place)
        before = published.get(place)
        changed = f": {_differences(before, text)}" if before and before != text else ""
        if seal(text) != entry.seal:
            problems.append(f"{name} was altered after it was sealed{changed}")
        elif entry.number != place or entry.previous != previous:
            problems.append(
                f"{name} does not follow the entry before it: one was removed, inserted, moved or sealed again{changed}"
            )
        elif changed:
            problems.append(f"{name} was sealed again after a release had published it{changed}")
        if isinstance(entry, Entry):
            if entry.version != versions.get(entry.id, 0) + 1:
                problems.append(
                    f"{name}: version {entry.version} does not follow version {versions.get(entry.id, 0)}"
                )
            versions[entry.id] = entry.version
        elif entry.anchors not in seals:
            problems.append(f"{name}: it anchors {entry.anchors[:12]}, the seal of no entry before it")
        previous = entry.seal
        seals.add(previous)
    problems += [
        f"entry {number} is gone, which a release had published: {json.loads(text).get('id', 'an anchor')}"
        for number, text in sorted(published.items())
        if number > len(ledger.entries)
    ]
    return problems


def label(entry: Entry | Anchor, place: int) -> str:
    """How an entry is named in messages: `entry 3 (births-catania, version 1)`."""
    return (
        f"entry {place} ({f'{entry.id}, version {entry.version}' if isinstance(entry, Entry) else 'anchor'})"
    )


def _differences(before: str, now: str) -> str:
    """Describe changed fields; if a different target occupies the place, name only the original target."""
    was, is_ = json.loads(before), json.loads(now)
    if any(was.get(key) != is_.get(key) for key in ("id", "version")):
        original = f"{was['id']}, version {was['version']}" if "id" in was else "an anchor"
        return f"in its place a release had published {original}"
    old, new = _flat(was), _flat(is_)
    # the seal of the entry before differs if that one was sealed again: it is named itself
    return (
        ", ".join(
            f"{key} was {_escaped(old.get(key, 'absent'))} and is {_escaped(new.get(key, 'absent'))}"
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key) and key != "previous"
        )
        or "the seal of the entry before"
    )


def _escaped(value: Any) -> str:
    """Non-ASCII characters as their numbers, so that look-alike letters can be distinguished."""
    return str(value) if str(value).isascii() else ascii(value)


def _flat(value: Any, above: str = "") -> dict[str, Any]:
    if not isinstance(value, dict | list):
        return {above: value}
    pairs: Sequence[tuple[Any, Any]] = list(value.items() if isinstance(value, dict) else enumerate(value, 1))
    found: dict[str, Any] = {}
    for key, part in pairs:
        found |= _flat(part, f"{above}.{key}" if above else str(key))
    return found


# -- appending


def sealed(ledger: Ledger, target: Target, known: rules.Known, now: datetime) -> Entry:
    """`target` as the next entry. Raises LedgerError if the rules do not admit it."""
    recorded_at = now.replace(microsecond=0)
    _require_clock(ledger, recorded_at)
    before = ledger.last(target.id)
    admitted = rules.RULES[rules.CURRENT](target, before, known, recorded_at)
    entry = Entry(
        **{
            **dict(target),
            "baseline": SealedBaseline(period=target.baseline.period, value=admitted.baseline),
        },
        number=len(ledger.entries) + 1,
        version=before.version + 1 if before else 1,
        unit=admitted.unit,
        timing=admitted.timing,
        rules=None if rules.CURRENT == 1 else rules.CURRENT,
        recorded_at=recorded_at,
        previous=ledger.head,
    )
    return entry.model_copy(update={"seal": seal(content(entry))})


def anchored(
    home: DataFolder,
    ledger: Ledger,
    protocol: str | None,
    token: Path | None,
    certificates: Sequence[Certificate],
    now: datetime,
) -> Anchor:
    """The next entry, which dates the head by a protocol number, by the RFC 3161 response in the file `token`, or by both.

    A copy of the token is kept beside the ledger. Raises LedgerError unless it is a time stamp of the head whose
    signature is valid for `certificates`.
    """
    recorded_at = now.replace(microsecond=0)
    _require_clock(ledger, recorded_at)
    if not ledger.entries:
        raise LedgerError("The ledger has no entry to anchor.")
    if not (protocol or token):
        raise LedgerError("An anchor needs a protocol number or a time stamp.")
    found, digest = None, None
    if token:
        data = token.read_bytes()
        found = timestamp.verified(data, ledger.head, certificates)
        if found.time < ledger.entries[-1].recorded_at - CLOCKS_DIFFER:
            raise LedgerError(
                f"The time stamp is of {found.time:%Y-%m-%d %H:%M} UTC, before the entry that it dates was recorded "
                f"({ledger.entries[-1].recorded_at:%Y-%m-%d %H:%M} UTC).",
                hint="compare this machine's clock with the authority's.",
            )
        digest = hashlib.sha256(data).hexdigest()
        home.root.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(token, token_path(home, ledger.head))
    anchor = Anchor(
        number=len(ledger.entries) + 1,
        anchors=ledger.head,
        protocol=protocol,
        token_sha256=digest,
        stamped_at=found.time if found else None,
        authority=found.authority if found else None,
        recorded_at=recorded_at,
        previous=ledger.head,
    )
    return anchor.model_copy(update={"seal": seal(content(anchor))})


def append(home: DataFolder, ledger: Ledger, entry: Entry | Anchor) -> None:
    """Write `entry` at the end of the ledger, whose earlier bytes stay as they are."""
    more = yaml.safe_dump(
        [entry.model_dump(exclude_none=True)], sort_keys=False, allow_unicode=True, width=110
    )
    earlier = ledger.path.read_bytes() if ledger.path.exists() else HEADER.encode()
    write_atomic(home.ledger, earlier.rstrip(b"\n") + b"\n\n" + more.encode())


def token_path(home: DataFolder, head: str) -> Path:
    """Where the RFC 3161 time stamp of the seal `head` is kept."""
    return home.ledger.with_name(f"targets-{head[:12]}.tsr")


def _require_clock(ledger: Ledger, recorded_at: datetime) -> None:
    """Raise LedgerError if the last entry was recorded later than `recorded_at`."""
    if ledger.entries and ledger.entries[-1].recorded_at > recorded_at:
        raise LedgerError(
            f"The ledger's last entry was recorded on {ledger.entries[-1].recorded_at:%Y-%m-%d %H:%M} UTC; the clock "
            f"of this machine says {recorded_at:%Y-%m-%d %H:%M} UTC.",
            hint="set the clock right, then try again; nothing was written.",
        )
