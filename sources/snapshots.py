"""The snapshot store: every response body exactly as received, and the manifest of all decisions on them.

Objects are content-addressed (sha256 of the decoded body) and never change. Lines are only ever added to the manifest; the
warehouse can be built again from it. Acceptances and refusals of a run may be held until the release checks have judged
them (`propose`, `hold`, `confirm`). Does not belong here: where the manifest is kept (`manifest.py`), decoding, checking, and
the decision to accept.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sources.bodies import Bodies, Origin, Snapshot
from sources.data_folder import DataFolder, to_json
from sources.errors import UNFORESEEN, DamagedSnapshot, DistrettoError
from sources.manifest import Manifest, ManifestFile

if TYPE_CHECKING:  # importing requests takes a tenth of a second, which commands that only read do not need
    from sources.http.client import Body

AcceptanceKind = Literal["baseline", "update", "pin", "withdrawal"]
KEPT_IN_QUARANTINE = 5


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
    sequence: int = 0  # its number among the acceptances of the manifest, from 1; not written into the line


@dataclass(frozen=True)
class Refusal:
    """A snapshot held in quarantine, with every reason; `entry_sha256` is that of the catalogue entry it was judged by."""

    dataset: str
    snapshot_id: str
    refused_at: datetime
    reasons: list[str]
    entry_sha256: str = ""


def _line(decision: Acceptance | Refusal) -> tuple[int | None, str]:
    """The number and the line of the manifest for `decision`."""
    fields = asdict(decision)
    if isinstance(decision, Refusal):
        return None, to_json({"event": "refused", **fields})
    return fields.pop("sequence"), to_json({"event": "accepted", **fields})


class SnapshotStore:
    """Objects and manifest of one data folder. Writing needs `DataFolder.writing()` held by the caller."""

    def __init__(self, home: DataFolder):
        self.home = home
        self.bodies = Bodies(home)
        self.snapshots: dict[str, Snapshot] = {}
        self.acceptances: list[Acceptance] = []
        self.refusals: list[Refusal] = []
        self.held: list[Acceptance | Refusal] = []  # decisions that are not in the manifest yet
        self.pins: dict[str, str] = {}
        self._manifest: Manifest = home.lake or ManifestFile(home.manifest)
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
        snapshot has come and gone. Two machines may have stored the body that is in force: then it is decided.
        """
        newest, last = self.newest(dataset, origin), self.last_acceptance(dataset)
        if newest is None:
            return None
        standing = self.standing(dataset)
        if origin == "live" and last and last.kind == "pin" and dataset not in self.pins:
            # a pin that was released
            standing = [last]
        now = self.current(dataset)
        in_force = now is not None and (now.origin, now.sha256) == (origin, newest.sha256)
        accepted = in_force or any(event.snapshot_id == newest.id for event in standing)
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
        self.bodies.keep(snapshot, body.path)
        self._write({"event": "snapshot", **asdict(snapshot)})
        return snapshot

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
        number, moment = self._manifest.next_acceptance(self._last_moment(), len(self.acceptances))
        return Acceptance(
            snapshot.dataset,
            snapshot.id,
            moment,
            kind or ("baseline" if first else "update"),
            by,
            because,
            None if kind == "withdrawal" else stamp or snapshot.provider_updated_at,
            number,
        )

    def renumbered(self, acceptance: Acceptance) -> Acceptance:
        """`acceptance` with a number of its own again, after `drop_held`."""
        number, _ = self._manifest.next_acceptance(None, len(self.acceptances))
        return replace(acceptance, sequence=number)

    def commit(self, acceptance: Acceptance) -> None:
        """Write a proposed acceptance to the manifest, durable."""
        self.confirm()
        self._add_line(*_line(acceptance))

    def accept(
        self, snapshot: Snapshot, by: str, because: str = "", stamp: datetime | None = None
    ) -> Acceptance:
        """Accept `snapshot` into history from now on; `accepted_at` is strictly increasing over the manifest."""
        decision = self.propose(snapshot, by, because, stamp)
        self.commit(decision)
        return self.acceptances[-1]

    def hold(self, decision: Acceptance | Refusal) -> None:
        """Hold `decision`; `confirm` writes it to the manifest."""
        number, line = _line(decision)
        moment = decision.accepted_at if isinstance(decision, Acceptance) else decision.refused_at
        self._manifest.hold(number, moment, line)
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
        self._manifest.drop_held()
        self.held = []

    def confirm(self) -> None:
        """Write all held decisions durably to the manifest, in their order."""
        if self.held:
            self._manifest.confirm([_line(decision) for decision in self.held])
            self.held = []

    def refusal(self, snapshot: Snapshot, reasons: list[str], entry_sha256: str = "") -> Refusal:
        """The refusal of `snapshot` as it would be decided now."""
        moment = self._manifest.next_moment(self._last_moment())
        return Refusal(snapshot.dataset, snapshot.id, moment, reasons, entry_sha256)

    def refuse(self, snapshot: Snapshot, reasons: list[str], entry_sha256: str = "") -> None:
        """Hold `snapshot` in quarantine; of the refused bodies of a dataset the last five stay on disk."""
        self._add_line(*_line(self.refusal(snapshot, reasons, entry_sha256)))
        accepted = {self.snapshots[event.snapshot_id].sha256 for event in self.acceptances}
        refused = dict.fromkeys(
            event.snapshot_id for event in self.refusals if event.dataset == snapshot.dataset
        )
        kept = {self.snapshots[name].sha256 for name in list(refused)[-KEPT_IN_QUARANTINE:]} | accepted
        for name in list(refused)[:-KEPT_IN_QUARANTINE]:
            if self.snapshots[name].sha256 not in kept:
                self.bodies.discard(self.snapshots[name])

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
            {
                "event": "unpinned",
                "dataset": dataset,
                "at": self._manifest.next_moment(self._last_moment()),
                "by": by,
                "because": because,
            }
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

    def _last_moment(self) -> datetime | None:
        """Of the last decisions known."""
        return max(
            (*(a.accepted_at for a in self.acceptances[-1:]), *(r.refused_at for r in self.refusals[-1:])),
            default=None,
        )

    def _read(self) -> None:
        for place, (number, line, held) in enumerate(self._manifest.read(), 1):
            try:
                decision = self._apply(json.loads(line), number)
            except UNFORESEEN:
                raise DamagedSnapshot(f"{self._manifest.name}:{place}: not a line of the manifest.") from None
            if held and decision:
                self.held.append(decision)

    def _write(self, event: dict[str, Any]) -> None:
        self._add_line(None, to_json(event))

    def _add_line(self, number: int | None, line: str) -> None:
        self._manifest.append([(number, line)])
        self._apply(json.loads(line), number)

    def _apply(self, event: dict[str, Any], number: int | None = None) -> Acceptance | Refusal | None:
        """Take one line into account; returns the decision in it. `number`: of an acceptance, if it is known."""
        kind = event.pop("event")
        if kind in ("accepted", "refused") and event["snapshot_id"] not in self.snapshots:
            raise LookupError(event["snapshot_id"])
        for name in ("fetched_at", "provider_updated_at", "accepted_at", "refused_at"):
            if event.get(name):
                event[name] = datetime.fromisoformat(event[name])
        if kind == "snapshot":
            self.snapshots[event["id"]] = Snapshot(**event)
        elif kind == "accepted":
            self.acceptances.append(Acceptance(**event, sequence=number or len(self.acceptances) + 1))
            if event["kind"] == "pin":
                self.pins[event["dataset"]] = event["snapshot_id"]
            return self.acceptances[-1]
        elif kind == "refused":
            self.refusals.append(Refusal(**event))
            return self.refusals[-1]
        elif kind == "unpinned":
            self.pins.pop(event["dataset"], None)
        return None
