"""Patents on made-up figures: proven zeros, pooled years, technology."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statistics.figures import Figures, quick
from tests.target_examples import figure
from warehouse.statistics import series_changes


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


def test_a_rate_published_without_counts_is_as_reliable_as_its_count():
    figures = Figures()
    # Ragusa 2010 in the real table: 3.12 applications, 7.80 per million
    figures.add("pat_ep_rtot", "ITG19", {"2009": 40.0, "2010": 3.12}, unit="NR", indicator="x")
    figures.add("pat_ep_rtot", "ITG19", {"2009": 100.0, "2010": 7.8}, unit="P_MHAB", indicator="x")
    # ISTAT publishes the rate alone: its count is rate x population
    figures.add("istat_bes_territ_11", "ITG19", {"2019": 10.0, "2020": 100.0}, indicator="11RIC002", sex="T")
    figures.add("istat_bes_territ_11", "ITG18", {"2020": 100.0}, indicator="11RIC002", sex="T")
    figures.add("demo_r_pjanaggr3", "ITG19", {"2019": 4e5, "2020": 4e5}, sex="T", age="TOTAL", indicator="x")
    figures.build()
    count = figures.row("epo_applications", "ITG19", "2010")
    rate = figures.row("epo_applications_per_million", "ITG19", "2010")
    assert count["reliability"] == rate["reliability"] == "C"
    assert rate["numerator"] == 3.12 and rate["ci_method"] == "gamma"
    assert rate["ci_low"] / rate["value"] == pytest.approx(count["ci_low"] / count["value"])
    assert rate["ci_high"] / rate["value"] == pytest.approx(count["ci_high"] / count["value"])
    assert figures.row("epo_applications_per_million", "ITG19", "2009")["reliability"] == "A"
    derived = figures.row("patent_propensity", "ITG19", "2019")
    assert (derived["numerator"], derived["reliability"]) == (4.0, "C")
    # without a population nothing is known of its count
    assert figures.row("patent_propensity", "ITG18", "2020")["ci_low"] is None


def test_the_last_two_years_of_istat_s_patents_are_incomplete_and_have_no_direction():
    figures = Figures()
    # Italy in the edition of 2025
    real = {"2018": 72.4, "2019": 80.0, "2020": 88.0, "2021": 90.1, "2022": 74.4}
    figures.add("istat_bes_territ_11", "IT", real, indicator="11RIC002", sex="T")
    figures.build()
    truncated = {year: figures.row("patent_propensity", "IT", year)["truncated"] for year in real}
    assert [year for year, incomplete in truncated.items() if incomplete] == ["2021", "2022"]
    known = series_changes.read(figures.con, "distretto")
    series = [
        replace(figure(year, value), dataset="istat_bes_territ_11", truncated=truncated[year])
        for year, value in real.items()
    ]
    assert known.change("patent_propensity", "IT", series).kind == "unequal_maturity"
    assert known.change("patent_propensity", "IT", series[:4]).kind == "unequal_maturity"
    # the newest complete year is compared, without certainty where no population gives its count
    assert known.change("patent_propensity", "IT", series[:3]).kind == "up"
