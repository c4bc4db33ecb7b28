"""A made-up target, and the entry and figures that tests of targets are made from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from warehouse.targets import ledger
from warehouse.targets.assessment import Figure
from warehouse.targets.rules import Known
from warehouse.targets.schema import Entry, Target

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
TARGET: dict[str, Any] = {
    "id": "a-target",
    "stage": "adopted",
    "directive": "territory",
    "indicator": "enterprise_births",
    "geo": "ITG1",
    "direction": "up",
    "baseline": {"period": "2024"},
    "milestones": [{"period": "2026", "value": 120.0, "assess_on": date(2028, 1, 31)}],
    "target": {"period": "2028", "value": 200.0, "assess_on": date(2030, 1, 31)},
    "thresholds": {"on_track": 0.9, "delayed": 0.75, "max_age_days": 700},
    "fixed_on": date(2025, 6, 15),
    "fixed_by": "The board",
    "document": "Minutes of 15 June 2025",
    "because": "made up for a test",
}
KNOWN = Known({"2023": 90.0, "2024": 100.0}, "NR", "up")


def target(**changes: Any) -> Target:
    return Target.model_validate({**TARGET, **changes})


def entry(known: Known = KNOWN, now: datetime = NOW, **changes: Any) -> Entry:
    return ledger.sealed(ledger.Ledger(Path("none"), []), target(**changes), known, now)


def figure(period: str, value: float | None, **changes: Any) -> Figure:
    plain = Figure(period, value, "NR", "", "A", False, "a", "a-1", NOW)
    return replace(plain, **changes)
