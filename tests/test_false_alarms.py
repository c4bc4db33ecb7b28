"""The budget of false alarms, in a cheap form: the last years of one real table, replayed as they arrived.

The whole budget, of every real table and year, is `python -m tests.false_alarms`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bodies import LAST, bench
from tests.conftest import SPECIMENS
from tests.false_alarms import replay


def test_genuine_years_are_not_refused_and_bring_one_alert_at_most(tmp_path: Path):
    if not SPECIMENS.is_dir():
        pytest.skip(f"real provider files are not here: {SPECIMENS} (set DISTRETTO_SPECIMENS)")
    with bench("pat_ep_rtot", tmp_path, hold=False) as table:
        years = list(replay(table, LAST["pat_ep_rtot"] - 2))
    assert [year.year for year in years] == [2011, 2012]
    assert [year.refused for year in years] == [[], []]
    assert max(len(year.alerts) for year in years) <= 1, [year.alerts for year in years]
