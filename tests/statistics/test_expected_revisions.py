"""How far first figures moved, by year of their life: said only when enough periods were seen. All figures are made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from warehouse.publishing.citation import expected_texts
from warehouse.publishing.figures import Expected, still_expected
from warehouse.statistics.quality import PERIODS, _expected_sql


def table(
    editions: list[dict[str, dict[int, float | None]]], kinds: dict[int, str] | None = None
) -> list[tuple]:
    """`expected_revisions` after `editions`, each with the values by territory and year that are new or changed in it."""
    with duckdb.connect() as con:
        con.execute(
            "create table vintages (vintage integer, dataset varchar, known_from timestamptz, kind varchar)"
        )
        con.execute(
            "create table history (series integer, period varchar, value double, deleted boolean, vintage integer)"
        )
        places = sorted({geo for edition in editions for geo in edition})
        for number, edition in enumerate(editions, 1):
            kind = (kinds or {}).get(number, "update")
            at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=365 * number)
            con.execute("insert into vintages values (?, 'toy', ?, ?)", [number, at, kind])
            for geo, values in edition.items():
                for year, value in values.items():
                    con.execute(
                        "insert into history values (?, ?, ?, false, ?)",
                        [places.index(geo), str(year), value, number],
                    )
        return con.execute(_expected_sql("main")).fetchall()


def years(count: int) -> list[dict[str, dict[int, float | None]]]:
    """Editions in which each new year has 100 and 200, the next edition makes them 102 and 204, the one after 103 and 206."""
    found = []
    for n in range(count):
        year = 2000 + n
        edition: dict[str, dict[int, float | None]] = {"A": {year: 100.0}, "B": {year: 200.0}}
        if n >= 1:
            edition["A"][year - 1], edition["B"][year - 1] = 102.0, 204.0
        if n >= 2:
            edition["A"][year - 2], edition["B"][year - 2] = 103.0, 206.0
        found.append(edition)
    return found


def test_the_moves_of_each_year_of_life_are_in_percent_of_the_first_value():
    rows = {row[1]: row for row in table(years(8))}
    dataset, life, periods, figures, share, median, usual, high = rows[2]
    # the years 2000 to 2005 have their second year behind them
    assert (dataset, life, periods, figures, share) == ("toy", 2, 6, 12, 1.0)
    assert (median, usual, high) == pytest.approx((2.0, 2.0, 2.0))
    assert rows[1][4:] == pytest.approx((0.0, 0.0, 0.0, 0.0)) and rows[3][6] == pytest.approx(1.0)


def test_nothing_is_concluded_from_few_periods():
    rows = {row[1]: row for row in table(years(PERIODS + 1))}
    assert rows[1][2] == PERIODS and rows[1][6] is not None
    assert rows[2][2] == PERIODS - 1 and rows[2][5:] == (None, None, None)


def test_figures_that_were_old_when_they_came_and_bundled_ones_teach_nothing():
    # the first edition brings twenty years at once: only the newest of them is in its first year
    first = {"A": {year: 100.0 for year in range(1980, 2000)}, "B": {1999: 200.0}}
    rows = {row[1]: row for row in table([first, *years(7)])}
    assert rows[2][2] == 6
    # live figures replace bundled ones: what they change is no revision
    bundled = {"A": {2000: 50.0}, "B": {2000: 50.0}}
    assert table([bundled, *years(8)], {2: "baseline"}) == table(years(8))


def test_a_table_whose_figures_are_never_revised_moves_by_nothing():
    steady = [{"A": {2000 + n: 100.0}} for n in range(8)]
    assert {row[6] for row in table(steady)} == {0.0, None}


def test_a_provisional_figure_is_told_what_it_has_still_to_expect():
    seen = [(2024, Expected(1, 7, 0.0, 1.0)), (2024, Expected(2, 6, 2.04, 5.5))]
    assert [one.year_of_life for one in still_expected(seen, "2024")] == [1, 2]
    (left,) = still_expected(seen, "2023-Q1")
    assert still_expected(seen, "2022") == ()
    assert expected_texts([left], "en") == [
        "Figures of this table usually move by 2.0% in their 2nd year (6 periods seen; nine in ten by less than 5.5%)."
    ]
    assert expected_texts([left], "it") == [
        "I dati di questa tavola cambiano di solito del 2,0% nel loro 2º anno (6 periodi osservati; nove su dieci di meno "
        "del 5,5%)."
    ]
