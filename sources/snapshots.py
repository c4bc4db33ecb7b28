"""The snapshot store: every response body exactly as received, and the manifest of all decisions on them.

Objects are content-addressed (sha256 of the decoded body) and never change. The manifest is a file of JSON lines, only
ever appended to and fsynced; the warehouse can be built again from it. Acceptances and refusals of a run may be held in
memory until the release checks have judged them (`propose`, `hold`, `confirm`). Does not belong here: decoding, checking,
and the decision to accept.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sources.data_folder import DataFolder, sync_folder, to_json, utc_now, write_atomic
from sources.errors import UNFORESEEN, DamagedSnapshot, DistrettoError

if TYPE_CHECKING:  # importing requests takes a tenth of a second, which commands that only read do not need
    from sources.http.client import Body

Origin = Literal["live", "shipped"]
AcceptanceKind = Literal["baseline", "update", "pin", "withdrawal"]
KEPT_IN_QUARANTINE = 5


@dataclass(frozen=True)
class Snapshot:
    """One body as served. `coverage` names the codes asked for by dimension; empty means the whole table."""

    id: str
    dataset: str
    provider: str
    code: str
    format: str
    origin: Origin
    url: str
    sha256: str
    size: int
    decoded_size: int
    gzipped: bool
    media_type: str
    fetched_at: datetime | None
    provider_updated_at: datetime | None
    licence: str
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    coverage: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Acceptance:
    """A snapshot's entry into history.

    `kind`: `baseline` replaces bundled or no figures, `update` the figures before, `pin` holds the dataset at this snapshot,
    `withdrawal` removes its figures. `provider_updated_at` is the body's own stamp if it carries one.
    """

    dataset: str
    snapshot_id: str
    accepted_at: datetime
    kind: AcceptanceKind
    by: str
    because: str = ""
    provider_updated_at: datetime | None = None
    sequence: int = 0  # its number among the acceptances of the manifest, from 1; it follows from the file and is not written


@dataclass(frozen=True)
class Refusal:
    """A snapshot held in quarantine, with every reason; `entry_sha256` is that of the catalogue entry it was judged by."""

    dataset: str
    snapshot_id: str
    refused_at: datetime
    reasons: list[str]
    entry_sha256: str = ""


def _event(decision: Acceptance | Refusal) -> dict[str, Any]:
    """The line of the manifest for `decision`."""
    fields = asdict(decision)
    if isinstance(decision, Refusal):
        return {"event": "refused", **fields}
    del fields["sequence"]
    return {"event": "accepted", **fields}


class SnapshotStore:
    """Objects and manifest of one data folder. Writing needs `DataFolder.writing()` held by the caller."""

    def __init__(self, home: DataFolder):
        self.home = home
        self.snapshots: dict[str, Snapshot] = {}
        self.acceptances: list[Acceptance] = []
        self.refusals: list[Refusal] = []
        self.held: list[Acceptance | Refusal] = []  # decisions that are not in the manifest yet
        self.pins: dict[str, str] = {}
        self._read()

    # -- reading

    def current(self, dataset: str) -> Snapshot | None:
        """The snapshot whose figures are in force."""
        last = self.last_acceptance(dataset)
        return self.snapshots[last.snapshot_id] if last else None

    def last_acceptance(self, dataset: str) -> Acceptance | None:
        """Of a snapshot that has not been withdrawn since."""
        return next(reversed(self.standing(dataset)), None)

    def standing(self, dataset: str) -> list[Acceptance]:
        """The acceptances of snapshots of `dataset` that have not been withdrawn since, oldest first."""
        found: list[Acceptance] = []
        for event in self.acceptances:
            if event.dataset == dataset and event.kind == "withdrawal":
                found = [earlier for earlier in found if earlier.snapshot_id != event.snapshot_id]
            elif event.dataset == dataset:
                found.append(event)
        return found

    @property
    def updated(self) -> dict[str, datetime | None]:
        """The provider's own stamp of every accepted snapshot, None if unknown."""
        return {event.snapshot_id: event.provider_updated_at for event in self.acceptances}

    def undecided(self, dataset: str, origin: Origin, entry_sha256: str) -> Snapshot | None:
        """The newest snapshot of that origin if no decision on it is in force; older ones are superseded.

        A refusal holds while the catalogue entry is the one it was judged by; an acceptance, until a pin to another
        snapshot has come and gone.
        """
        newest, last = self.newest(dataset, origin), self.last_acceptance(dataset)
        if newest is None:
            return None
        standing = self.standing(dataset)
        if origin == "live" and last and last.kind == "pin" and dataset not in self.pins:
            # a pin that was released
            standing = [last]
        accepted = any(event.snapshot_id == newest.id for event in standing)
        refused = [event for event in self.refusals if event.snapshot_id == newest.id][-1:]
        holds = refused and refused[0].entry_sha256 in ("", entry_sha256)
        return None if accepted or holds else newest

    def waiting(self, dataset: str, entry_sha256: str) -> list[Snapshot]:
        """Every live snapshot without a decision in force, in order of arrival; for datasets whose files accumulate."""
        decided = {event.snapshot_id for event in self.acceptances} | {
            event.snapshot_id for event in self.refusals if event.entry_sha256 in ("", entry_sha256)
        }
        return [
            snapshot
            for snapshot in self.snapshots.values()
            if snapshot.dataset == dataset and snapshot.origin == "live" and snapshot.id not in decided
        ]

    def quarantined(self, dataset: str) -> list[Refusal]:
        """Refusals without a later acceptance, the last one of each snapshot, oldest first."""
        last = self.last_acceptance(dataset)
        return list(
            {
                event.snapshot_id: event
                for event in self.refusals
                if event.dataset == dataset and (last is None or event.refused_at > last.accepted_at)
            }.values()
        )

    def newest(self, dataset: str, origin: Origin) -> Snapshot | None:
        """The body of that origin that came last, accepted or not."""
        return next(
            (
                snapshot
                for snapshot in reversed(self.snapshots.values())
                if snapshot.dataset == dataset and snapshot.origin == origin
            ),
            None,
        )

    def path(self, snapshot: Snapshot) -> Path:
        return (
            self.home.objects / snapshot.sha256[:2] / (snapshot.sha256 + (".gz" if snapshot.gzipped else ""))
        )

    def verified(self, snapshot: Snapshot) -> Path:
        """The path of the body, once its sha256 is what the manifest says. Raises DamagedSnapshot."""
        path = self.path(snapshot)
        try:
            opened = gzip.open(path, "rb") if snapshot.gzipped else open(path, "rb")
            with opened as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
        except (OSError, EOFError, ValueError, zlib.error) as failure:
            raise DamagedSnapshot(f"Snapshot {snapshot.id} cannot be read: {failure}.") from None
        if digest != snapshot.sha256:
            raise DamagedSnapshot(
                f"Snapshot {snapshot.id} ({path}) has sha256 {digest}, not {snapshot.sha256}."
            )
        return path

    # -- writing

    def add(self, body: Body, **about: Any) -> Snapshot:
        """Keep `body` (its file is moved in) and write its line."""
        snapshot = Snapshot(
            id=f"{about['dataset']}-{body.fetched_at:%Y%m%dT%H%M%S}Z-{body.sha256[:8]}",
            url=body.url,
            sha256=body.sha256,
            size=body.size,
            decoded_size=body.decoded_size,
            gzipped=body.gzipped,
            media_type=body.response_headers.get("content-type", ""),
            fetched_at=body.fetched_at if about["origin"] == "live" else None,
            request_headers=body.request_headers,
            response_headers=body.response_headers,
            **about,
        )
        if same := self.snapshots.get(snapshot.id):
            if same.url == snapshot.url:
                return same
            # same content served under a second URL: give it its own id
            snapshot = replace(snapshot, id=f"{snapshot.id}-{len(self.snapshots)}")
        target = self.path(snapshot)
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(body.path, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(body.path, target)
        sync_folder(target.parent)
        self._write({"event": "snapshot", **asdict(snapshot)})
        return snapshot

    def restore(self, snapshot: Snapshot, body: Body) -> None:
        """Replace a lost or damaged object by `body`, which has the snapshot's sha256."""
        try:
            self.verified(snapshot)
            body.path.unlink()
        except DamagedSnapshot:
            self.path(snapshot).parent.mkdir(parents=True, exist_ok=True)
            os.replace(body.path, self.path(snapshot))

    def propose(
        self,
        snapshot: Snapshot,
        by: str,
        because: str = "",
        stamp: datetime | None = None,
        kind: AcceptanceKind | None = None,
    ) -> Acceptance:
        """The acceptance of `snapshot` as it would be decided now; `hold` or `commit` makes it one."""
        before = self.current(snapshot.dataset)
        first = before is None or (before.origin == "shipped" and snapshot.origin == "live")
        return Acceptance(
            snapshot.dataset,
            snapshot.id,
            self._next_moment(),
            kind or ("baseline" if first else "update"),
            by,
            because,
            None if kind == "withdrawal" else stamp or snapshot.provider_updated_at,
            len(self.acceptances) + 1,
        )

    def commit(self, acceptance: Acceptance) -> None:
        """Write a proposed acceptance to the manifest, durable."""
        self.confirm()
        self._write(_event(acceptance))

    def accept(
        self, snapshot: Snapshot, by: str, because: str = "", stamp: datetime | None = None
    ) -> Acceptance:
        """Accept `snapshot` into history from now on; `accepted_at` is strictly increasing over the manifest."""
        decision = self.propose(snapshot, by, because, stamp)
        self.commit(decision)
        return self.acceptances[-1]

    def hold(self, decision: Acceptance | Refusal) -> None:
        """Hold `decision` in this process; `confirm` writes it to the manifest."""
        self.held.append(decision)
        if isinstance(decision, Acceptance):
            self.acceptances.append(decision)
        else:
            self.refusals.append(decision)

    @property
    def held_acceptances(self) -> list[Acceptance]:
        return [decision for decision in self.held if isinstance(decision, Acceptance)]

    def drop_held(self) -> None:
        """Discard the held decisions."""
        self.acceptances = [event for event in self.acceptances if event not in self.held]
        self.refusals = [event for event in self.refusals if event not in self.held]
        self.held = []

    def confirm(self) -> None:
        """Write all held decisions durably to the manifest, in their order."""
        if self.held:
            self._append([to_json(_event(decision)) for decision in self.held])
            self.held = []

    def refusal(self, snapshot: Snapshot, reasons: list[str], entry_sha256: str = "") -> Refusal:
        """The refusal of `snapshot` as it would be decided now."""
        return Refusal(snapshot.dataset, snapshot.id, self._next_moment(), reasons, entry_sha256)

    def refuse(self, snapshot: Snapshot, reasons: list[str], entry_sha256: str = "") -> None:
        """Hold `snapshot` in quarantine; of the refused bodies of a dataset the last five stay on disk."""
        self._write(_event(self.refusal(snapshot, reasons, entry_sha256)))
        accepted = {self.snapshots[event.snapshot_id].sha256 for event in self.acceptances}
        refused = dict.fromkeys(
            event.snapshot_id for event in self.refusals if event.dataset == snapshot.dataset
        )
        kept = {self.snapshots[name].sha256 for name in list(refused)[-KEPT_IN_QUARANTINE:]} | accepted
        for name in list(refused)[:-KEPT_IN_QUARANTINE]:
            if self.snapshots[name].sha256 not in kept:
                self.path(self.snapshots[name]).unlink(missing_ok=True)

    def pin(self, snapshot: Snapshot, by: str, because: str) -> Acceptance:
        """Hold the dataset at `snapshot` until `unpin`: newer bodies are kept and wait."""
        self.commit(self.propose(snapshot, by, because, kind="pin"))
        return self.acceptances[-1]

    def withdraw(self, snapshot: Snapshot, by: str, because: str) -> Acceptance:
        """Remove the figures of `snapshot` from the current data; its file stays, and is not read again."""
        self.commit(self.propose(snapshot, by, because, kind="withdrawal"))
        return self.acceptances[-1]

    def unpin(self, dataset: str, by: str, because: str) -> None:
        self._write(
            {"event": "unpinned", "dataset": dataset, "at": self._next_moment(), "by": by, "because": because}
        )

    def find(self, dataset: str, name: str) -> Snapshot:
        """The snapshot of `dataset` whose id is or ends with `name`. Raises DistrettoError if none or several fit."""
        found = [
            snapshot
            for snapshot in self.snapshots.values()
            if snapshot.dataset == dataset and name and snapshot.id.endswith(name)
        ]
        if len(found) != 1:
            known = ", ".join(s.id for s in self.snapshots.values() if s.dataset == dataset)
            raise DistrettoError(
                f"{'No' if not found else 'More than one'} snapshot of {dataset} fits {name!r}.",
                hint=f"name one of: {known}." if known else "it has none yet; distretto refresh asks for it.",
            )
        return found[0]

    # -- the manifest

    def _next_moment(self) -> datetime:
        """Now, and later than every decision in the manifest, even if the clock is behind."""
        last = max(
            (*(a.accepted_at for a in self.acceptances[-1:]), *(r.refused_at for r in self.refusals[-1:])),
            default=None,
        )
        now = utc_now()
        return now if last is None or now > last else last + timedelta(microseconds=1)

    def _read(self) -> None:
        try:
            data = self.home.manifest.read_bytes()
        except FileNotFoundError:
            return
        lines = data.split(b"\n")
        for number, line in enumerate(lines[:-1], 1):
            try:
                self._apply(json.loads(line))
            except UNFORESEEN:
                raise DamagedSnapshot(f"{self.home.manifest}:{number}: not a line of the manifest.") from None
        # text after the last newline is an incomplete line of a crashed run, which was never acknowledged

    def _write(self, event: dict[str, Any]) -> None:
        text = to_json(event)
        self._append([text])
        self._apply(json.loads(text))

    def _append(self, lines: list[str]) -> None:
        path = self.home.manifest
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_atomic(path, b"")
        with open(path, "rb+") as handle:
            data_end = handle.seek(0, os.SEEK_END)
            handle.seek(max(data_end - 1, 0))
            if data_end and handle.read(1) != b"\n":
                handle.seek(0)
                handle.truncate(handle.read().rfind(b"\n") + 1)
                handle.seek(0, os.SEEK_END)
            handle.write("".join(f"{line}\n" for line in lines).encode())
            handle.flush()
            os.fsync(handle.fileno())

    def _apply(self, event: dict[str, Any]) -> None:
        kind = event.pop("event")
        if kind in ("accepted", "refused") and event["snapshot_id"] not in self.snapshots:
            raise LookupError(event["snapshot_id"])
        for name in ("fetched_at", "provider_updated_at", "accepted_at", "refused_at"):
            if event.get(name):
                event[name] = datetime.fromisoformat(event[name])
        if kind == "snapshot":
            self.snapshots[event["id"]] = Snapshot(**event)
        elif kind == "accepted":
            self.acceptances.append(Acceptance(**event, sequence=len(self.acceptances) + 1))
            if event["kind"] == "pin":
                self.pins[event["dataset"]] = event["snapshot_id"]
        elif kind == "refused":
            self.refusals.append(Refusal(**event))
        elif kind == "unpinned":
            self.pins.pop(event["dataset"], None)
