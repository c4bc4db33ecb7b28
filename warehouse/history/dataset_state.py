"""`status.json`: what the last run found about each dataset, and what a dataset's state follows from.

Belongs here: outcomes of runs as data, states and their order. Does not belong here: the figures themselves.
The file is replaced whole at every step, so a reader always sees one consistent state.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sources.catalogue import Catalogue, Dataset, Provider
from sources.data_folder import DataFolder, to_json, utc_now, write_atomic
from sources.errors import UNFORESEEN, DistrettoError
from sources.snapshots import SnapshotStore

# state -> what a person is told
STATES = {
    "live": "new figures from the provider in the last run",
    "unchanged": "the provider's figures, unchanged since the last run",
    "stale": "the last good figures: the provider did not answer, or its answer was refused",
    "pinned": "held at a snapshot by a person",
    "shipped": "the figures that ship with the project; the provider has not been reached yet",
    "missing": "no figures yet",
    "not configured": "not asked: its provider's credentials are not set, or no file was handed in; no failure",
}


def read_status(home: DataFolder) -> dict[str, Any]:
    """`{"run": {...}, "datasets": {id: {...}}}`; empty before the first run."""
    try:
        status = json.loads(home.status.read_bytes())
        if isinstance(status["run"], dict) and isinstance(status["datasets"], dict):
            return status
    except FileNotFoundError:
        return {"run": {}, "datasets": {}}
    except UNFORESEEN:
        pass
    raise DistrettoError(
        f"{home.status} is damaged.",
        hint="delete it, and run `distretto refresh`: only what earlier runs found is lost, no figures.",
    )


def write_status(home: DataFolder, status: dict[str, Any]) -> None:
    write_atomic(home.status, to_json(status, indent=1).encode())


def record(
    home: DataFolder, dataset: str, outcome: str, failure: DistrettoError | None = None, **facts: Any
) -> None:
    """Note what a check of `dataset` found: `updated`, `unchanged`, `failed`, `quarantined`, `held` or `not configured`."""
    status = read_status(home)
    before = status["datasets"].get(dataset, {})
    now = utc_now().isoformat()
    entry = {key: before[key] for key in ("answered_at", "known_stamp", "seen", "twin") if key in before}
    entry |= {"outcome": outcome, "checked_at": now, **facts}
    if outcome in ("failed", "quarantined"):
        entry["failing_since"] = before.get("failing_since") or now
        entry["failure"] = (
            before.get("failure")
            if failure is None
            else {
                "kind": type(failure).__name__,
                "message": failure.message,
                "hint": failure.hint,
                "url": getattr(failure, "url", ""),
            }
        )
    elif outcome != "not configured":
        entry["answered_at"] = now
    status["datasets"][dataset] = entry
    write_status(home, status)


def note(home: DataFolder, dataset: str, **facts: Any) -> None:
    """Add `facts` to what is known of `dataset`, where they are new."""
    status = read_status(home)
    entry = status["datasets"].setdefault(dataset, {})
    if any(entry.get(key) != value for key, value in facts.items()):
        entry |= facts
        write_status(home, status)


def describe(
    home: DataFolder,
    catalogue: Catalogue,
    providers: dict[str, Provider],
    store: SnapshotStore,
    now: datetime,
) -> dict[str, dict[str, Any]]:
    """Each dataset's outcome, state, age and trouble, as `status` prints and a release records them."""
    entries = read_status(home)["datasets"]
    return {
        dataset.id: _describe(dataset, providers[dataset.provider], store, entries.get(dataset.id, {}), now)
        for dataset in catalogue.values()
    }


def _describe(
    dataset: Dataset, provider: Provider, store: SnapshotStore, entry: dict[str, Any], now: datetime
) -> dict[str, Any]:
    snapshot, acceptance = store.current(dataset.id), store.last_acceptance(dataset.id)
    outcome = entry.get("outcome")
    stamp = acceptance.provider_updated_at if acceptance else None
    failing_since = datetime.fromisoformat(entry["failing_since"]) if entry.get("failing_since") else None
    late_after = dataset.calendar.late_after_days
    absent = bool(failing_since and now - failing_since > timedelta(days=provider.allowed_absence_days))
    late = bool(
        dataset.status == "live"
        and snapshot
        and snapshot.origin == "live"
        and late_after
        and stamp
        and now - stamp > timedelta(days=late_after)
    )
    if outcome == "not configured":
        state = "not configured"
    elif snapshot is None:
        state = "missing"
    elif dataset.id in store.pins:
        state = "pinned"
    elif snapshot.origin == "shipped":
        state = "shipped"
    elif outcome in ("failed", "quarantined"):
        state = "stale"
    else:
        state = "live" if outcome == "updated" else "unchanged"
    good = entry.get("answered_at") or (snapshot and snapshot.fetched_at and snapshot.fetched_at.isoformat())
    return {
        **entry,
        "state": state,
        "age_days": (now - datetime.fromisoformat(good)).days if good and state == "stale" else None,
        "late": late,
        "trouble": 2 if absent or late else 1 if outcome in ("failed", "quarantined") else 0,
        "snapshot_id": snapshot.id if snapshot else None,
        "origin": snapshot.origin if snapshot else None,
        "accepted_at": acceptance.accepted_at.isoformat() if acceptance else None,
        "provider_updated_at": stamp.isoformat() if stamp else None,
        "quarantine": [refusal.snapshot_id for refusal in store.quarantined(dataset.id)][-1:],
    }


def worsened(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """Datasets in more trouble than after the last run.

    In a dataset's first run neither an unreachable host nor figures that are old already are a worsening: nothing
    was there before, and shipped figures stand in; an answer that had to be refused is.
    """
    worse = []
    for dataset, entry in after.items():
        earlier = before.get(dataset, {})
        if "outcome" in earlier:
            if entry["trouble"] > earlier["trouble"]:
                worse.append(dataset)
        elif entry.get("outcome") in ("failed", "quarantined") and entry["failure"]["kind"] != "Unreachable":
            worse.append(dataset)
    return worse
