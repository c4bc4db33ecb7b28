"""The composite index on made-up figures."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statistics.figures import Figures, old, quick
from warehouse.reference.territory import territory
from warehouse.statistics import composite

OURS = territory().model_copy(update={"region": "ITG1", "country": "IT"})
scores = st.lists(st.lists(st.floats(1, 100), min_size=3, max_size=3), min_size=2, max_size=12)


@quick
@given(scores)
def test_the_index_is_the_geometric_mean_and_ranks_stay_within_their_ranges(rows):
    matrix = numpy.array(rows)
    told = composite.sensitivity(matrix)
    assert told["index"] == pytest.approx(matrix.prod(axis=1) ** (1 / 3))
    assert (matrix.min(axis=1) - 1e-9 <= told["index"]).all() and (
        told["index"] <= matrix.max(axis=1) + 1e-9
    ).all()
    for low, high in (("rank_p05", "rank_p95"), ("rank_lowest", "rank_highest")):
        assert (1 <= told[low]).all() and (told[low] <= told[high]).all() and (told[high] <= len(rows)).all()
    again = composite.sensitivity(matrix)
    assert all((told[key] == again[key]).all() for key in told)


@quick
@given(st.floats(-1e6, 1e6), st.floats(-1e3, 1e3), st.floats(1, 1e3))
def test_goalposts_bring_a_value_to_1_to_100_and_down_turns_it_round(value, low, span):
    up = composite.normalise(value, low, low + span, "up")
    down = composite.normalise(value, low, low + span, "down")
    assert 1 <= up <= 100 and 1 <= down <= 100
    if low + span * 0.02 < value < low + span * 0.98:
        assert up + down == pytest.approx(100)


def test_there_is_an_index_where_all_pillars_are_and_none_elsewhere():
    figures = Figures()
    for place, geo in enumerate(("ITG1", "ITF3", "ITF4", "ITC4", "ITC1", "ITH3")):
        for year in (str(y) for y in range(2006, 2013)):
            level = 1 + place
            old(figures, "V11910", geo, {year: 100_000})
            old(figures, "V11920", geo, {year: 7000 + 300 * level})
            old(figures, "V11943", geo, {year: 3500 + 200 * level})
            figures.add("pat_ep_rtot", geo, {year: 20 * level}, unit="NR", indicator="x")
            figures.add("pat_ep_rtot", geo, {year: 10 * level}, unit="P_MHAB", indicator="x")
            figures.add("pat_ep_ripc", geo, {year: 4 * level}, ipc="H01", unit="NR", indicator="x")
            figures.add("pat_ep_ripc", geo, {year: 80 + level}, ipc="IPC", unit="NR", indicator="x")
            figures.add("demo_r_pjanaggr3", geo, {year: 2_000_000}, sex="T", age="TOTAL", indicator="x")
            figures.add("lfst_r_lfe2emprt", geo, {year: 50 + level}, sex="T", age="Y20-64", indicator="x")
            figures.add(
                "lfst_r_lfu3rt",
                geo,
                {year: 20 - level},
                sex="T",
                age="Y15-74",
                isced11="TOTAL",
                indicator="x",
            )
    figures.build()
    composite.build(figures.con, OURS, "distretto")
    rows = figures.con.execute(
        "select geo, rank, n, rank_p05, rank_p95 from composite where period = '2010' order by rank"
    ).fetchall()
    assert [row[0] for row in rows] == ["ITH3", "ITC1", "ITC4", "ITF4", "ITF3", "ITG1"]
    # the worst in every pillar stays the worst whatever the weights
    assert rows[-1][1:] == (6, 6, 6, 6)
    # 2011 on: patents are truncated, a pillar is missing
    assert figures.con.execute("select max(period) from composite").fetchone() == ("2010",)
    assert figures.con.execute(
        "select count(*) from composite_parts anti join composite using (period, geo)"
    ).fetchone() == (0,)


def test_no_series_counts_twice_and_the_absence_of_an_index_names_the_periods_of_its_parts():
    figures = Figures()
    for year in range(2008, 2021):
        old(figures, "V11910", "ITG1", {str(year): 100_000})
        old(figures, "V11920", "ITG1", {str(year): 7_000})
    for year in range(2000, 2013):
        figures.add("pat_ep_rtot", "ITG1", {str(year): 50}, unit="NR", indicator="x")
        figures.add("pat_ep_rtot", "ITG1", {str(year): 10}, unit="P_MHAB", indicator="x")
    figures.build()
    composite.build(figures.con, OURS, "distretto")
    parts = figures.con.execute(
        "select indicator from composite_coverage where pillar = 'patents'"
    ).fetchall()
    assert sorted(parts) == [("epo_applications_per_million",), ("micro_nano_share_5y",)]
    reason = composite.absence(figures.con, "distretto")
    assert reason is not None
    assert "Enterprise birth rate: 2008-2020" in reason["en"]
    assert "EPO patent applications per million inhabitants: 2000-2010" in reason["en"]
    assert "Employment rate, 20-64 years: no figure" in reason["en"]
    assert "Nessun periodo in cui tutti i pilastri" in reason["it"]
