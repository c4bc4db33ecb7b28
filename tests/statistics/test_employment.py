"""Jobs, local units and labour force rates on made-up figures."""

from __future__ import annotations

from itertools import pairwise

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statistics.figures import Figures, quick
from warehouse.statistics import series_changes
from warehouse.targets.figures import figures as series_of

SECTORS = ("A", "B-E", "F", "G-I", "J", "K", "L", "M_N", "O-Q", "R-U")
jobs = st.lists(st.integers(1, 10_000), min_size=20, max_size=20)


BROAD = ("A", "B-E", "F", "G-J", "K-N", "O-U")


@quick
@given(
    province=st.lists(st.integers(0, 10_000), min_size=12, max_size=12),
    rest=st.lists(st.integers(1, 10_000), min_size=12, max_size=12),
)
def test_the_shift_share_of_a_province_is_that_of_six_sectors(province, rest):
    figures = Figures()
    whole = [a + b for a, b in zip(province, rest, strict=True)]
    for geo, values in (("ITG17", province), ("IT", whole)):
        for place, sector in enumerate(BROAD):
            years = {"2018": values[place] / 10, "2019": values[place + 6] / 10}
            figures.add("nama_10r_3empers", geo, years, wstatus="EMP", nace_r2=sector, indicator="jobs")
    figures.build()
    parts = [figures.values(f"shift_share_{part}") for part in ("national", "mix", "local")]
    assert [set(part) for part in parts] == [{("ITG17", "2019")}] * 3
    assert sum(part["ITG17", "2019"] for part in parts) == pytest.approx(
        (sum(province[6:]) - sum(province[:6])) / 10, abs=1e-6
    )
    assert figures.wrong("shift_share_adds_up") == []


@quick
@given(region=jobs, rest=jobs)
def test_the_parts_of_the_shift_share_add_up_and_the_country_shifts_nothing(region, rest):
    figures = Figures()
    whole = [a + b for a, b in zip(region, rest, strict=True)]
    for geo, values in (("ITG1", region), ("IT", whole)):
        for place, sector in enumerate(SECTORS):
            years = {"2018": values[place] / 10, "2019": values[place + 10] / 10}
            figures.add("nama_10r_3empers", geo, years, wstatus="EMP", nace_r2=sector, indicator="jobs")
    figures.build()
    parts = [figures.values(f"shift_share_{part}")["ITG1", "2019"] for part in ("national", "mix", "local")]
    assert sum(parts) == pytest.approx((sum(region[10:]) - sum(region[:10])) / 10, abs=1e-6)
    growth = sum(whole[10:]) / sum(whole[:10]) - 1
    assert parts[0] == pytest.approx(sum(region[:10]) / 10 * growth)
    assert figures.wrong("shift_share_adds_up") == []


@quick
@given(st.lists(st.integers(1, 1_000_000), min_size=7, max_size=7))
def test_growth_over_five_years_compounds_the_yearly_growth(values):
    figures = Figures()
    years = {str(2012 + i): value / 10 for i, value in enumerate(values)}
    figures.add("nama_10r_3empers", "ITG17", years, wstatus="EMP", nace_r2="TOTAL", indicator="jobs")
    figures.build()
    yearly, five = figures.values("jobs_growth"), figures.values("jobs_growth_5y")
    compound = numpy.prod([1 + yearly["ITG17", str(year)] / 100 for year in range(2013, 2018)])
    assert (1 + five["ITG17", "2017"] / 100) ** 5 == pytest.approx(compound)
    for before, after in pairwise(sorted(years)):
        assert yearly["ITG17", after] == pytest.approx((years[after] / years[before] - 1) * 100)


@quick
@given(
    region=st.lists(st.integers(1, 5000), min_size=17, max_size=17),
    rest=st.lists(st.integers(1, 5000), min_size=17, max_size=17),
)
def test_the_location_quotient_of_the_country_is_one(region, rest):
    codes = ("B", "C", "D", "E", "F", "G", "H", "I", "J", "L", "M", "N", "C26", "C27", "J62", "J63", "M72")
    figures = Figures()
    whole = [a + b for a, b in zip(region, rest, strict=True)]
    for geo, values in (("ITG1", region), ("IT", whole)):
        for code, value in zip(codes, values, strict=True):
            figures.add("sbs_r_nuts2021", geo, {"2022": value}, indicator="EMP_LOC_NR", nace_r2=code)
    figures.build()
    assert figures.wrong("location_quotient_of_the_country_is_one") == []
    for name, places in {
        "electronics": [12],
        "electrical": [13],
        "it_services": [14, 15],
        "research": [16],
        "district_core": [12, 16],
    }.items():
        quotients = figures.values(f"location_quotient_{name}")
        assert quotients["IT", "2022"] == pytest.approx(1)
        ours, country = (
            sum(values[place] for place in places) / sum(values[:12]) for values in (region, whole)
        )
        assert quotients["ITG1", "2022"] == pytest.approx(ours / country)
    figures.con.execute("update indicators set value = 1.01 where geo = 'IT'")
    assert len(figures.wrong("location_quotient_of_the_country_is_one")) == 5


@quick
@given(
    province=st.lists(st.integers(1, 5000), min_size=6, max_size=6),
    rest=st.lists(st.integers(1, 5000), min_size=6, max_size=6),
)
def test_a_province_is_compared_by_the_persons_employed_in_its_local_units(province, rest):
    codes = ("0010", "26", "27", "62", "63", "72")
    figures = Figures()
    # the whole holds its divisions and more
    province[0] += sum(province[1:])
    rest[0] += sum(rest[1:])
    whole = [a + b for a, b in zip(province, rest, strict=True)]
    for geo, values in (("ITG17", province), ("IT", whole)):
        for code, value in zip(codes, values, strict=True):
            for size in ("TOTAL", "W_GE250"):
                figures.add(
                    "istat_asiaulp",
                    geo,
                    {"2022": value if size == "TOTAL" else 1},
                    indicator="LUEMPDAA",
                    sizeclas=size,
                    nace_r2=code,
                )
    figures.build()
    assert figures.wrong("location_quotient_of_the_country_is_one") == []
    for name, places in {
        "electronics": [1],
        "electrical": [2],
        "it_services": [3, 4],
        "research": [5],
        "district_core": [1, 5],
    }.items():
        ours, country = (sum(values[place] for place in places) / values[0] for values in (province, whole))
        quotients = figures.values(f"location_quotient_{name}_provinces")
        assert quotients == {
            ("ITG17", "2022"): pytest.approx(ours / country),
            ("IT", "2022"): pytest.approx(1),
        }


def test_what_the_survey_says_has_no_interval():
    figures = Figures()
    figures.add(
        "lfst_r_lfu3rt",
        "ITG1",
        {"2020": 18.0, "2022": 17.0},
        sex="T",
        age="Y15-74",
        isced11="TOTAL",
        indicator="x",
    )
    figures.add(
        "lfst_r_lfu3rt",
        "ITG1",
        {"2021": 19.0},
        flag="bu",
        sex="T",
        age="Y15-74",
        isced11="TOTAL",
        indicator="x",
    )
    figures.build()
    row = figures.row("unemployment_rate", "ITG1", "2021")
    assert (row["ci_low"], row["ci_method"], row["reliability"], row["break_before"]) == (
        None,
        None,
        "C",
        True,
    )
    assert figures.row("unemployment_rate", "ITG1", "2022")["reliability"] == "A"


def test_money_at_current_prices_has_no_direction_and_volumes_have_one():
    figures = Figures()
    for year, per_head, growth in (("2021", 19_000.0, 3.0), ("2022", 20_100.0, 4.1)):
        figures.add("nama_10r_3gdp", "ITG1", {year: per_head}, unit="EUR_HAB")
        figures.add("nama_10r_2gvagr", "ITG1", {year: growth}, unit="PCH_PRE", na_item="B1G")
    figures.build()
    figures.con.execute("create table district as select * from indicators limit 0")
    known = series_changes.read(figures.con, "distretto")
    found = {}
    for indicator in ("gdp_per_head", "gross_value_added_growth"):
        series = series_of(figures.con, "distretto", [(indicator, "ITG1")])[indicator, "ITG1"]
        found[indicator] = known.change(indicator, "ITG1", series)
    gdp, volume = found.values()
    assert (gdp.kind, gdp.direction, round(gdp.amount or 0, 1)) == ("nominal", None, 5.8)
    assert (volume.kind, volume.sampling_error_unknown) == ("up", True)
