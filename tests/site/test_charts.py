"""Chart and map layout: scales, labels, breaks, classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.site import charts, maps
from tests.site.points import point
from warehouse.reference.build_outlines import roomiest


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_map_classes_are_few_round_and_in_order(values: list[float]):
    values = [round(v, 3) for v in values]
    breaks = maps.class_breaks(values)
    assert len(breaks) <= 4
    assert breaks == sorted(set(breaks))
    assert all(min(values) < edge <= max(values) for edge in breaks)


@given(st.lists(st.floats(0, 1e7), min_size=2, max_size=40), st.booleans())
def test_a_scale_holds_its_values_and_ends_at_ticks(values: list[float], zero: bool):
    axis = charts.scale([round(v, 3) for v in values], zero=zero)
    assert axis.ticks[0] == pytest.approx(axis.low) and axis.ticks[-1] == pytest.approx(axis.high)
    assert all(-1 <= axis.at(round(v, 3)) <= 1001 for v in values)
    assert not zero or axis.low == 0


@given(
    st.dictionaries(
        st.sampled_from("BCDEFGHIJKLM"), st.lists(st.floats(1, 1e4), min_size=3, max_size=3), max_size=12
    )
)
def test_labels_at_the_lines_ends_never_touch(others: dict[str, list[float]]):
    series = {
        geo: [point(str(2018 + i), value) for i, value in enumerate(values)]
        for geo, values in {"A": [5.0, 6.0, 7.0], "Z": [5.0, 6.0, 7.01], **others}.items()
    }
    roles = {"A": "region", "Z": "seat"} | dict.fromkeys(others, "peer")
    plot = charts.lines_plot(series, roles, None)
    places = sorted(line.label_y for line in plot.lines if line.label_y is not None)
    assert {line.geo for line in plot.lines if line.label_y is not None} >= {"A", "Z"}
    assert all(b - a >= charts.LABEL_GAP for a, b in zip(places, places[1:], strict=False))


def test_a_provinces_label_stands_where_it_has_room():
    """The centre of gravity of a hook is outside it, on its neighbour."""
    x, y = roomiest(((0, 0), (10, 0), (10, 4), (1, 4), (1, 10), (0, 10)))
    assert 1 < x < 9 and y == pytest.approx(2, abs=0.8)


def test_an_index_begins_anew_after_a_break():
    series = {
        "A": [point(str(y), 100.0 + y - 2010) for y in range(2010, 2021)]
        + [point("2021", 500.0, broken=True), point("2022", 550.0)],
        "B": [point("2021", 10.0, broken=True), point("2022", 20.0)],
    }
    plot = charts.lines_plot(series, {"A": "region", "B": "peer"}, None, indexed=True)
    assert plot.based == ["2012", "2021"]
    assert {(line.geo, dot.point.period): dot.value for line in plot.lines for dot in line.dots} | {
        ("A", "2012"): 100.0,
        ("A", "2022"): pytest.approx(110.0),
        ("B", "2022"): 200.0,
    } == {(line.geo, dot.point.period): dot.value for line in plot.lines for dot in line.dots}
    assert [period for _, period, _ in plot.breaks] == ["2021"]


def test_the_words_of_two_breaks_that_are_close_do_not_touch():
    series = {"A": [point(str(year), 100.0, broken=year in (2004, 2005, 2018)) for year in range(2000, 2021)]}
    plot = charts.lines_plot(series, {"A": "region"}, None)
    assert [(period, named) for _, period, named in plot.breaks] == [
        ("2004", True),
        ("2005", False),
        ("2018", True),
    ]
    bars = charts.columns_plot(series["A"])
    assert [named for _, _, named in bars.breaks] == [True, False, True]


def test_a_value_without_neighbours_has_a_mark_of_its_own():
    steady = [point(str(year), 5.0) for year in range(2010, 2020)]
    spike = [
        point(p.period, 9.0 if p.period == "2014" else 5.0, broken=p.period in ("2014", "2015"))
        for p in steady
    ]
    plot = charts.lines_plot({"A": steady, "B": spike}, {"A": "region", "B": "peer"}, None)
    lone = {line.geo: line.lone for line in plot.lines}
    assert lone["A"] == "" and lone["B"].startswith("M444 ") and lone["B"].endswith("h0")


def test_a_peers_break_parts_nobody_elses_line():
    whole = [point(str(year), 5.0 + year % 3) for year in range(2010, 2020)]
    broken = [point(p.period, p.value, broken=p.period == "2015") for p in whole]
    roles = {"A": "region", "B": "peer"}
    assert charts.lines_plot({"A": whole, "B": broken}, roles, None).breaks == []
    assert [period for _, period, _ in charts.lines_plot({"A": broken, "B": whole}, roles, None).breaks] == [
        "2015"
    ]
