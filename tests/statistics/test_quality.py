"""The tables of the quality report: on the real figures where they are known, else on made-up revisions."""

from __future__ import annotations

import duckdb
import pytest

from tests.statistics.figures import Figures, old
from tests.statistics.real import business_demography
from tests.statistics.test_comparison import COUNT, count
from warehouse.statistics import quality, series_changes


def _build(
    figures: Figures, revisions: list[tuple[str, str, str, str, float, float]] | None = None
) -> duckdb.DuckDBPyConnection:
    """The tables of the quality report from `figures` and revisions (dataset, code, geo, period, old value, value)."""
    con = figures.con
    con.execute(
        "create table observations as select s.*, h.* exclude (series) from history h join series s using (series)"
    )
    con.execute("create table enterprise_births as from observations")
    con.execute(
        "create or replace table catalogue as select distinct dataset, 'live' as status, 'allowed' as redistribution "
        "from observations"
    )
    con.execute("""
        create table revisions (dataset varchar, indicator varchar, geo varchar, period varchar, unit varchar, kind varchar,
            old_value double, value double, delta double, delta_pct double, old_flag varchar, flag varchar,
            known_from timestamptz, old_snapshot_id varchar, snapshot_id varchar)""")
    for dataset, code, geo, period, before, value in revisions or []:
        con.execute(
            "insert into revisions values (?, ?, ?, ?, 'NR', 'changed', ?, ?, null, ?, 'p', '', now(), 'a', 'b')",
            [dataset, code, geo, period, before, value, (value / before - 1) * 100],
        )
    quality.build(con, "IT", "distretto")
    return con


def test_the_deaths_of_the_last_year_stand_out_in_the_median_of_regions_and_provinces():
    con = _build(business_demography("IT"))
    rows = dict(
        con.execute(
            "select (geo_level, period), (territories, revisions_due > 0, round(median_change_pct)) from provisional_bias "
            "where indicator = 'enterprise_deaths' and geo_level in ('nuts2', 'nuts3') and period in ('2018', '2019')"
        ).fetchall()
    )
    assert rows[("nuts2", "2019")] == (21, True, 34)
    assert rows[("nuts3", "2019")][0] == 107 and 31 <= rows[("nuts3", "2019")][2] <= 34
    assert rows[("nuts2", "2018")] == (21, True, -11)


def test_a_hundred_and_sixty_real_rates_differ_from_their_own_counts_and_none_of_them_in_italy():
    # of the whole table these five countries are all that have any
    con = _build(business_demography("FI", "HU", "LT", "NL", "PL"))
    assert con.execute("select count(*) from quality_disagreements").fetchone() == (160,)
    assert con.execute(
        "select geo, round(max(abs(difference)), 2) from quality_disagreements "
        "where indicator = 'enterprise_churn' group by geo order by 2 desc limit 1"
    ).fetchone() == ("LT029", 3.31)
    assert business_demography("IT").con.execute("select count(*) from quality_disagreements").fetchone() == (
        0,
    )


def test_a_published_rate_that_its_own_counts_contradict_is_listed():
    figures = Figures()
    for geo, rate in (("FI1D8", 8.46), ("ITG1", 8.0)):
        old(figures, "V11910", geo, {"2014": 10_000})
        old(figures, "V11920", geo, {"2014": 800})
        old(figures, "V97020", geo, {"2014": rate})
    con = _build(figures.build())
    assert con.execute(
        "select geo, period, recomputed, published, round(difference, 2) from quality_disagreements"
    ).fetchall() == [("FI1D8", "2014", 8.0, 8.46, 0.46)]


@pytest.mark.parametrize(
    ("revised", "neutral", "kind"),
    [
        ([1.0, -1.0, 1.0, -1.0, 0.5, -0.5], True, "down"),
        ([-20.0, -22.0, -19.0, -25.0, -21.0, -20.0], False, "unequal_maturity"),
        ([1.0, -1.0], None, "unequal_maturity"),
    ],
)
def test_only_a_neutral_mean_revision_makes_figures_of_unequal_maturity_comparable(revised, neutral, kind):
    figures = Figures()
    old(figures, "V11930", "ITG1", {str(2012 + i): 1000 for i in range(7)} | {"2019": 800})
    figures.build()
    con = _build(
        figures,
        [
            ("bd_size_r3", "V11930", "ITG1", str(2010 + i), 1000, 1000 * (1 + percent / 100))
            for i, percent in enumerate(revised)
        ],
    )
    assert con.execute("select periods, neutral from revision_bias").fetchall() == [(len(revised), neutral)]
    assert con.execute("select max(revision), sum(figures) from revision_triangle").fetchone() == (
        1,
        len(revised),
    )
    known = series_changes.read(con, "distretto")
    series = [count(p, n, dataset="bd_size_r3") for p, n in (("2018", 1000.0), ("2019", 800.0))]
    assert known.change("enterprise_deaths", "ITG1", series).kind == kind
    assert COUNT.test == "counts"


def test_reliability_and_coverage_are_counted():
    figures = Figures()
    old(figures, "V11920", "ITG1", {"2019": 3, "2020": 1000})
    con = _build(figures.build())
    assert con.execute(
        "select reliability, figures, share from reliability_shares where indicator = 'enterprise_births' order by 1"
    ).fetchall() == [("A", 1, 0.5), ("C", 1, 0.5)]
    assert con.execute(
        "select figures, territories, first_period, last_period from dataset_coverage where dataset = 'bd_size_r3'"
    ).fetchall() == [(2, 1, "2019", "2020")]


def test_months_and_quarters_of_an_indicator_do_not_stop_what_is_said_of_years():
    made = Figures()
    old(made, "V11930", "ITG17", {str(year): 1000.0 + year for year in range(2010, 2020)})
    months = {f"2025-{month:02}": 100.0 for month in range(1, 13)}
    made.add("camcom_registrations", "ITG17", months, freq="M", ateco2025="TOTAL", indic_reg="IN_NR")
    con = _build(made.build())
    assert con.execute("select count(*) from indicators where period like '2025-%'").fetchone() == (5,)
    assert con.execute("select max(length(period)) from provisional_bias").fetchone() == (4,)
