"""When a change, a rank or a comparable run may be stated."""

from __future__ import annotations

import pytest

from assets.site import series
from tests.site.points import point


def test_a_change_is_said_between_neighbouring_reliable_periods_only():
    steady = [point("2018", 100.0), point("2019", 110.0)]
    assert series.change(steady, "NR") == series.Change("up", "2018", pytest.approx(10.0), "PC")
    assert series.change([*steady, point("2020", 99.0)], "NR").kind == "down"
    assert series.change([*steady, point("2020", 110.2)], "NR").kind == "stable"
    assert series.change([*steady, point("2020", 99.0, broken=True)], "NR").kind == "broken"
    assert series.change([*steady, point("2021", 99.0)], "NR").kind == "unknown"
    assert series.change([*steady, point("2020", 99.0, "u", "C")], "NR").kind == "unknown"
    assert series.change([point("2018", 0.0), point("2019", 5.0)], "NR").kind == "unknown"
    assert series.change([point("2019", 5.0)], "NR").kind == "unknown"
    # intervals that share a value leave nothing to say
    apart = [point("2018", 10.0, interval=(8, 12)), point("2019", 20.0, interval=(12.5, 27))]
    assert series.change(apart, "NR").kind == "up"
    close = [apart[0], point("2019", 12.0, interval=(9, 15))]
    assert series.change(close, "NR") == series.Change("chance", "2018")
    # a value that is missing with a reason is no neighbour
    assert series.change([steady[0], point("2019", None, "c", "suppressed")], "NR").kind == "unknown"


def test_percentages_change_by_points():
    found = series.change([point("2018", 8.0), point("2019", 8.6)], "PC")
    assert (found.kind, found.unit, found.amount) == ("up", "PP", pytest.approx(0.6))
    assert series.change([point("2018", 8.0), point("2019", 8.05)], "PC").kind == "stable"


def test_runs_are_cut_at_breaks_gaps_and_missing_values():
    points = [
        point("2018", 1.0),
        point("2019", 2.0),
        point("2020", None, "c", "suppressed"),
        point("2021", 3.0),
        point("2022", 4.0, broken=True),
        point("2024", 5.0),
    ]
    assert [[p.period for p in run] for run in series.segments(points)] == [
        ["2018", "2019"],
        ["2021"],
        ["2022"],
        ["2024"],
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "follow"),
    [
        ("2019", "2020", True),
        ("2019", "2021", False),
        ("2019-Q4", "2020-Q1", True),
        ("2019-Q3", "2020-Q1", False),
        ("2019-11", "2019-12", True),
        ("2019-12", "2020-01", True),
    ],
)
def test_which_period_follows(earlier: str, later: str, follow: bool):
    assert series.follows(earlier, later) is follow


def test_ranks_share_a_place_and_leave_the_unreliable_out():
    figures = {
        "A": [point("2020", 3.0)],
        "B": [point("2020", 5.0)],
        "C": [point("2020", 3.0)],
        "D": [point("2020", 9.0, "u", "C")],
        "E": [point("2019", 7.0)],
    }
    ranked = {r.geo: (r.place, r.among) for r in series.ranking(figures, list(figures), "2020")}
    assert ranked == {"A": (2, 3), "B": (1, 3), "C": (2, 3), "D": (None, 3), "E": (None, 3)}
    assert [r.geo for r in series.ranking(figures, list(figures), "2020")][-1] == "E"
