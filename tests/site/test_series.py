"""Comparable runs of a series and the order of territories."""

from __future__ import annotations

from assets.site import series
from sources.common.units import unit
from tests.site.points import point
from warehouse.statistics.comparison import Rules


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


def test_territories_stand_from_the_highest_and_only_rates_have_a_rank():
    figures = {
        "A": [point("2020", 3.0)],
        "B": [point("2020", 5.0)],
        "C": [point("2020", 3.0)],
        "D": [point("2020", 9.0, "u", "C")],
        "E": [point("2019", 7.0)],
    }
    rates = series.ordered(figures, list(figures), "2020", Rules(unit("PC")), "up")
    assert [row.geo for row in rates] == ["D", "B", "A", "C", "E"]
    assert {row.geo: row.rank and (row.rank.place, row.rank.among) for row in rates} == {
        "A": (2, 3),
        "B": (1, 3),
        "C": (2, 3),
        "D": None,
        "E": None,
    }
    amounts = series.ordered(figures, list(figures), "2020", Rules(unit("NR")), "up")
    assert [row.rank for row in amounts] == [None] * 5
