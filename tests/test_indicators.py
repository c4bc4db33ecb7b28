"""Indicators: each formula on made-up figures, property by property, and what blocks a release.

All figures here are made up. The queries run as they stand, on a history in memory. What real figures give is in
test_published.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import duckdb
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from sources.catalogue import load_catalogue
from sources.errors import SpecError
from tests.conftest import ROOT
from warehouse.statistics import breaks, composite, indicators, peers
from warehouse.statistics.indicators import DIMENSIONS, load_families, load_indicators

GATE = ROOT / "warehouse" / "publishing" / "checks"
KEYS = ("indicator", "geo", "period")
counts = st.integers(min_value=0, max_value=100_000)
quick = settings(max_examples=5, deadline=None)


class Figures:
    """A release's figures in memory: `add` observations, `build` the tables, ask for values."""

    def __init__(self):
        self.series: dict[tuple, int] = {}
        self.rows: list[tuple] = []
        self.con = duckdb.connect()

    def add(
        self, dataset: str, geo: str, values: dict[str, float | None], flag: str = "", **codes: str
    ) -> None:
        entry = load_catalogue().get(dataset)
        key = (dataset, geo, *sorted(codes.items()))
        number = self.series.setdefault(key, len(self.series) + 1)
        assert entry is None or set(codes) <= {*entry.dimensions, "indicator"}
        for period, value in values.items():
            self.rows.append((number, period, value, flag))

    def build(self) -> Figures:
        catalogue = load_catalogue()
        con = self.con
        con.execute("attach ':memory:' as distretto")
        con.execute("use distretto")
        names = sorted({*DIMENSIONS, *catalogue.dimensions} - {"geo", "unit"})
        columns = ", ".join(f'"{name}" varchar' for name in names)
        con.execute(
            f"create table series (series integer, dataset varchar, indicator varchar, geo varchar, unit varchar, {columns})"
        )
        con.execute(
            "create table history (series integer, period varchar, value double, flag varchar, "
            "conf varchar, deleted boolean, vintage integer)"
        )
        con.execute(
            "create table vintages (vintage integer, dataset varchar, snapshot_id varchar, known_from timestamptz)"
        )
        con.execute(
            f"create table geography as from read_csv('{ROOT}/warehouse/reference/geography.csv', "
            "header=true, all_varchar=true, comment='#')"
        )
        con.execute(
            "create table codelists (dimension varchar, code varchar, label_it varchar, label_en varchar)"
        )
        con.execute("insert into vintages values (1, 'all', 'one', timestamptz '2026-01-01 00:00:00+00')")
        for (dataset, geo, *codes), number in self.series.items():
            told = {"dataset": dataset, "geo": geo, "series": number, **dict(codes)}
            con.execute(
                f"insert into series ({', '.join(told)}) values ({', '.join('?' * len(told))})",
                list(told.values()),
            )
        if self.rows:
            con.execute(
                "insert into history select unnest($1), unnest($2), unnest($3), unnest($4), null, false, 1",
                [list(column) for column in zip(*self.rows, strict=True)],
            )
        indicators.build(con, Wide(catalogue, names), {"one": datetime(2026, 1, 1, tzinfo=UTC)}, "distretto")
        return self

    def values(self, indicator: str) -> dict[tuple[str, str], float]:
        rows = self.con.execute(
            "select geo, period, value from indicators where indicator = ?", [indicator]
        ).fetchall()
        return {(geo, period): value for geo, period, value in rows}

    def row(self, indicator: str, geo: str, period: str) -> dict:
        found = self.con.execute(
            "select * from indicators where (indicator, geo, period) = (?, ?, ?)", [indicator, geo, period]
        )
        names = [column[0] for column in found.description]
        (row,) = found.fetchall()
        return dict(zip(names, row, strict=True))

    def inputs(self, indicator: str) -> list[tuple[float]]:
        return self.con.execute(
            "select input_value from indicator_inputs where indicator = ?", [indicator]
        ).fetchall()

    def wrong(self, check: str) -> list[tuple]:
        return self.con.execute((GATE / f"{check}.sql").read_text()).fetchall()


class Wide(dict):
    """A catalogue that also has the dimensions of tables that are not in ours yet."""

    def __init__(self, catalogue, names):
        super().__init__(catalogue)
        self.dimensions = ["freq", "geo", *(name for name in names if name != "freq"), "unit"]


def old(figures: Figures, code: str, geo: str, values: dict[str, float | None], flag: str = "") -> None:
    figures.add("bd_size_r3", geo, values, flag, indicator=code, sizeclas="TOTAL", nace_r2="B-S_X_K642")


# -- definitions


def test_every_indicator_says_everything_in_both_languages():
    found = load_indicators()
    assert len({indicator.id for indicator in found}) == len(found) >= 35
    for indicator in found:
        header = indicator.header
        assert header["title_it"] != header["title_en"] and header["definition_it"] != header["definition_en"]
        assert header["theme"] in ("enterprise_births", "patents", "employment", "context")
        assert header.get("pooled") in (None, *(other.id for other in found))
        # an interval is of a register count: surveys and accounts have no number of cases
        if header["interval"] != "none":
            assert header["theme"] in ("enterprise_births", "patents"), indicator.id


def test_the_families_cover_the_themes_and_every_relevance():
    assert {family.id for family in load_families()} >= {
        "business_demography",
        "patents",
        "labour",
        "jobs",
        "research",
    }
    assert {i.header["relevance"] for i in load_indicators()} == {"whole_economy", "sector", "district_core"}
    assert {i.header["proxy_for"] for i in load_indicators() if "proxy_for" in i.header} == {
        "sustainability",
        "aggregation",
        "dexterity",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- id: a\n-- colour: red\nselect 1\n", "colour: unknown key"),
        ("-- id: a\n-- title_it: A\nselect 1\n", "the header lacks title_en"),
    ],
)
def test_a_header_that_does_not_fit_is_refused_with_its_line(tmp_path, text, told):
    (tmp_path / "family.sql").write_text(text)
    with pytest.raises(SpecError, match=told):
        indicators._family(tmp_path / "family.sql")


def test_an_empty_history_gives_no_row_and_no_error():
    empty = Figures().build()
    assert empty.con.execute("select count(*) from indicators").fetchone() == (0,)
    assert empty.con.execute("select count(*) from indicator_catalogue").fetchone() == (
        len(load_indicators()),
    )


# -- business demography


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


# -- patents


def test_a_zero_that_the_region_proves_is_derived_and_one_that_it_does_not_prove_is_none():
    figures = Figures()
    for geo, values in {
        "ITG1": {"2008": 10.0, "2009": 10.0},
        "ITG11": {"2008": 4.0, "2009": 4.0},
        "ITG12": {"2008": 6.0, "2009": 1.0},
        "ITG13": {"2007": 1.0},
    }.items():
        figures.add("pat_ep_rtot", geo, values, unit="NR", indicator="epo_applications")
    figures.build()
    row = figures.row("epo_applications", "ITG13", "2008")
    assert (row["value"], row["derived"], row["reliability"], row["ci_low"]) == (0, True, "C", 0)
    assert row["ci_high"] == pytest.approx(3.6889, abs=1e-4)
    assert ("ITG13", "2009") not in figures.values("epo_applications")


@quick
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1000, 10**6)), min_size=5, max_size=9))
def test_a_pooled_rate_lies_between_its_annual_rates(yearly):
    figures = Figures()
    years = [str(2000 + i) for i in range(len(yearly))]
    patents = dict(zip(years, (n / 100 for n, _ in yearly), strict=True))
    people = dict(zip(years, (p for _, p in yearly), strict=True))
    figures.add("pat_ep_rtot", "ITG1", patents, unit="NR", indicator="epo_applications")
    figures.add("demo_r_pjanaggr3", "ITG1", people, sex="T", age="TOTAL", indicator="population")
    figures.build()
    for span in (3, 5):
        pooled = figures.values(f"epo_applications_per_million_{span}y")
        totals = figures.values(f"epo_applications_{span}y")
        assert len(pooled) == len(totals) == len(years) - span + 1
        for (_, period), value in pooled.items():
            window = [y for y in years if int(period) - span < int(y) <= int(period)]
            assert totals["ITG1", period] == pytest.approx(sum(patents[y] for y in window), abs=1e-6)
            assert value == pytest.approx(totals["ITG1", period] / sum(people[y] for y in window) * 1e6)
            annual = [patents[y] / people[y] * 1e6 for y in window]
            assert min(annual) - 1e-6 <= value <= max(annual) + 1e-6


def test_the_last_patents_are_truncated_and_technology_is_shared_and_compared():
    figures = Figures()
    for geo, micro, every in (("IT", 10.0, 100.0), ("ITG1", 4.0, 10.0)):
        years = [str(y) for y in range(2006, 2013)]
        figures.add("pat_ep_ripc", geo, dict.fromkeys(years, micro / 2), ipc="H01", unit="NR", indicator="x")
        figures.add("pat_ep_ripc", geo, dict.fromkeys(years, micro / 2), ipc="B82", unit="NR", indicator="x")
        figures.add("pat_ep_ripc", geo, dict.fromkeys(years, every), ipc="IPC", unit="NR", indicator="x")
    figures.build()
    assert figures.values("micro_nano_share_5y")["ITG1", "2010"] == pytest.approx(40)
    assert figures.values("micro_nano_advantage_5y")["ITG1", "2010"] == pytest.approx(4)
    assert figures.wrong("location_quotient_of_the_country_is_one") == []
    assert not figures.row("micro_nano_share_5y", "ITG1", "2010")["truncated"]
    assert figures.row("micro_nano_share_5y", "ITG1", "2011")["truncated"]


# -- employment

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


# -- breaks that figures suggest


def test_a_jump_that_a_country_shares_and_a_spike_are_proposed_with_their_evidence():
    figures = Figures()
    years = [str(year) for year in range(2008, 2020)]
    for place in range(1, 8):
        level = {year: (1000 if year < "2014" else 1500) + int(year) % 3 + place for year in years}
        old(figures, "V11910", f"ITF{place}", level)
    old(figures, "V11930", "ITG17", {year: 500 for year in years} | {"2012": 900})
    found = (
        figures.build()
        .con.execute(
            "select indicator, geo, period, kind, registered, evidence from break_proposals where indicator <> 'x'"
        )
        .fetchall()
    )
    assert ("enterprise_deaths", "ITG17", "2012", "spike", False, "900 in 2012, between 500 and 500") in found


def test_the_registered_breaks_are_read_and_an_odd_one_is_refused(tmp_path, monkeypatch):
    assert {(entry["dataset"], entry["kind"]) for entry in breaks.load()} >= {
        ("bd_size_r3", "level"),
        ("bd_size_r3", "spike"),
        ("bd_hgnace_r", "perimeter"),
    }
    file = tmp_path / "breaks.yml"
    file.write_text("- {dataset: a, period: '2011'}\n")
    monkeypatch.setattr(breaks, "FILE", file)
    with pytest.raises(SpecError, match="entry 1"):
        breaks.load()


# -- peers


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
    peers.build(figures.con, {"region": "ITG1", "country": "IT", "seat": "ITG17"}, "distretto")
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
    peers.build(figures.con, {"region": "ITG1", "country": "IT", "seat": "ITG17"}, "distretto")
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


def test_structural_peers_are_the_nearest_of_the_standardised_features():
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
    peers.build(figures.con, {"region": "ITG1", "country": "IT", "seat": "ITG17"}, "distretto")
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
    for group in peers.benchmarks()["groups"]:
        assert group["reason"] and set(group["members"]) <= known and all(group["members"].values())
    assert set(peers.benchmarks()["structural"]["features"]) <= {i.id for i in load_indicators()}


# -- composite

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
    composite.build(figures.con, {"region": "ITG1", "country": "IT"}, "distretto")
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
