"""The views: one figure per territory and period, SDMX's names, and the indicators behind provider codes."""

from __future__ import annotations

import pytest

from warehouse.publishing.contract import contract

TOTALS = [(view, words.total_of) for view, words in contract().views.items() if words.total_of]


def test_adding_up_births_without_naming_a_size_class_counts_nobody_twice(con):
    births = "select sum(value) from births_total where geo = 'ITG17' and period = '2019'"
    assert con.execute(births).fetchone() == (5905,)
    doubled = "select sum(value) from enterprise_births where geo = 'ITG17' and period = '2019' and indicator = 'V11920'"
    assert con.execute(doubled).fetchone() == (2 * 5905,)


def test_births_total_has_every_total_of_the_provider(con):
    lacking = con.execute("""
        select geo, period, value from enterprise_births
        where indicator = 'V11920' and sizeclas = 'TOTAL' except select geo, period, value from births_total""")
    assert lacking.fetchall() == []


@pytest.mark.parametrize(("view", "indicator"), TOTALS)
def test_a_view_of_totals_has_one_figure_per_territory_and_period(con, view, indicator):
    twice = con.execute(f"select geo, period from {view} group by all having count(*) > 1")
    assert twice.fetchall() == []
    assert con.execute(f"select count(*) from {view}").fetchone()[0] > 300
    assert con.execute(f"select distinct indicator from {view}").fetchall() == [(indicator,)]


def test_indicator_means_an_id_of_the_indicator_catalogue_wherever_its_comment_says_so(con):
    described = con.execute("""
        select table_name from duckdb_columns()
        where column_name = 'indicator' and comment = 'Identifier of the indicator, see indicator_catalogue.'""")
    tables = [table for (table,) in described.fetchall()]
    assert {"indicators", "benchmarks", "births_total", "indicator_codes", "indicator_history"} <= set(tables)
    for table in tables:
        unknown = con.execute(
            f"select distinct indicator from {table} where indicator is not null "
            "and indicator not in (select indicator from indicator_catalogue)"
        )
        assert unknown.fetchall() == [], table


def test_one_code_list_labels_indicators_and_provider_codes(con):
    lacking = con.execute("""
        select distinct indicator from observations
        where indicator not in (select code from codelists where dimension = 'indicator')""")
    assert lacking.fetchall() == []
    codes = con.execute(
        "select code from indicator_codes where indicator = 'enterprise_birth_rate' order by 1"
    )
    assert [code for (code,) in codes.fetchall()] == ["V11910", "V11920"]


def test_sdmx_names_have_the_figures_of_observations_and_a_status_of_the_standard(con):
    assert (
        con.execute("select count(*) from observations_sdmx").fetchone()
        == con.execute("select count(*) from observations").fetchone()
    )
    figure = """select OBS_VALUE, OBS_STATUS, OBS_FLAG from observations_sdmx
        where REF_AREA = ? and MEASURED = ? and TIME_PERIOD = ? and coalesce(sizeclas, 'TOTAL') = ? and UNIT_MEASURE = ?"""
    for cell, expected in {
        ("ITG17", "V11920", "2019", "TOTAL", "NR"): (5905, "A", ""),
        ("ITG1", "V11930", "2019", "TOTAL", "NR"): (23768, "P", "p"),
        ("FR623", "V16921", "2010", "GE10", "PER"): (None, "Q", "c"),
        ("FR71", "V11930", "2009", "TOTAL", "NR"): (26340, "E", "e"),
        ("IT", "epo_applications", "1977", "TOTAL", "NR"): (22.37, None, None),
    }.items():
        assert con.execute(figure, list(cell)).fetchall() == [expected], cell
    statuses = {
        code for (code,) in con.execute("select distinct OBS_STATUS from observations_sdmx").fetchall()
    }
    assert statuses <= {None, *"ABDEFGHIJKLMNOPQUVW"}


def test_the_catalogue_says_how_old_bundled_figures_are(con):
    rows = {
        dataset: (latest, archived, age)
        for dataset, latest, archived, age in con.execute(
            "select dataset, latest_period, archived_by::varchar, age_days from catalogue where state = 'shipped'"
        ).fetchall()
    }
    assert rows["bd_size_r3"][:2] == ("2020", "2024-01-12")
    built, stamp = con.execute(
        "select built_at::date, (select provider_updated_at::date from catalogue where dataset = 'pat_ep_rtot') from release"
    ).fetchone()
    assert rows["pat_ep_rtot"][2] == (built - stamp).days, "the file's own stamp outranks the archive's day"
    assert all(age > 0 for _, _, age in rows.values())
    empty = "select count(*) from catalogue where state = 'missing' and (latest_period is not null or age_days is not null)"
    assert con.execute(empty).fetchone() == (0,)
