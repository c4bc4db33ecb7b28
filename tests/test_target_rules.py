"""The rules for a new target: when it was fixed, and what is refused. All figures are made up."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.target_examples import entry
from warehouse.targets import rules
from warehouse.targets.rules import Known
from warehouse.targets.schema import LedgerError


@given(
    st.integers(2020, 2030),
    st.dates(date(2019, 1, 1), date(2032, 1, 1)),
    st.dates(date(2019, 1, 1), date(2032, 1, 1)),
    st.booleans(),
)
def test_timing_depends_on_the_later_day_and_on_what_was_known(year, fixed, recorded, known):
    timing = rules.timing_of(fixed, recorded, str(year), known)
    if known or fixed > date(year, 12, 31):
        assert timing is None
    elif max(fixed, recorded) < date(year, 1, 1):
        assert timing == "ex_ante"
    else:
        assert timing == "within_period"


def test_a_target_of_the_running_period_is_taken_and_told_so():
    assert entry().timing == "ex_ante"
    running = [{"period": "2025", "value": 110.0, "assess_on": date(2027, 1, 31)}]
    assert entry(milestones=running).timing == "within_period"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {
                "milestones": [],
                "target": {"period": "2023", "value": 95.0, "assess_on": date(2025, 1, 31)},
                "baseline": {"period": "2022"},
            },
            "retrospective: the release has its figure already",
        ),
        (
            {
                "milestones": [],
                "baseline": {"period": "2021"},
                "target": {"period": "2022", "value": 95.0, "assess_on": date(2026, 1, 31)},
            },
            "retrospective: it ended before",
        ),
        ({"fixed_on": date(2025, 7, 1)}, "after the day on which the target is recorded"),
        ({"baseline": {"period": "2019"}}, "has no enterprise_births of ITG1 for 2019"),
        ({"baseline": {"period": "2024", "value": 99.0}}, "the release says 100, not 99"),
        ({"direction": "down"}, "is better when it goes up"),
        (
            {"target": {"period": "2028", "value": 100.0, "assess_on": date(2030, 1, 31)}, "milestones": []},
            "does not lie up",
        ),
        ({"milestones": [{"period": "2026", "value": 220.0, "assess_on": date(2028, 1, 31)}]}, "in order"),
        (
            {"milestones": [{"period": "2029", "value": 120.0, "assess_on": date(2031, 1, 31)}]},
            "follow each other in time",
        ),
        (
            {"milestones": [{"period": "2026-Q1", "value": 120.0, "assess_on": date(2028, 1, 31)}]},
            "one frequency",
        ),
        (
            {"target": {"period": "2028", "value": 200.0, "assess_on": date(2028, 12, 31)}},
            "not after the end of 2028",
        ),
        ({"thresholds": {"on_track": 0.7, "delayed": 0.8, "max_age_days": 1}}, "above on_track"),
        ({"stage": "withdrawn"}, "is not in the ledger"),
        ({"watch": "enterprise_births"}, "another indicator than"),
    ],
)
def test_a_draft_that_cannot_be_a_target_is_refused(changes, reason):
    known = Known({"2021": 80.0, "2022": 85.0, "2023": 90.0, "2024": 100.0}, "NR", "up")
    if "has its figure" not in reason:
        known.values.pop("2023")
        if "ended before" in reason:
            known.values.pop("2022")
    with pytest.raises(LedgerError, match=re.escape(reason)):
        entry(known, **changes)
