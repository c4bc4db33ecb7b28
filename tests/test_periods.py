"""Periods: what is read, what is refused, days, order and words. Weeks and days are checked against the calendar."""

from datetime import date, timedelta
from fractions import Fraction

import duckdb
import pytest

from sources.common import periods
from sources.common.periods import FREQUENCIES, Period
from sources.errors import InvalidPeriod

READ = {
    "2019": ("2019", "A", "2019-01-01", "2019-12-31"),
    "2019A": ("2019", "A", "2019-01-01", "2019-12-31"),
    "2019-A1": ("2019", "A", "2019-01-01", "2019-12-31"),
    " 2019 ": ("2019", "A", "2019-01-01", "2019-12-31"),
    "0001": ("0001", "A", "0001-01-01", "0001-12-31"),
    "9999": ("9999", "A", "9999-01-01", "9999-12-31"),
    "2019-S1": ("2019-S1", "S", "2019-01-01", "2019-06-30"),
    "2019S2": ("2019-S2", "S", "2019-07-01", "2019-12-31"),
    "2019-Q1": ("2019-Q1", "Q", "2019-01-01", "2019-03-31"),
    "2019Q2": ("2019-Q2", "Q", "2019-04-01", "2019-06-30"),
    "2019-Q3": ("2019-Q3", "Q", "2019-07-01", "2019-09-30"),
    "9999-Q4": ("9999-Q4", "Q", "9999-10-01", "9999-12-31"),
    "2019M01": ("2019-01", "M", "2019-01-01", "2019-01-31"),
    "2019-02": ("2019-02", "M", "2019-02-01", "2019-02-28"),
    "2020-02": ("2020-02", "M", "2020-02-01", "2020-02-29"),
    "2000M02": ("2000-02", "M", "2000-02-01", "2000-02-29"),
    "1900-02": ("1900-02", "M", "1900-02-01", "1900-02-28"),
    "9999-12": ("9999-12", "M", "9999-12-01", "9999-12-31"),
    "2026-W10": ("2026-W10", "W", "2026-03-02", "2026-03-08"),
    "2026W01": ("2026-W01", "W", "2025-12-29", "2026-01-04"),
    "2026-W53": ("2026-W53", "W", "2026-12-28", "2027-01-03"),
    "2020-W53": ("2020-W53", "W", "2020-12-28", "2021-01-03"),
    "0001-W01": ("0001-W01", "W", "0001-01-01", "0001-01-07"),
    "2020-02-29": ("2020-02-29", "D", "2020-02-29", "2020-02-29"),
    "9999-12-31": ("9999-12-31", "D", "9999-12-31", "9999-12-31"),
}
REFUSED = (
    "",
    " ",
    "19",
    "20190",
    "0000",
    "0000-Q1",
    "0000-01",
    "0000-W01",
    "0000-01-01",
    "2019-A2",
    "2019A1",
    "2019-Q",
    "2019-Q0",
    "2019-Q5",
    "2019Q10",
    "2019-S0",
    "2019-S3",
    "2019-T1",
    "2019-00",
    "2026-13",
    "2019M13",
    "2019M1",
    "2019-1",
    "2019-W00",
    "2026-W54",
    "2023-W53",
    "2019-W1",
    "9999-W52",
    "2026-02-30",
    "2019-02-29",
    "1900-02-29",
    "2019-04-31",
    "2019-00-10",
    "2019-01-00",
    "2019-1-1",
    "20190101",
    "2019-D001",
    "2019-01-01T00:00:00",
    "2019-01-01/P1Y",
    "2019-q1",
    "2019–Q1",
    "２０１９",
    "2019_Q1",
    "TOTAL",
)
SERIES = {
    "A": ["2018", "2019", "2020"],
    "S": ["2018-S2", "2019-S1", "2019-S2", "2020-S1"],
    "Q": ["2018-Q4", "2019-Q1", "2019-Q2", "2019-Q3", "2019-Q4", "2020-Q1"],
    "M": ["2018-11", "2018-12", "2019-01", "2019-02"],
    "W": ["2020-W52", "2020-W53", "2021-W01", "2021-W02"],
    "D": ["2020-02-28", "2020-02-29", "2020-03-01"],
}


@pytest.mark.parametrize("given", READ)
def test_every_form_becomes_sdmx_text_with_its_frequency_and_days(given):
    text, freq, start, end = READ[given]
    period = Period.parse(given)
    assert (period.text, period.freq) == (text, freq)
    assert (period.start, period.end) == (date.fromisoformat(start), date.fromisoformat(end))
    assert Period.parse(period.text) == period and str(period) == text


@pytest.mark.parametrize("given", REFUSED)
def test_every_other_text_is_refused_by_name(given):
    with pytest.raises(InvalidPeriod, match="is not a period") as refused:
        Period.parse(given)
    assert repr(given.strip()) in refused.value.message


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_periods_that_touch_follow_each_other_and_no_others_do(freq):
    series = [Period.parse(text) for text in SERIES[freq]]
    for i, period in enumerate(series):
        for j, other in enumerate(series):
            assert period.follows(other) == (i == j + 1)
            assert (period < other) == (i < j)
            assert period.shift(j - i) == other
            assert period.ordinal - other.ordinal == i - j
    assert all(b.start - a.end == timedelta(days=1) for a, b in zip(series, series[1:], strict=False))


def test_periods_of_two_frequencies_never_follow_each_other():
    assert not Period.parse("2020-Q1").follows(Period.parse("2019"))
    assert not Period.parse("2020").follows(Period.parse("2019-Q4"))


def test_periods_sort_by_first_day_and_then_by_length():
    texts = ["2018-12-31", "2019-01-01", "2019-W01", "2019-01", "2019-Q1", "2019-S1", "2019", "2019-02"]
    # week 1 of 2019 begins on 31 December 2018
    assert sorted(texts, key=Period.parse) == [
        "2018-12-31",
        "2019-W01",
        "2019-01-01",
        "2019-01",
        "2019-Q1",
        "2019-S1",
        "2019",
        "2019-02",
    ]


def test_each_day_of_forty_years_belongs_to_one_period_of_each_frequency():
    last = {freq: Period.containing(date(1999, 12, 31), freq) for freq in FREQUENCIES}
    for day in (date(2000, 1, 1) + timedelta(days=n) for n in range(40 * 365)):
        for freq in FREQUENCIES:
            period = Period.containing(day, freq)
            assert period.start <= day <= period.end
            if period != last[freq]:
                assert period.follows(last[freq]) and day == period.start
                assert Period.parse(period.text) == period
                last[freq] = period


def test_a_shift_stays_within_the_years_that_dates_have():
    for text in ("9999", "9999-S2", "9999-Q4", "9999-12", "9999-12-31", "9999-W51"):
        with pytest.raises(InvalidPeriod):
            Period.parse(text).shift(1)
    for text in ("0001", "0001-S1", "0001-Q1", "0001-01", "0001-01-01", "0001-W01"):
        with pytest.raises(InvalidPeriod):
            Period.parse(text).shift(-1)


def test_the_position_on_an_axis_of_years_is_that_of_the_first_day():
    assert Period.parse("2019").position == 2019
    assert Period.parse("2019-Q3").position == Period.parse("2019-S2").position == 2019 + Fraction(1, 2)
    assert Period.parse("2019-12").position == 2019 + Fraction(11, 12)
    assert Period.parse("2020-12-31").position == 2020 + Fraction(365, 366)
    assert Period.parse("2019-W02").position == 2019 + Fraction(6, 365)
    assert Period.parse("2026-W01").position < 2026


@pytest.mark.parametrize(
    ("text", "it", "en"),
    [
        ("2019", "2019", "2019"),
        ("2019-S2", "2º sem. 2019", "H2 2019"),
        ("2019-Q1", "1º trim. 2019", "Q1 2019"),
        ("2019-05", "maggio 2019", "May 2019"),
        ("2019-W09", "9ª sett. 2019", "week 9, 2019"),
        ("2019-05-01", "1 maggio 2019", "1 May 2019"),
    ],
)
def test_a_period_has_words_in_both_languages(text, it, en):
    assert Period.parse(text).words("it").replace("\u00a0", " ") == it
    assert Period.parse(text).words("en").replace("\u00a0", " ") == en


def test_sql_says_the_same_of_a_period_as_python():
    texts = [text for text, *_ in READ.values()] + [text for series in SERIES.values() for text in series]
    every = [Period.parse(text) for text in texts]
    every += [
        Period.containing(date(2015, 1, 1) + timedelta(days=n), f) for n in range(4000) for f in "SQMWD"
    ]
    con = duckdb.connect()
    con.execute("create table t (period varchar)")
    con.executemany("insert into t values (?)", [[period.text] for period in set(every)])
    found = con.execute(
        f"select period, {periods.frequency_sql('period')}, {periods.start_sql('period')}, "
        f"{periods.ordinal_sql('period')} from t"
    ).fetchall()
    assert len(found) == len(set(every))
    for text, freq, start, ordinal in found:
        period = Period.parse(text)
        assert (period.freq, period.start, period.ordinal) == (freq, start, ordinal)
