"""Business demography on made-up figures: formulas, intervals, breaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from tests.statistics.figures import Figures, counts, old, quick
from warehouse.statistics.indicators import load_indicators


@quick
@given(births=counts, deaths=counts, active=st.integers(min_value=1, max_value=100_000))
def test_churn_is_births_and_deaths_and_net_turnover_their_difference(births, deaths, active):
    figures = Figures()
    for code, value in (("V11920", births), ("V11930", deaths), ("V11910", active)):
        old(figures, code, "ITG17", {"2015": value})
    figures.build()
    birth, death = (figures.values(f"enterprise_{name}_rate")["ITG17", "2015"] for name in ("birth", "death"))
    assert birth == pytest.approx(births / active * 100)
    assert figures.values("enterprise_churn")["ITG17", "2015"] == pytest.approx(birth + death)
    assert figures.values("enterprise_net_turnover")["ITG17", "2015"] == pytest.approx(birth - death)
    assert figures.wrong("churn_is_births_and_deaths") == []


@quick
@given(
    births=st.integers(1, 100_000),
    survivors=counts,
    deaths=counts,
    active=st.lists(st.integers(1, 100_000), min_size=2, max_size=2),
    residents=st.integers(1, 10**7),
)
def test_rates_are_what_their_formulas_say(births, survivors, deaths, active, residents):
    figures = Figures()
    old(figures, "V11920", "ITG17", {"2012": births, "2015": births + 1})
    old(figures, "V11943", "ITG17", {"2015": survivors})
    old(figures, "V11930", "ITG17", {"2015": deaths})
    old(figures, "V11910", "ITG17", dict(zip(("2014", "2015"), active, strict=True)))
    figures.add("demo_r_pjanaggr3", "ITG17", {"2015": residents}, sex="T", age="Y15-64", indicator="x")
    figures.build()
    at = ("ITG17", "2015")
    assert figures.values("enterprise_deaths")[at] == deaths
    assert figures.values("enterprise_death_rate")[at] == pytest.approx(deaths / active[1] * 100)
    assert figures.values("enterprise_net_growth")[at] == pytest.approx((active[1] / active[0] - 1) * 100)
    assert figures.values("enterprise_survival_3y")[at] == pytest.approx(survivors / births * 100)
    assert figures.values("births_per_10k_residents")[at] == pytest.approx((births + 1) / residents * 1e4)
    # a cohort of another table, three years before, is none
    assert set(figures.values("enterprise_survival_3y")) == {at}


# the codes of what is published as the provider has it; the figures of `births` and `survey` tables alike
PASSED_ON = {
    "high_growth_share": ("bd_hgnace_r", {"indicator": "ENT_HGRWR_PC", "nace_r2": "B-S_X_O_S94"}),
    "persons_employed_births": ("bd_hgnace_r", {"indicator": "EMP_BRTH_NR", "nace_r2": "B-S_X_O_S94"}),
    "persons_employed_active": ("bd_hgnace_r", {"indicator": "EMP_NR", "nace_r2": "B-S_X_O_S94"}),
    "epo_applications": ("pat_ep_rtot", {"unit": "NR"}),
    "epo_applications_per_million": ("pat_ep_rtot", {"unit": "P_MHAB"}),
    "epo_applications_per_labour_force": ("pat_ep_rtot", {"unit": "P_MACT"}),
    "patent_propensity": ("istat_bes_territ_11", {"indicator": "11RIC002", "sex": "T"}),
    "graduate_mobility": ("istat_bes_territ_11", {"indicator": "11RIC025", "sex": "T"}),
    "employed_persons": ("lfst_r_lfe2emp", {"sex": "T", "age": "Y15-64"}),
    "employment_rate": ("lfst_r_lfe2emprt", {"sex": "T", "age": "Y20-64"}),
    "unemployment_rate": ("lfst_r_lfu3rt", {"sex": "T", "age": "Y15-74", "isced11": "TOTAL"}),
    "employment_rate_provinces": ("istat_taxoccu1", {"indicator": "EMP_R", "sex": "9", "age": "Y20-64"}),
    "employment_rate_15_89_provinces": (
        "istat_taxoccu1",
        {"indicator": "EMP_R", "sex": "9", "age": "Y15-89"},
    ),
    "unemployment_rate_provinces": (
        "istat_taxdisoccu1",
        {"indicator": "UNEM_R", "sex": "9", "age": "Y15-74"},
    ),
    "high_tech_employment_share": ("htec_emp_reg2", {"nace_r2": "HTC", "unit": "PC_EMP", "sex": "T"}),
    "knowledge_intensive_employment_share": (
        "htec_emp_reg2",
        {"nace_r2": "KIS", "unit": "PC_EMP", "sex": "T"},
    ),
    "human_resources_in_science": ("hrst_st_rcat", {"category": "HRSTC", "unit": "PC_ACT"}),
    "human_resources_in_science_all": ("hrst_st_rcat", {"category": "HRST", "unit": "PC_ACT"}),
    "scientists_and_engineers": ("hrst_st_rcat", {"category": "SE", "unit": "PC_ACT"}),
    "jobs": ("nama_10r_3empers", {"wstatus": "EMP", "nace_r2": "TOTAL"}),
    "electronics_persons_employed": (
        "istat_asiaulp",
        {"indicator": "LUEMPDAA", "sizeclas": "TOTAL", "nace_r2": "26"},
    ),
    "electronics_local_units": (
        "istat_asiaulp",
        {"indicator": "LU", "sizeclas": "TOTAL", "nace_r2": "26"},
    ),
    "research_intensity": ("rd_e_gerdreg", {"sectperf": "TOTAL", "unit": "PC_GDP"}),
    "business_research_intensity": ("rd_e_gerdreg", {"sectperf": "BES", "unit": "PC_GDP"}),
    "research_personnel": (
        "rd_p_persreg",
        {"prof_pos": "TOTAL", "sectperf": "TOTAL", "sex": "T", "unit": "PC_EMP_FTE"},
    ),
    "gdp_per_head": ("nama_10r_3gdp", {"unit": "EUR_HAB"}),
    "gross_value_added_growth": ("nama_10r_2gvagr", {"na_item": "B1G", "unit": "PCH_PRE"}),
}


@quick
@given(st.floats(0, 1e6))
def test_what_a_provider_publishes_is_passed_on_as_it_is(value):
    figures = Figures()
    for place, (dataset, codes) in enumerate(PASSED_ON.values()):
        figures.add(dataset, "ITG1", {"2022": value + place}, **{"indicator": "x", **codes})
        # a neighbour in every dimension, which must not be taken for it
        figures.add(dataset, "ITG1", {"2022": -1}, **dict.fromkeys(("indicator", *codes), "OTHER"))
    figures.build()
    for place, indicator in enumerate(PASSED_ON):
        assert figures.values(indicator) == {("ITG1", "2022"): value + place}
        assert [row[0] for row in figures.inputs(indicator)] == [value + place]


def test_what_is_passed_on_says_so():
    told = {i.id for i in load_indicators() if i.header["formula"].endswith("as the provider publishes it")}
    assert told <= set(PASSED_ON)


@quick
@given(n=counts)
def test_the_interval_of_a_count_is_the_exact_poisson_one(n):
    figures = Figures()
    old(figures, "V11920", "ITG17", {"2015": n})
    row = figures.build().row("enterprise_births", "ITG17", "2015")
    low = chi2.ppf(0.025, 2 * n) / 2 if n else 0
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, chi2.ppf(0.975, 2 * n + 2) / 2))
    assert row["ci_low"] <= n <= row["ci_high"] and row["ci_method"] == "poisson"
    assert row["reliability"] == ("C" if n < 5 else "B" if n < 20 else "A")


@quick
@given(active=st.integers(min_value=1, max_value=100_000), share=st.floats(min_value=0, max_value=1))
def test_the_interval_of_a_share_is_wilson_s(active, share):
    births = int(active * share)
    figures = Figures()
    old(figures, "V11920", "ITG17", {"2015": births})
    old(figures, "V11910", "ITG17", {"2015": active})
    row = figures.build().row("enterprise_birth_rate", "ITG17", "2015")
    z, p = 1.959963984540054, births / active
    # the bounds are the roots of (p - x)^2 = z^2 x (1 - x) / n
    for bound in (row["ci_low"] / 100, row["ci_high"] / 100):
        assert (p - bound) ** 2 == pytest.approx(z * z * bound * (1 - bound) / active, abs=1e-9)
    assert -1e-9 <= row["ci_low"] <= row["value"] + 1e-9 and row["value"] - 1e-9 <= row["ci_high"] <= 100


def test_survival_and_growth_start_anew_after_a_break():
    figures = Figures()
    years = [str(year) for year in range(2008, 2021)]
    old(figures, "V11920", "ITF11", dict.fromkeys(years, 1900) | {"2011": 3463})
    old(figures, "V11943", "ITF11", dict.fromkeys(years, 1000))
    old(figures, "V11910", "ITF11", dict.fromkeys(years[:6], 20_000))
    old(figures, "V11910", "ITF11", dict.fromkeys(years[6:7], 21_000), flag="b")
    old(figures, "V11910", "ITF11", dict.fromkeys(years[7:], 21_000))
    figures.add(
        "bd_hgnace_r", "ITF11", {"2021": 25_000, "2022": 26_000}, indicator="ENT_NR", nace_r2="B-S_X_O_S94"
    )
    figures.build()
    # the registered spike of births in 2011: no cohort from before it is compared with survivors after it
    assert {period for _, period in figures.values("enterprise_survival_3y")} == {
        str(y) for y in range(2015, 2021)
    }
    assert figures.row("enterprise_births", "ITF11", "2011")["break_before"]
    assert figures.row("enterprise_births", "ITF11", "2012")["break_before"]
    assert not figures.row("enterprise_births", "ITF11", "2013")["break_before"]
    growth = {period for _, period in figures.values("enterprise_net_growth")}
    assert "2014" not in growth and "2021" not in growth and {"2013", "2015", "2022"} <= growth
    assert figures.wrong("no_row_crosses_a_break") == []


def test_the_gate_finds_a_row_that_crosses_a_break():
    figures = Figures()
    old(figures, "V11920", "ITF11", {"2010": 1897, "2011": 3463})
    figures.build()
    figures.con.execute(
        "insert into indicator_inputs select 'made_up', geo, '2011', 1, "
        "input_dataset, input_indicator, input_geo, input_period, "
        "input_value, input_unit, input_flag, input_series, input_snapshot_id "
        "from indicator_inputs where indicator = 'enterprise_births'"
    )
    assert [row[0] for row in figures.wrong("no_row_crosses_a_break")] == ["made_up"]
