"""Peers and benchmarks on made-up figures: ranks, percentiles, gaps, structural peers."""

from __future__ import annotations

import numpy
import pytest

from tests.conftest import ROOT
from tests.statistics.figures import Figures, old
from warehouse.reference.territory import territory
from warehouse.statistics import peers
from warehouse.statistics.indicators import load_indicators

OURS = territory().model_copy(update={"region": "ITG1", "country": "IT", "seat": "ITG17"})


def lower_least_candidates(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    said = peers.benchmarks()
    fewer = said.structural.model_copy(update={"least_candidates": least})
    monkeypatch.setattr(peers, "benchmarks", lambda: said.model_copy(update={"structural": fewer}))


def test_rank_percentile_gap_and_frontier():
    figures = Figures()
    rates = {"ITG1": 18.0, "ITF3": 20.0, "ITF6": 22.0, "ITF4": 14.0, "ITG2": 12.0}
    for geo, value in rates.items():
        figures.add(
            "lfst_r_lfu3rt", geo, {"2022": value}, sex="T", age="Y15-74", isced11="TOTAL", indicator="x"
        )
    figures.add(
        "lfst_r_lfu3rt",
        "ITF2",
        {"2022": 1.0},
        flag="u",
        sex="T",
        age="Y15-74",
        isced11="TOTAL",
        indicator="x",
    )
    figures.build()
    peers.build(figures.con, OURS, "distretto")
    rows = figures.con.execute(
        "select geo, rank, n, percentile, gap, frontier_distance "
        "from benchmarks where group_id = 'mezzogiorno' order by rank, geo"
    ).fetchall()
    # unemployment: the lowest is the best; what is not reliable has no rank
    assert rows == [
        ("ITG2", 1, 5, 100, -6, 0),
        ("ITF4", 2, 5, 75, -4, 2),
        ("ITG1", 3, 5, 50, 0, 6),
        ("ITF3", 4, 5, 25, 2, 8),
        ("ITF6", 5, 5, 0, 4, 10),
        ("ITF2", None, 5, None, -17, None),
    ]


def test_a_member_is_found_under_its_earlier_code_and_counts_once():
    figures = Figures()
    for geo, row in {
        "ITG1": {"2010": 18, "2012": 18, "2015": 18},
        "FR71": {"2010": 7, "2012": 8},  # Rhône-Alpes before NUTS 2016, and a table that has both codes
        "FRK2": {"2012": 8, "2015": 9},
    }.items():
        figures.add("lfst_r_lfu3rt", geo, row, sex="T", age="Y15-74", isced11="TOTAL", indicator="x")
    figures.build()
    peers.build(figures.con, OURS, "distretto")
    group = "group_id = 'microelectronics_regions'"
    assert figures.con.execute(
        f"select period, geo, n from benchmarks where {group} and not ours order by all"
    ).fetchall() == [("2010", "FR71", 2), ("2012", "FRK2", 2), ("2015", "FRK2", 2)]
    assert figures.con.execute(
        f"select geo, member from peers where {group} and geo like 'FR_1' or geo = 'EL14' order by all"
    ).fetchall() == [
        ("EL14", "Thessaly, before NUTS 2013"),
        ("FR71", "Rhône-Alpes: microelectronics cluster of Grenoble, before NUTS 2016"),
    ]


def test_structural_peers_are_the_nearest_of_the_standardised_features(monkeypatch):
    lower_least_candidates(monkeypatch, 3)
    figures = Figures()
    values = {"ITG1": (18, 60, 1.0), "ITF3": (19, 60, 1.1), "ITF6": (25, 50, 0.4), "ITC4": (5, 78, 1.5)}
    for geo, (unemployed, employed, research) in values.items():
        for year in ("2020", "2021", "2022"):
            figures.add(
                "lfst_r_lfu3rt",
                geo,
                {year: unemployed},
                sex="T",
                age="Y15-74",
                isced11="TOTAL",
                indicator="x",
            )
            figures.add("lfst_r_lfe2emprt", geo, {year: employed}, sex="T", age="Y20-64", indicator="x")
            figures.add("rd_e_gerdreg", geo, {year: research}, sectperf="TOTAL", unit="PC_GDP", indicator="x")
    figures.build()
    peers.build(figures.con, OURS, "distretto")
    found = figures.con.execute(
        "select geo from peers where group_id = 'structural' order by position"
    ).fetchall()
    assert found == [("ITF3",), ("ITF6",), ("ITC4",)]
    # standardised over all four regions
    ours, other = (numpy.array(values[geo], float) for geo in ("ITG1", "ITF3"))
    spread = numpy.std([values[geo] for geo in values], axis=0)
    distance = numpy.sqrt((((ours - other) / spread) ** 2).mean())
    assert figures.con.execute(
        "select distance from peers where geo = 'ITF3' and group_id = 'structural'"
    ).fetchone() == (pytest.approx(distance),)


def test_every_member_of_a_group_is_a_known_territory_with_a_reason():
    known = {
        line.split(",")[0] for line in (ROOT / "warehouse/reference/geography.csv").read_text().splitlines()
    }
    for group in peers.benchmarks().groups:
        assert group.reason and set(group.members) <= known and all(group.members.values())
    assert set(peers.benchmarks().structural.features) <= {i.id for i in load_indicators()}


def test_a_quantity_that_grows_with_the_territory_has_no_rank_gap_percentile_or_frontier():
    figures = Figures()
    for geo, births in {"ITG1": 23_000, "ITF3": 40_000, "ITF4": 30_000, "IT": 300_000}.items():
        old(figures, "V11920", geo, {"2020": births})
    figures.build()
    peers.build(figures.con, OURS, "distretto")
    rows = figures.con.execute(
        "select rank, percentile, gap, frontier, frontier_distance, rank_low from benchmarks "
        "where indicator = 'enterprise_births'"
    ).fetchall()
    assert len(rows) >= 4 and set(rows) == {(None,) * 6}


def test_equal_values_are_not_behind_one_another():
    figures = Figures()
    for geo, rate in {"ITG1": 10.0, "ITF3": 10.0, "ITF4": 10.0, "ITF6": 20.0, "ITG2": 5.0}.items():
        figures.add("lfst_r_lfe2emprt", geo, {"2022": rate}, sex="T", age="Y20-64", indicator="x")
    figures.build()
    peers.build(figures.con, OURS, "distretto")
    rows = figures.con.execute(
        "select geo, rank, percentile from benchmarks where group_id = 'mezzogiorno' order by rank, geo"
    ).fetchall()
    assert rows == [("ITF6", 1, 100), ("ITF3", 2, 25), ("ITF4", 2, 25), ("ITG1", 2, 25), ("ITG2", 5, 0)]


def test_our_rank_is_a_range_where_counts_cannot_tell_it_from_the_neighbours():
    figures = Figures()
    for geo, births in {"ITG1": 800, "ITF3": 805, "ITF4": 795, "ITF6": 1200, "ITG2": 300}.items():
        old(figures, "V11920", geo, {"2020": births})
        old(figures, "V11910", geo, {"2020": 10_000})
    figures.build()
    peers.build(figures.con, OURS, "distretto")
    rows = figures.con.execute(
        "select geo, rank, rank_low, rank_high from benchmarks "
        "where group_id = 'mezzogiorno' and indicator = 'enterprise_birth_rate' order by rank"
    ).fetchall()
    assert rows == [
        ("ITF6", 1, None, None),
        ("ITF3", 2, None, None),
        ("ITG1", 3, 2, 4),
        ("ITF4", 4, None, None),
        ("ITG2", 5, None, None),
    ]


def test_structural_peers_are_absent_below_a_hundred_candidates_and_who_lacks_what_is_published():
    figures = Figures()
    for geo in ("ITG1", "ITF3", "ITF6"):
        for year in ("2020", "2021", "2022"):
            rate = {"sex": "T", "isced11": "TOTAL", "age": "Y15-74", "indicator": "x"}
            figures.add("lfst_r_lfu3rt", geo, {year: 10}, **rate)
            figures.add("lfst_r_lfe2emprt", geo, {year: 60}, sex="T", age="Y20-64", indicator="x")
            if geo != "ITF6":
                figures.add("rd_e_gerdreg", geo, {year: 1}, sectperf="TOTAL", unit="PC_GDP", indicator="x")
    figures.build()
    peers.build(figures.con, OURS, "distretto")
    con = figures.con
    assert con.execute("select count(*) from peers where group_id = 'structural'").fetchone() == (0,)
    assert con.execute("select count(*) from peer_features").fetchone() == (0,)
    told = dict(
        con.execute(
            "select geo, (candidate, lacking) from peer_candidates where geo in ('ITG1', 'ITF3', 'ITF6', 'ITC4')"
        ).fetchall()
    )
    assert told["ITG1"] == told["ITF3"] == (True, None)
    assert told["ITF6"] == (False, ["research_intensity"])
    assert told["ITC4"] == (False, ["employment_rate", "research_intensity", "unemployment_rate"])


def test_a_candidate_under_an_earlier_code_is_bridged_to_the_code_of_today(monkeypatch):
    lower_least_candidates(monkeypatch, 1)
    figures = Figures()
    # Rhône-Alpes is FR71 before NUTS 2016 and FRK2 since: one table has the old code, two have the new one
    for geo, code in (("ITG1", "ITG1"), ("FRK2", "FR71")):
        for year in ("2020", "2021", "2022"):
            figures.add("rd_e_gerdreg", code, {year: 1}, sectperf="TOTAL", unit="PC_GDP", indicator="x")
            figures.add("lfst_r_lfe2emprt", geo, {year: 60}, sex="T", age="Y20-64", indicator="x")
            figures.add(
                "lfst_r_lfu3rt", geo, {year: 10}, sex="T", isced11="TOTAL", age="Y15-74", indicator="x"
            )
    figures.build()
    peers.build(figures.con, OURS, "distretto")
    assert figures.con.execute(
        "select candidate, lacking from peer_candidates where geo = 'FRK2'"
    ).fetchone() == (True, None)
