"""The state of each dataset: what the last check found, what follows from it, and what got worse.

Belongs here: the models of `status.json`, the states and their rules. Does not belong here: the figures themselves, and
how news is worded (`pipelines/alerts.py`). The file is replaced as a whole, so a reader always sees one consistent state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sources.catalogue import Catalogue, Dataset
from sources.data_folder import DataFolder, to_json, utc_now, write_atomic
from sources.errors import DistrettoError, Trouble, error_type
from sources.providers import Provider
from sources.snapshots import SnapshotStore

if TYPE_CHECKING:
    from sources.lake.lake import Lake

# the name of the run's entry in a lake, which no dataset can have
RUN = "the run"
# state -> its meaning in words
STATES = {
    "live": "new figures from the provider in the last run",
    "unchanged": "the provider's figures, unchanged since the last run",
    "stale": "the last good figures: the provider did not answer, or its answer was refused",
    "pinned": "held at one snapshot by an operator",
    "shipped": "figures bundled with the project; the provider has not been reached yet",
    "missing": "no figures yet",
    "not configured": "not requested: its provider's credentials are not set, or no file was uploaded; not a failure",
}
State = Literal["live", "unchanged", "stale", "pinned", "shipped", "missing", "not configured"]


class Outcome(StrEnum):
    """The outcome of the last check of a dataset."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ARRIVED = "arrived"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    HELD = "held"
    NOT_CONFIGURED = "not configured"


FAILING = (Outcome.FAILED, Outcome.QUARANTINED)


class Failure(BaseModel):
    """Why a dataset has no new figures: the class of the error, its words, and the kind of trouble it means."""

    kind: str
    message: str
    hint: str = ""
    url: str = ""
    # files written before kinds of trouble were recorded do not have it
    trouble: Trouble = Trouble.OTHER

    def model_post_init(self, _context: Any) -> None:
        if "trouble" not in self.model_fields_set:
            self.trouble = error_type(self.kind).trouble

    @classmethod
    def of(cls, error: DistrettoError) -> Failure:
        return cls(
            kind=type(error).__name__,
            message=error.message,
            hint=error.hint,
            url=getattr(error, "url", ""),
            trouble=error.trouble,
        )

    @property
    def alerts_in_first_run(self) -> bool:
        """Whether it is news before the dataset ever had figures: an unreachable host is not."""
        return error_type(self.kind).alerts_in_first_run


class Check(BaseModel):
    """What the last check of a dataset found: its entry in `status.json`."""

    # keys that a newer version wrote are kept
    model_config = ConfigDict(extra="allow")

    outcome: Outcome | None = None
    checked_at: datetime | None = None
    answered_at: datetime | None = None
    known_stamp: datetime | None = None  # the provider's stamp of the body seen last
    seen: str | None = None  # the snapshot whose body the provider served last
    twin: dict[str, Any] | None = None  # the table in NACE Rev. 2.1 that continues this one
    failing_since: datetime | None = None
    failure: Failure | None = None
    doubts: list[str] | None = None  # what plausibility checks found in accepted figures
    unset: list[str] | None = None  # settings without which its provider is not asked
    folder: str | None = None  # where its files are expected

    @property
    def failing(self) -> bool:
        return self.outcome in FAILING

    def to_dict(self) -> dict[str, Any]:
        """Its fields that are known, for JSON."""
        return _plain(self.model_dump(exclude_none=True))


class DatasetState(Check):
    """A dataset's last check with its state, age and trouble: what `status` prints and a release records."""

    state: State
    age_days: int | None
    late: bool
    trouble: int  # 0 none, 1 failing, 2 for too long
    troubles: list[Trouble]
    snapshot_id: str | None
    origin: str | None
    unproven: bool  # no body of the table has been confirmed: no headline, watch or target uses it
    accepted_at: datetime | None
    provider_updated_at: datetime | None
    quarantine: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Its recorded fields that are known, and those derived from them, for JSON."""
        follow = set(DatasetState.model_fields) - set(Check.model_fields)
        return _plain(self.model_dump(exclude=follow, exclude_none=True) | self.model_dump(include=follow))


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()
    }


class Remembered(BaseModel):
    """What the next run needs to know of a dataset in this one, to say what got worse."""

    outcome: Outcome | None = None
    trouble: int = 0
    late: bool = False
    provider_updated_at: datetime | None = None
    reported: list[Trouble] | None = (
        None  # kinds of trouble that were news and last; None in files of older versions
    )


class Run(BaseModel):
    """The last run: when, which release it published, why it published none, and which datasets got worse."""

    model_config = ConfigDict(extra="allow")

    at: datetime | None = None
    published: str | None = None
    failed: str | None = None
    worse: list[str] = []
    undrawn: list[str] = []  # pages that could not be drawn
    datasets: dict[str, Remembered] = {}


class Status(BaseModel):
    """`status.json`: the last run, and the last check of each dataset."""

    run: Run = Field(default_factory=Run)
    datasets: dict[str, Check] = {}

    def to_dict(self) -> dict[str, Any]:
        run = _plain(self.run.model_dump()) if self.run.at else {}
        return {"run": run, "datasets": {name: entry.to_dict() for name, entry in self.datasets.items()}}

    def model_post_init(self, _context: Any) -> None:
        for name, entry in self.run.datasets.items():
            if entry.reported is None:
                entry.reported = _reported_by_older_version(entry, self.datasets.get(name, Check()))


def _reported_by_older_version(entry: Remembered, check: Check) -> list[Trouble]:
    reported = [Trouble.LATE] if entry.late else []
    if entry.outcome in FAILING:
        reported.append(check.failure.trouble if check.failure else Trouble.OTHER)
        if entry.trouble == 2 and not entry.late:
            reported.append(Trouble.ABSENT)
    return reported


def read_status(home: DataFolder) -> Status:
    """The status file; empty before the first run. Raises DistrettoError where it is damaged."""
    try:
        given = _shared_status(home.lake) if home.lake else json.loads(home.status.read_bytes())
        if isinstance(given, dict) and {"run", "datasets"} <= given.keys():
            return Status.model_validate(given)
    except FileNotFoundError:
        return Status()
    except (ValueError, ValidationError, RecursionError):
        pass
    raise DistrettoError(
        f"{home.status} is damaged.",
        hint="delete it, and run `distretto refresh`: only what earlier runs found is lost, no figures.",
    )


def write_status(home: DataFolder, status: Status, only: str | None = None) -> None:
    """Replace `status.json` atomically; in a lake, add the entries that changed: that of the dataset `only`, if named."""
    if home.lake is None:
        write_atomic(home.status, to_json(status.to_dict(), indent=1).encode())
        return
    given, before = status.to_dict(), home.lake.status()
    entries = {RUN: given["run"], **given["datasets"]} if only is None else {only: given["datasets"][only]}
    texts = {name: to_json(entry) for name, entry in entries.items()}
    home.lake.add_status({name: text for name, text in texts.items() if before.get(name) != text})


def _shared_status(lake: Lake) -> dict[str, Any]:
    """The content of `status.json`, from the newest entries in the lake."""
    entries = {name: json.loads(text) for name, text in lake.status().items()}
    return {"run": entries.pop(RUN, {}), "datasets": entries}


def record(
    home: DataFolder, dataset: str, outcome: Outcome, failure: DistrettoError | None = None, **facts: Any
) -> None:
    """Note the outcome of a check of `dataset`; `facts` are other fields of `Check`."""
    status = read_status(home)
    before = status.datasets.get(dataset, Check())
    now = utc_now()
    kept = {name: getattr(before, name) for name in ("answered_at", "known_stamp", "seen", "twin")}
    entry = Check.model_validate(kept | {"outcome": outcome, "checked_at": now} | facts)
    if entry.failing:
        entry.failing_since = before.failing_since or now
        entry.failure = before.failure if failure is None else Failure.of(failure)
    elif outcome != Outcome.NOT_CONFIGURED:
        entry.answered_at = now
    status.datasets[dataset] = entry
    write_status(home, status, dataset)


def note(home: DataFolder, dataset: str, **facts: Any) -> None:
    """Add `facts`, fields of `Check`, to what is known of `dataset`, where they are new."""
    status = read_status(home)
    entry = status.datasets.setdefault(dataset, Check())
    if any(getattr(entry, name) != value for name, value in facts.items()):
        status.datasets[dataset] = entry.model_copy(update=facts)
        write_status(home, status, dataset)


def describe(
    home: DataFolder,
    catalogue: Catalogue,
    providers: Mapping[str, Provider],
    store: SnapshotStore,
    now: datetime,
) -> dict[str, DatasetState]:
    """The state of each dataset of the catalogue at the moment `now`."""
    entries = read_status(home).datasets
    return {
        dataset.id: _describe(
            dataset, providers[dataset.provider], store, entries.get(dataset.id, Check()), now
        )
        for dataset in catalogue.values()
    }


def _describe(
    dataset: Dataset, provider: Provider, store: SnapshotStore, check: Check, now: datetime
) -> DatasetState:
    snapshot, acceptance = store.current(dataset.id), store.last_acceptance(dataset.id)
    stamp = acceptance.provider_updated_at if acceptance else None
    absent = bool(
        check.failing_since and now - check.failing_since > timedelta(days=provider.allowed_absence_days)
    )
    late_after = dataset.calendar.late_after_days
    late = bool(
        dataset.status != "frozen"
        and snapshot
        and snapshot.origin == "live"
        and late_after
        and stamp
        and now - stamp > timedelta(days=late_after)
    )
    state: State
    if check.outcome == Outcome.NOT_CONFIGURED:
        state = "not configured"
    elif snapshot is None:
        state = "missing"
    elif dataset.id in store.pins:
        state = "pinned"
    elif snapshot.origin == "shipped":
        state = "shipped"
    elif check.failing:
        state = "stale"
    else:
        state = "live" if check.outcome == Outcome.UPDATED else "unchanged"
    good = check.answered_at or (snapshot.fetched_at if snapshot else None)
    troubles = [check.failure.trouble if check.failure else Trouble.OTHER] if check.failing else []
    troubles += [Trouble.ABSENT] * absent + [Trouble.LATE] * late
    return DatasetState(
        **dict(check),
        state=state,
        age_days=(now - good).days if good and state == "stale" else None,
        late=late,
        trouble=2 if absent or late else 1 if check.failing else 0,
        troubles=troubles,
        snapshot_id=snapshot.id if snapshot else None,
        origin=snapshot.origin if snapshot else None,
        unproven=dataset.status == "unproven",
        accepted_at=acceptance.accepted_at if acceptance else None,
        provider_updated_at=stamp,
        quarantine=[refusal.snapshot_id for refusal in store.quarantined(dataset.id)][-1:],
    )


def remember(
    before: Mapping[str, Remembered], after: Mapping[str, DatasetState]
) -> tuple[dict[str, Remembered], list[str]]:
    """What to remember of this run, and the datasets that got worse in it.

    A dataset got worse where it is in a kind of trouble that was not reported yet: a table that is late and then not found
    is news twice. What was reported of a failing dataset is not reported again until it succeeds. Where a dataset is
    checked for the first time neither an unreachable host nor figures that are old already are news: nothing was there before.
    """
    remembered, worse = {}, []
    for dataset, entry in after.items():
        earlier = before.get(dataset, Remembered())
        reported = set(earlier.reported or ()) - (set() if entry.late else {Trouble.LATE})
        if not entry.failing:
            reported &= {Trouble.LATE}
        new = [trouble for trouble in entry.troubles if trouble not in reported]
        if earlier.outcome is None:
            first = entry.failure is not None and entry.failing and entry.failure.alerts_in_first_run
            new = [trouble for trouble in new if first and trouble not in (Trouble.LATE, Trouble.ABSENT)]
        if new:
            worse.append(dataset)
        remembered[dataset] = Remembered(
            outcome=entry.outcome,
            trouble=entry.trouble,
            late=entry.late,
            provider_updated_at=entry.provider_updated_at,
            reported=sorted(reported | set(entry.troubles)),
        )
    return remembered, worse
