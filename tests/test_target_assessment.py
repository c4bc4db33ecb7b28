"""How a target is assessed: expected path, progress, status and its reason, probability. All figures are made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import t as student

from tests.target_examples import entry, figure
from warehouse.targets import assessment
from warehouse.targets.rules import Known

values = st.floats(-1e9, 1e9).map(lambda x: round(x, 4))


def on_time(dataset: str) -> bool:
    return False


@given(values, values, values)
def test_progress_is_zero_at_the_baseline_and_a_hundred_at_the_target(baseline, target, value):
    assume(abs(target - baseline) > 1e-3)
    assert assessment.progress(baseline, target, baseline) == 0
    assert assessment.progress(baseline, target, target) == 100
    # turned upside down, the way is the same
    assert assessment.progress(-baseline, -target, -value) == pytest.approx(
        assessment.progress(baseline, target, value)
    )


@given(st.integers(2000, 2050))
def test_the_path_goes_through_every_point_and_stays_between_them(year):
    one = entry()
    assert assessment.expected(one, "2024") == 100
    assert assessment.expected(one, "2026") == 120
    assert assessment.expected(one, "2028") == 200
    assert assessment.expected(one, "2025") == 110
    assert assessment.expected(one, "2027") == 160
    here = assessment.expected(one, str(year))
    assert 100 <= here <= 200
    assert assessment.expected(one, str(year + 1)) >= here


@given(values, st.sampled_from(["up", "down"]))
def test_an_exact_hit_is_reached_and_a_clear_miss_is_not(goal, direction):
    step = max(abs(goal), 1) * (1 if direction == "up" else -1)
    assert assessment.reached(direction, goal, goal)
    assert assessment.reached(direction, goal, goal + step)
    assert not assessment.reached(direction, goal, goal - step)


def test_the_last_bit_of_a_float_does_not_miss_a_target():
    assert assessment.reached("up", 0.3, 0.1 + 0.1 + 0.1 - 1e-16)
    assert assessment.reached("down", 0.3, 0.1 + 0.2)


@given(st.lists(st.floats(-100, 100), min_size=6, max_size=20), st.floats(-500, 500), st.integers(1, 10))
def test_the_drift_is_a_probability_and_a_nearer_goal_is_no_less_probable(found, goal, ahead):
    series = [(str(2000 + i), value) for i, value in enumerate(found)]
    then = str(2000 + len(found) - 1 + ahead)
    chance = assessment.probability("up", goal, series, then)
    assert 0 <= chance <= 1
    assert assessment.probability("up", goal - 1, series, then) >= chance
    assert assessment.probability("down", goal, series, then) == pytest.approx(1 - chance) or chance in (
        0,
        1,
    )


def test_the_drift_is_what_its_definition_says():
    """Changes 1, 3, 1, 3, 1: mean 1.8, variance 1.2; two ahead: mean 109 + 3.6, variance 1.2 x 2 x (1 + 2/5).

    Student's t with 4 degrees of freedom, since the variance comes from five changes: 0.2481 where the normal has 0.2225.
    """
    series = list(zip(map(str, range(2000, 2006)), (100, 101, 104, 105, 108, 109), strict=True))
    expected = student.sf((114 - 112.6) / (1.2 * 2 * 1.4) ** 0.5, df=4)
    assert assessment.probability("up", 114, series, "2007") == pytest.approx(expected)
    assert expected == pytest.approx(0.2437, abs=0.01)
    assert assessment.probability("up", 114, series[1:], "2007") is None
    assert assessment.probability("up", 114, series, "2005") is None


def test_a_drift_without_variation_leaves_no_doubt():
    series = [(str(2000 + i), 100.0 + i) for i in range(6)]
    assert assessment.probability("up", 107, series, "2007") == 1
    assert assessment.probability("up", 108, series, "2007") == 0


# -- status


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (200, "met"),
        (250, "met"),
        (199.99, "on_track"),
        (154, "on_track"),
        (153.9, "delayed"),
        (145, "delayed"),
        (144.9, "off_track"),
        (90, "off_track"),
    ],
)
def test_the_newest_figure_is_judged_by_its_share_of_the_expected_progress(value, status):
    series = [figure("2024", 100), figure("2027", value)]
    result = assessment.judge_latest(entry(), series, date(2028, 6, 1), on_time)
    assert (result.status, result.expected, result.gap) == (status, 160, value - 160)
    assert result.progress == pytest.approx(value - 100)


@pytest.mark.parametrize(
    ("value", "status"), [(200, "met"), (199, "delayed"), (175, "delayed"), (174, "off_track")]
)
def test_at_its_end_a_target_is_met_or_missed(value, status):
    one = entry()
    assert assessment.judge_point(one, one.target, [figure("2028", value)], date(2031, 1, 1)).status == status


def test_a_falling_target_is_judged_the_same_way():
    one = entry(
        Known({"2024": 20.0}, "PC", "down"),
        direction="down",
        milestones=[],
        target={"period": "2028", "value": 16.0, "assess_on": date(2030, 1, 31)},
    )
    for value, status in (
        (16, "met"),
        (18, "on_track"),
        (18.2, "on_track"),
        (18.4, "delayed"),
        (19, "off_track"),
        (21, "off_track"),
    ):
        series = [figure("2026", value, unit="PC")]
        assert assessment.judge_latest(one, series, date(2027, 6, 1), on_time).status == status


@pytest.mark.parametrize(
    ("series", "late", "status", "reason"),
    [
        ([], False, "not_assessable", "no figure later than the baseline"),
        ([figure("2024", 100)], False, "not_assessable", "no figure later than the baseline"),
        ([figure("2025", None)], False, "not_assessable", "no figure later"),
        ([figure("2025", 110, reliability="C")], False, "not_assessable", "not reliable (class C)"),
        ([figure("2025", 110, reliability="suppressed")], False, "not_assessable", "suppressed"),
        ([figure("2025", 110, truncated=True)], False, "not_assessable", "no figure later"),
        ([figure("2025", 110), figure("2026", 90, truncated=True)], False, "on_track", ""),
        ([figure("2025", 110, provisional=True)], False, "on_track", "provisional figure"),
        ([figure("2025", 110)], True, "not_assessable", "a is behind its calendar"),
        (
            [figure("2025", 110, break_before=True)],
            False,
            "not_comparable",
            "breaks between the baseline (2024) and 2025",
        ),
        ([figure("2025", 110, break_before=True), figure("2026", 120)], False, "not_comparable", "and 2025"),
        ([figure("2024", 100, break_before=True), figure("2026", 120)], False, "on_track", ""),
        ([figure("2024", 100), figure("2026", 120, dataset="b")], False, "not_comparable", "and 2026"),
        ([figure("2024", 100), figure("2026", 120, unit="PC")], False, "not_comparable", "unit is PC"),
    ],
)
def test_what_cannot_be_judged_says_why(series, late, status, reason):
    result = assessment.judge_latest(entry(), series, date(2027, 6, 1), lambda dataset: late)
    assert result.status == status
    assert reason in result.reason_en
    assert bool(result.reason_it) == bool(result.reason_en)


def test_an_incomplete_figure_meets_nothing_and_misses_nothing():
    one = entry()
    result = assessment.judge_point(one, one.target, [figure("2028", 300, truncated=True)], date(2031, 1, 1))
    assert (result.status, result.reason_en) == ("not_assessable", "the figure for 2028 is incomplete")


def test_a_figure_that_is_too_old_does_not_stand_for_today():
    series = [figure("2025", 110)]
    assert assessment.judge_latest(entry(), series, date(2027, 12, 1), on_time).status == "on_track"
    result = assessment.judge_latest(entry(), series, date(2027, 12, 2), on_time)
    assert result.status == "not_assessable"
    assert "701 days old, more than the 700 allowed" in result.reason_en
    result = assessment.judge_latest(entry(), series, date(2028, 12, 31), on_time)
    assert "1,096 days old" in result.reason_en and "1.096 giorni" in result.reason_it


@pytest.mark.parametrize(
    ("series", "on"),
    [
        ([figure("2025", 110)], date(2027, 12, 2)),
        ([figure("2025", 110, reliability="C")], date(2027, 6, 1)),
        ([figure("2025", 110, break_before=True)], date(2027, 6, 1)),
    ],
)
def test_no_progress_and_no_gap_stand_beside_what_is_not_judged(series, on):
    result = assessment.judge_latest(entry(), series, on, on_time)
    assert result.status in ("not_assessable", "not_comparable")
    assert (result.gap, result.progress) == (None, None)
    assert result.figure is not None


def test_a_known_figure_has_no_probability_not_even_an_exact_hit():
    one = entry()
    series = [figure("2028", 200, ci_low=100, ci_high=300, reliability="B")]
    latest = assessment.judge_latest(one, series, date(2029, 6, 1), on_time)
    assert assessment.judge_point(one, one.target, series, date(2030, 2, 1)).status == "met"
    assert assessment.chance(one, one.target, series, latest) == (None, None)


def test_figures_of_another_frequency_are_not_judged():
    series = [figure("2024", 100), figure("2025", 110), figure("2026-Q4", 5000)]
    result = assessment.judge_latest(entry(), series, date(2027, 6, 1), on_time)
    assert (result.status, result.figure.period) == ("on_track", "2025")


def test_the_drift_starts_after_the_last_break():
    before = [figure(str(2015 + i), 1000 - i) for i in range(5)]
    after = [figure(str(2020 + i), 100 + 3 * i + i % 2, break_before=i == 0) for i in range(6)]
    one = entry(Known({"2024": 112.0}, "NR", "up"), milestones=[])
    standing = assessment.judge_latest(one, before + after, date(2026, 6, 1), on_time)
    chance, basis = assessment.chance(one, one.target, before + after, standing)
    assert basis == assessment.DRIFT
    assert chance == assessment.probability("up", 200, assessment.unbroken(after), "2028") < 0.01
    assert assessment.chance(one, one.target, before, replace(standing, status="not_comparable")) == (
        None,
        None,
    )


def test_peers_count_only_with_two_comparable_figures():
    one = entry()
    peer = [figure("2024", 100), figure("2026", 110)]
    double = [figure("2024", 50), figure("2026", 100)]
    less = [figure("2024", 200), figure("2026", 190)]
    assert assessment.change_of_peers(one, "2026", [peer, double, less]) == (pytest.approx(10), 3)
    broken = [figure("2024", 100), figure("2026", 500, break_before=True)]
    unsure = [figure("2024", 100, reliability="C"), figure("2026", 500)]
    absent = [figure("2026", 500)]
    nothing = [figure("2024", 0), figure("2026", 500)]
    odd = [broken, unsure, absent, nothing]
    assert assessment.change_of_peers(one, "2026", [peer, double, less, *odd]) == (pytest.approx(10), 3)
    assert assessment.change_of_peers(one, "2026", [peer, double, *odd]) == (None, 2)


@given(st.floats(0.1, 1e6), st.floats(-1e6, 1e6))
def test_a_change_is_zero_at_the_baseline_and_a_hundred_at_its_double(baseline, value):
    assert assessment.change(baseline, baseline) == 0
    assert assessment.change(baseline, 2 * baseline) == pytest.approx(100)
    assert assessment.change(baseline, value) == pytest.approx((value / baseline - 1) * 100, abs=1e-6)
    assert (
        assessment.change(0, value)
        is assessment.change(None, value)
        is assessment.change(baseline, None)
        is None
    )
