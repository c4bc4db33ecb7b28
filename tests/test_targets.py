"""Targets: the arithmetic of results, the sealed ledger, and both through the command line. Figures here are made up,
but for those of the release that ships."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from sources.data_folder import DataFolder
from tests.conftest import ROOT, distretto
from warehouse.targets import assessment, changes, ledger
from warehouse.targets.assessment import Figure
from warehouse.targets.ledger import Draft, Known, Ledger, LedgerError

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
DRAFT = {
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
values = st.floats(-1e9, 1e9).map(lambda x: round(x, 4))
years = st.integers(1990, 2090)
frequencies = [
    years.map(str),
    st.tuples(years, st.integers(1, 4)).map(lambda p: f"{p[0]}-Q{p[1]}"),
    st.tuples(years, st.integers(1, 2)).map(lambda p: f"{p[0]}-S{p[1]}"),
    st.tuples(years, st.integers(1, 12)).map(lambda p: f"{p[0]}-{p[1]:02}"),
]
periods = st.one_of(frequencies)
pairs = st.one_of([st.tuples(one, one) for one in frequencies])


def draft(**changes) -> Draft:
    return Draft.model_validate({**DRAFT, **changes})


def entry(known: Known = KNOWN, now: datetime = NOW, **changes) -> ledger.Entry:
    return ledger.sealed(Ledger(Path("none"), []), draft(**changes), known, now)


def figure(period: str, value: float | None, **changes) -> Figure:
    plain = Figure(period, value, "NR", "", "A", False, "a", "a-1", NOW)
    return replace(plain, **changes)


def on_time(dataset: str) -> bool:
    return False


# -- formulas


@given(values, values, values)
def test_progress_is_zero_at_the_baseline_and_a_hundred_at_the_target(baseline, target, value):
    assume(abs(target - baseline) > 1e-3)
    assert assessment.progress(baseline, target, baseline) == 0
    assert assessment.progress(baseline, target, target) == 100
    # turned upside down, the way is the same
    assert assessment.progress(-baseline, -target, -value) == pytest.approx(
        assessment.progress(baseline, target, value)
    )


@given(periods)
def test_a_period_is_whole_months(period):
    start, end = ledger.bounds(period)
    assert start <= end
    assert start.day == 1 and (end + timedelta(days=1)).day == 1


@given(pairs)
def test_periods_of_one_frequency_are_in_the_order_of_their_days(two):
    a, b = two
    assert (ledger.ordinal(a) < ledger.ordinal(b)) == (ledger.bounds(a)[0] < ledger.bounds(b)[0])
    if ledger.ordinal(b) - ledger.ordinal(a) == 1:
        assert (ledger.bounds(b)[0] - ledger.bounds(a)[1]).days == 1


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


@given(st.floats(100, 1000), st.floats(1, 50))
def test_an_exact_hit_has_one_half_and_more_is_more_probable(goal, width):
    def chance(value):
        return assessment.probability_now("up", goal, value, value - width, value + width)

    assert chance(goal) == pytest.approx(0.5)
    assert 0 <= chance(goal - width) < 0.5 < chance(goal + width) <= 1
    # the goal at an end of the 95 % interval
    assert chance(goal + width) == pytest.approx(0.975, abs=1e-6)
    assert assessment.probability_now("down", goal, goal + width, goal, goal + 2 * width) == pytest.approx(
        0.025, abs=1e-6
    )


def test_an_interval_without_width_leaves_no_doubt():
    assert assessment.probability_now("up", 5, 5, 5, 5) == 1
    assert assessment.probability_now("up", 5, 4, 4, 4) == 0


@given(st.lists(st.floats(-100, 100), min_size=6, max_size=20), st.floats(-500, 500), st.integers(1, 10))
def test_the_drift_is_a_probability_and_a_nearer_goal_is_no_less_probable(found, goal, ahead):
    series = [(str(2000 + i), value) for i, value in enumerate(found)]
    then = str(2000 + len(found) - 1 + ahead)
    chance = assessment.probability_then("up", goal, series, then)
    assert 0 <= chance <= 1
    assert assessment.probability_then("up", goal - 1, series, then) >= chance
    assert assessment.probability_then("down", goal, series, then) == pytest.approx(1 - chance) or chance in (
        0,
        1,
    )


def test_the_drift_is_what_its_definition_says():
    """Changes 1, 3, 1, 3, 1: mean 1.8, variance 1.2; two ahead: mean 109 + 3.6, variance 1.2 x 2 x (1 + 2/5)."""
    series = list(zip(map(str, range(2000, 2006)), (100, 101, 104, 105, 108, 109), strict=True))
    from statistics import NormalDist

    expected = 1 - NormalDist(112.6, (1.2 * 2 * 1.4) ** 0.5).cdf(114)
    assert assessment.probability_then("up", 114, series, "2007") == pytest.approx(expected)
    assert assessment.probability_then("up", 114, series[1:], "2007") is None
    assert assessment.probability_then("up", 114, series, "2005") is None


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


def test_an_exact_hit_is_met_however_uncertain_and_its_probability_stands_beside():
    one = entry()
    series = [figure("2028", 200, ci_low=100, ci_high=300, reliability="B")]
    standing = assessment.judge_latest(one, series, date(2029, 6, 1), on_time)
    assert assessment.judge_point(one, one.target, series, date(2030, 2, 1)).status == "met"
    chance, basis = assessment.chance(one, one.target, series, standing)
    assert (chance, basis) == (pytest.approx(0.5), assessment.BASIS["interval"])


def test_the_drift_starts_after_the_last_break():
    before = [figure(str(2015 + i), 1000 - i) for i in range(5)]
    after = [figure(str(2020 + i), 100 + 3 * i + i % 2, break_before=i == 0) for i in range(6)]
    one = entry(Known({"2024": 112.0}, "NR", "up"), milestones=[])
    standing = assessment.judge_latest(one, before + after, date(2026, 6, 1), on_time)
    chance, basis = assessment.chance(one, one.target, before + after, standing)
    assert basis == assessment.BASIS["drift"]
    assert chance == assessment.probability_then("up", 200, assessment.unbroken(after), "2028") < 0.01
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


def test_the_table_holds_every_version_with_its_results(chain):
    """Years later, on a file of its own: two versions judged side by side, by the figures in `indicators`."""
    _, found = chain
    con = duckdb.connect()
    con.execute("attach ':memory:' as distretto")
    con.execute("create table distretto.geography as select unnest(['ITG1', 'IT']) as geo, 'nuts2' as level")
    con.execute("""create table distretto.indicators as
        select 'enterprise_births' as indicator, 'ITG1' as geo, period::varchar as period, value::double as value, 'NR' as unit,
               '' as flag, 'A' as reliability, false as break_before, 'a' as dataset, 'a-1' as snapshot_id,
               timestamptz '2029-06-01 00:00:00+00' as known_from, 'nuts2' as geo_level, 'x' as method_version,
               null::double as ci_low, null::double as ci_high, false as truncated, false as provisional
        from (values (2024, 100), (2025, 112), (2026, 120), (2027, 155), (2028, 210)) as t(period, value)""")
    con.execute("create table distretto.district as from distretto.indicators limit 0")
    columns = ", ".join(f"{name} {kind}" for name, kind in changes.COLUMNS.items())
    con.execute(f"create table distretto.indicator_revisions ({columns})")
    # the milestone was missed by what was known on its day, 31 January 2028, and the target met by later figures
    con.execute("""
        insert into distretto.indicator_revisions by name
        select 'enterprise_births' as indicator, 'ITG1' as geo, '2026' as period, 'NR' as unit, 'a' as dataset, 'changed' as kind,
               105 as old_value, 120 as value, '' as old_flag, 'A' as old_reliability,
               timestamptz '2028-05-01 00:00:00+00' as revised_at, timestamptz '2027-12-01 00:00:00+00' as old_known_from""")
    assessment.build(con, found, {"a": {"trouble": 0}}, ["IT"], date(2030, 2, 1), "distretto")
    rows = con.execute("""
        select r.target_id, r.version, superseded_by, point, r.period, status, round(progress) from distretto.target_results r
        join distretto.targets using (target_id, version) order by 1, 2, r.period, point""").fetchall()
    assert rows == [
        ("first", 1, None, "milestone", "2026", "met", 20),
        ("first", 1, None, "latest", "2028", "met", 110),
        ("first", 1, None, "target", "2028", "met", 110),
        ("second", 1, 2, "milestone", "2026", "met", 18),
        ("second", 1, 2, "latest", "2028", "met", 100),
        ("second", 1, 2, "target", "2028", "met", 100),
        ("second", 2, None, "milestone", "2026", "met", 17),
        ("second", 2, None, "latest", "2028", "delayed", 92),
        ("second", 2, None, "target", "2028", "delayed", 92),
    ]
    then = con.execute("""
        select point, status, status_then, value, value_then from distretto.target_results
        where target_id = 'first' order by period, point""").fetchall()
    assert then == [
        ("milestone", "met", "off_track", 120, 105),
        ("latest", "met", None, 210, None),
        ("target", "met", "met", 210, 210),
    ]
    sealed = con.execute("""select bool_and(sha256(content) = seal and (content->>'$.previous') = before) from (
        select *, coalesce(lag(seal) over (order by number), repeat('0', 64)) as before from distretto.target_ledger)""")
    assert sealed.fetchone() == (True,)


# -- when a target was fixed


@given(
    st.integers(2020, 2030),
    st.dates(date(2019, 1, 1), date(2032, 1, 1)),
    st.dates(date(2019, 1, 1), date(2032, 1, 1)),
    st.booleans(),
)
def test_timing_depends_on_the_later_day_and_on_what_was_known(year, fixed, recorded, known):
    timing = ledger.timing_of(fixed, recorded, str(year), known)
    if known or fixed > date(year, 12, 31):
        assert timing == "retrospective"
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
        ({"fixed_on": date(2025, 7, 1)}, "still to come"),
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


# -- the chain


@pytest.fixture
def chain(tmp_path: Path) -> tuple[DataFolder, Ledger]:
    """A ledger of three targets, the second in two versions, and an anchor."""
    home = DataFolder(tmp_path)
    home.ledger.write_text("# a ledger\n")
    for name, target in (("first", 200.0), ("second", 210.0), ("second", 220.0)):
        standing = ledger.load(home)
        point = {**DRAFT["target"], "value": target}
        ledger.append(home, standing, ledger.sealed(standing, draft(id=name, target=point), KNOWN, NOW))
    standing = ledger.load(home)
    ledger.append(home, standing, ledger.anchored(home, standing, "Prot. 1/2025", None, NOW))
    return home, ledger.load(home)


def test_a_ledger_reads_back_as_it_was_sealed(chain):
    home, found = chain
    assert ledger.verify(found, {}, home) == []
    assert [(e.id, e.version) for e in found.targets] == [("first", 1), ("second", 1), ("second", 2)]
    assert found.anchors[0].anchors == found.targets[-1].seal
    assert home.ledger.read_text().startswith("# a ledger\n")


def test_adding_leaves_what_is_there_as_it_is(chain):
    home, found = chain
    before = home.ledger.read_bytes()
    ledger.append(home, found, ledger.sealed(found, draft(id="third"), KNOWN, NOW))
    assert home.ledger.read_bytes().startswith(before.rstrip(b"\n"))
    assert len(ledger.load(home).entries) == 5


CHANGES = {
    "target.value": ("value: 210.0", "value: 205.0"),
    "fixed_by": ("The board", "Nobody"),
    "recorded_at": ("recorded_at: 2025-06-30", "recorded_at: 2024-06-30"),
    "timing": ("timing: ex_ante", "timing: within_period"),
    "thresholds.delayed": ("delayed: 0.75", "delayed: 0.1"),
}


@pytest.mark.parametrize("field", CHANGES)
def test_an_altered_field_breaks_the_chain_at_its_entry(chain, field):
    home, found = chain
    published = {e.number: ledger.content(e) for e in found.entries}
    old, new = CHANGES[field]
    text = home.ledger.read_text()
    start = text.index("- id: second")
    home.ledger.write_text(text[:start] + text[start:].replace(old, new, 1))
    assert ledger.verify(ledger.load(home), {}, home)[0].startswith(
        "entry 2 (second, version 1) was altered after it was sealed"
    )
    told = ledger.verify(ledger.load(home), published, home)[0]
    assert f"{field} was" in told and "entry 2 (second, version 1)" in told


@given(st.sampled_from([0, 1, 2, 3]), st.sampled_from(["gone", "twice", "swapped"]))
def test_an_entry_taken_out_or_put_in_is_found(number, what):
    """Nothing but the order is changed: every entry keeps its own good seal."""
    entries = []
    for i in range(4):
        standing = Ledger(Path("none"), list(entries))
        entries.append(ledger.sealed(standing, draft(id=f"target-{i}"), KNOWN, NOW))
    published = {e.number: ledger.content(e) for e in entries}
    home = DataFolder(Path("none"))
    if what == "gone":
        changed = entries[:number] + entries[number + 1 :]
    elif what == "twice":
        changed = [*entries[: number + 1], *entries[number:]]
    else:
        other = (number + 1) % 4
        changed = list(entries)
        changed[number], changed[other] = changed[other], changed[number]
    assert ledger.verify(Ledger(Path("none"), entries), published, home) == []
    told = ledger.verify(Ledger(Path("none"), changed), published, home)
    assert told != [] and "value was" not in " ".join(told)
    if (what, number) == ("swapped", 0):
        assert told[0].endswith(": in its place a release had shown target-0, version 1")
    # the last one taken out leaves a good chain: only what was published, or an anchor, tells
    assert (ledger.verify(Ledger(Path("none"), changed), {}, home) == []) == (what == "gone" and number == 3)


def test_a_letter_of_another_alphabet_is_told_by_its_number(chain):
    home, found = chain
    published = {e.number: ledger.content(e) for e in found.entries}
    text = home.ledger.read_text(encoding="utf-8")
    assert "made up for a test" in text
    home.ledger.write_text(text.replace("made up for a test", "mad\u0435 up for a test", 1), encoding="utf-8")
    assert r"'mad\u0435 up for a test'" in ledger.verify(ledger.load(home), published, home)[0]


def test_a_ledger_sealed_anew_is_known_from_what_was_published(chain):
    home, found = chain
    published = {e.number: ledger.content(e) for e in found.entries}
    anew = Ledger(found.path, [])
    for old in found.targets:
        fields = {k: v for k, v in old.model_dump().items() if k in Draft.model_fields}
        fields["target"]["value"] += 1
        fields["baseline"].pop("value")
        anew.entries.append(ledger.sealed(anew, Draft.model_validate(fields), KNOWN, NOW))
    assert ledger.verify(anew, {}, home) == []
    told = ledger.verify(anew, published, home)
    assert told[0].startswith(
        "entry 1 (first, version 1) was sealed anew after a release had shown it: target.value was 200.0 and is 201.0"
    )
    assert told[-1] == "entry 4 is gone, which a release had shown: an anchor"


def test_a_withdrawal_repeats_what_it_withdraws_and_may_come_late(chain):
    _, found = chain
    later = datetime(2031, 1, 1, tzinfo=UTC)
    known = Known({**KNOWN.values, "2026": 1.0, "2028": 1.0}, "NR", "up")
    point = {**DRAFT["target"], "value": 220.0}
    gone = ledger.sealed(found, draft(id="second", stage="withdrawn", target=point), known, later)
    assert gone.version == 3
    with pytest.raises(LedgerError, match="a withdrawal repeats"):
        ledger.sealed(found, draft(id="second", stage="withdrawn"), known, later)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\n", "must be a list"),
        ("- {id: x}\n", "entry 1: "),
        ("- [\n", "not YAML"),
        ("- 5\n", "entry 1: "),
    ],
)
def test_what_is_no_ledger_is_refused_with_its_place(tmp_path, text, reason):
    home = DataFolder(tmp_path)
    home.ledger.write_text(text)
    with pytest.raises(LedgerError, match=reason):
        ledger.load(home)


def openssl(folder: Path, *words: str) -> None:
    try:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")


def test_a_time_stamp_of_the_head_is_taken_and_another_is_not(chain, tmp_path):
    """A real RFC 3161 token, of an authority made for this test."""
    home, found = chain
    (tmp_path / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa=t\n[t]\nserial=./serial\nsigner_digest=sha256\ndefault_policy=1.2.3\ndigests=sha256\naccuracy=secs:1\n"
        "ess_cert_id_alg=sha256\n[req]\ndistinguished_name=dn\n[dn]\n[ext]\nextendedKeyUsage=critical,timeStamping\n"
    )
    (tmp_path / "serial").write_text("01\n")
    openssl(
        tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
        "-subj", "/CN=test", "-config", "tsa.cnf", "-extensions", "ext", "-days", "2",
    )  # fmt: skip
    for name, digest in (("right", found.head), ("wrong", "ab" * 32)):
        openssl(tmp_path, "ts", "-query", "-digest", digest, "-sha256", "-cert", "-out", f"{name}.tsq")
        openssl(
            tmp_path, "ts", "-reply", "-queryfile", f"{name}.tsq", "-signer", "cert.pem", "-inkey", "key.pem",
            "-config", "tsa.cnf", "-out", f"{name}.tsr",
        )  # fmt: skip
    with pytest.raises(LedgerError, match="no time stamp of the head"):
        ledger.anchored(home, found, None, tmp_path / "wrong.tsr", NOW)
    ledger.append(home, found, ledger.anchored(home, found, None, tmp_path / "right.tsr", NOW))
    again = ledger.load(home)
    assert ledger.verify(again, {}, home) == []
    kept = ledger.token_path(home, found.head)
    openssl(tmp_path, "ts", "-verify", "-digest", found.head, "-in", str(kept), "-CAfile", "cert.pem")
    kept.write_bytes((tmp_path / "wrong.tsr").read_bytes())
    assert ledger.verify(again, {}, home) == [
        f"entry 5 (anchor): its time stamp {kept.name} is not what was anchored"
    ]


# -- through the front door


@pytest.fixture(scope="module")
def con(home: Path):
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as opened:
        yield opened


def test_what_ships_is_a_proposal_with_baselines_from_the_figures_that_ship(con):
    rows = con.execute("""
        select t.target_id, t.stage, t.fixed_by, t.baseline_value, i.value, t.timing
        from targets t left join indicators i using (indicator, geo) where i.period = t.baseline_period""").fetchall()
    assert len(rows) == len(ledger.load(DataFolder(Path("none"))).targets)
    for _, stage, fixed_by, baseline, value, timing in rows:
        assert (stage, timing) == ("proposal", "ex_ante")
        assert "not adopted" in fixed_by
        assert baseline == value
    assert "PROPOSAL" in ledger.SHIPPED.read_text().splitlines()[0]


def test_no_result_is_invented_for_what_ships(con):
    assert con.execute("select distinct status from target_results").fetchall() == [("not_assessable",)]
    assert con.execute(
        "select count(*) from target_results where reason_it is null or reason_en is null"
    ).fetchone() == (0,)
    assert con.execute(
        "select count(*) from target_results where point <> 'latest' and value is not null"
    ).fetchone() == (0,)


def test_the_directives_are_those_of_the_mission(con):
    known = set(ledger.Directive.__args__)
    assert len(known) == 6
    assert {row[0] for row in con.execute("select directive from targets").fetchall()} <= known


def test_a_board_adopts_a_target_and_a_tampered_ledger_publishes_nothing(home, tmp_path):
    """The document's own example; then a value altered by hand is named, and stops the next release."""
    page = (ROOT / "docs" / "targets.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S)
    file = tmp_path / "target.yml"
    file.write_text(block)
    shown = distretto(home, "release", "list", "--json").json[-1]["release"]

    added = distretto(home, "targets", "add", str(file), "--json")
    assert added.code == 0, added.err
    assert (added.json["version"], added.json["timing"]) == (2, "ex_ante")
    assert distretto(home, "targets", "anchor", "--protocol", "Prot. 12/2027").code == 0
    told = distretto(home, "targets", "results")
    assert "2 entries of the ledger are not published yet" in told.err
    outcome = distretto(home, "refresh", "--offline", "--json")
    assert outcome.code == 0 and outcome.json["published"] not in (None, shown)
    rows = distretto(home, "targets", "results", "--json").json
    versions = {
        (r["version"], r["superseded_by"], r["stage"])
        for r in rows
        if r["target_id"] == "gdp-per-head-sicily"
    }
    assert versions == {(1, 2, "proposal"), (2, None, "adopted")}
    report = distretto(home, "targets", "verify", "--json").json
    assert report["problems"] == [] and report["entries"] == report["published"] == 7
    assert report["anchors"][0]["protocol"] == "Prot. 12/2027"

    path = home / "targets.yml"
    good = path.read_text()
    path.write_text(good.replace("value: 24500.0", "value: 20500.0"))
    broken = distretto(home, "targets", "verify")
    assert broken.code == 1
    assert (
        "entry 6 (gdp-per-head-sicily, version 2) was altered after it was sealed: target.value was 24500.0 and is 20500.0"
        in broken.err
    )
    assert distretto(home, "targets", "add", str(file)).code == 1
    refused = distretto(home, "refresh", "--offline", "--json")
    assert refused.code == 1 and "targets_are_sealed" in refused.err
    assert distretto(home, "status", "--json").json["current"] == outcome.json["published"]
    path.write_text(good)
    assert distretto(home, "targets", "verify").code == 0


def test_a_retrospective_target_is_refused_and_nothing_is_written(home, tmp_path):
    file = tmp_path / "late.yml"
    known = {
        **DRAFT,
        "indicator": "gdp_per_head",
        "milestones": [],
        "baseline": {"period": 2019},
        "fixed_on": date(2020, 1, 1),
    }
    file.write_text(
        yaml.safe_dump({**known, "target": {"period": 2022, "value": 20000, "assess_on": date(2024, 1, 1)}})
    )
    before = (home / "targets.yml").read_bytes()
    outcome = distretto(home, "targets", "add", str(file))
    assert outcome.code == 1
    assert "would be retrospective: the release has its figure already" in outcome.err
    assert (home / "targets.yml").read_bytes() == before
    assert distretto(home, "targets", "add", str(tmp_path / "nothing.yml")).code == 2
    assert distretto(home, "targets", "anchor").code == 2


def test_a_mistyped_key_is_named(home, tmp_path):
    file = tmp_path / "typo.yml"
    file.write_text(yaml.safe_dump({**DRAFT, "treshold": 1}))
    outcome = distretto(home, "targets", "add", str(file))
    assert outcome.code == 1 and "typo.yml: treshold: " in outcome.err


def test_the_keys_of_a_target_are_explained():
    page = (ROOT / "docs" / "targets.md").read_text()
    rows = re.findall(r"^\| (`[^|]+) \|", page[: page.index("## The chain")], re.M)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(Draft.model_fields)


def test_content_is_stable():
    """The seal of a known entry: a change here would break every ledger there is."""
    text = ledger.content(entry())
    assert json.loads(text)["recorded_at"] == "2025-06-30T12:00:00+00:00"
    assert (
        ledger.seal(text)
        == entry().seal
        == "4e1a253255e22d48ed0e746776ce35a50713249836efb32d94359169cb5aeaa8"
    )
