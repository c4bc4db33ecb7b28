"""The figures that an analyst finds in a release of the bundled data are those of the providers."""

from __future__ import annotations

import pytest

from tests.published.figures import ABSENT, ALL, FIGURES, figure


@pytest.mark.parametrize(
    ("table", "dataset", "indicator", "size", "geo", "period", "value", "unit", "flag"), FIGURES
)
def test_a_figure_is_what_its_provider_published(
    con, table, dataset, indicator, size, geo, period, value, unit, flag
):
    found = figure(con, table, dataset, indicator, size, geo, period, unit)
    assert found == [(value, unit, flag)]


@pytest.mark.parametrize(("dataset", "indicator", "size", "geo", "period", "unit"), ABSENT)
def test_a_bare_colon_is_no_row(con, dataset, indicator, size, geo, period, unit):
    assert figure(con, ALL, dataset, indicator, size, geo, period, unit) == []


def test_births_of_the_nine_provinces_add_up_to_sicily(con):
    by_year = con.execute("""
        select period, sum(value) filter (geo <> 'ITG1') as provinces, count(*) filter (geo <> 'ITG1') as number,
               any_value(value) filter (geo = 'ITG1') as region
        from enterprise_births
        where dataset = 'bd_size_r3' and indicator = 'V11920' and sizeclas = 'TOTAL' and regexp_full_match(geo, 'ITG1[1-9]?')
        group by period order by period""").fetchall()
    assert [period for period, *_ in by_year] == [str(year) for year in range(2008, 2021)]
    assert all(number == 9 and provinces == region for _, provinces, number, region in by_year)


def test_units_follow_from_the_indicator_or_the_unit_dimension(con):
    assert dict(
        con.execute("""
        select distinct indicator, unit from observations
        where dataset = 'bd_size_r3' and indicator in ('V97020', 'V11920', 'V16910', 'V97121')""").fetchall()
    ) == {"V97020": "PC", "V11920": "NR", "V16910": "PER", "V97121": "AVG"}
    assert con.execute("select distinct unit from patents order by unit").fetchall() == [
        ("GDP_BEUR",),
        ("NR",),
        ("P_MACT",),
        ("P_MHAB",),
    ]
    assert con.execute("select count(*) from observations where unit is null").fetchone() == (0,)


def test_headlines_of_sicily(con):
    assert (
        con.execute("""
        select indicator, period, value from indicators
        where geo = 'ITG1' and (indicator, period) in (('enterprise_births', '2020'), ('epo_applications', '2010'),
                                                       ('persons_employed_active', '2020')) order by indicator""").fetchall()
        == [
            ("enterprise_births", "2020", 22993),
            ("epo_applications", "2010", 49.75),
            ("persons_employed_active", "2020", 741458),
        ]
    )
