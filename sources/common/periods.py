"""Reference periods in SDMX form: parsing, first and last day, order, and their words in Italian and English.

Belongs here: everything that depends on how a period is written. No other module looks inside a period's text.
Does not belong here: which frequencies a dataset may have (its catalogue entry says so), and how often a provider
publishes.

Frequencies are SDMX's codes: A year, S half-year, Q quarter, M month, W week (ISO 8601), D day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cache, total_ordering
from typing import Literal, get_args

from babel import Locale

from sources.errors import InvalidPeriod

Frequency = Literal["A", "S", "Q", "M", "W", "D"]
Language = Literal["it", "en"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)

NO_BREAK = "\u00a0"
_PARTS_OF_A_YEAR: dict[Frequency, int] = {"A": 1, "S": 2, "Q": 4, "M": 12}
_YEAR = r"(?P<year>[0-9]{4})"
# what providers write: SDMX 2.1 (2019-A1, 2019-Q1), Eurostat's JSON-stat and TSV (2019M01, 2019Q1), ISO 8601
_FORMS: tuple[tuple[Frequency, re.Pattern[str]], ...] = (
    ("A", re.compile(rf"{_YEAR}(?:A|-A1)?")),
    ("S", re.compile(rf"{_YEAR}-?S(?P<part>[12])")),
    ("Q", re.compile(rf"{_YEAR}-?Q(?P<part>[1-4])")),
    ("M", re.compile(rf"{_YEAR}[M-](?P<part>[0-9]{{2}})")),
    ("W", re.compile(rf"{_YEAR}-?W(?P<part>[0-9]{{2}})")),
    ("D", re.compile(rf"{_YEAR}-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})")),
)
_WORDS = {
    "S": {"it": "{part}º sem. {year}", "en": "H{part} {year}"},
    "Q": {"it": "{part}º trim. {year}", "en": "Q{part} {year}"},
    "W": {"it": "{part}ª sett. {year}", "en": "week {part}, {year}"},
}


@total_ordering
@dataclass(frozen=True)
class Period:
    """One reference period: `text` in SDMX form (2019, 2019-S1, 2019-Q1, 2019-01, 2019-W01, 2019-01-31), `freq`.

    Made by `parse`, `containing` or `shift`, never from parts. Periods sort by their first day, then by their last.
    """

    text: str
    freq: Frequency

    @staticmethod
    def parse(text: str) -> Period:
        """The period that a provider or a person wrote as `text`: `2013M01` is the period `2013-01`.

        Raises InvalidPeriod for any other form and for what the calendar does not have: year 0, month 13, 30 February,
        week 53 of a year with 52 weeks.
        """
        return _parse(text)

    @staticmethod
    def containing(day: date, freq: Frequency) -> Period:
        """The period of frequency `freq` to which `day` belongs."""
        if freq == "W":
            year, week, _ = day.isocalendar()
            return Period(f"{year:04}-W{week:02}", freq)
        if freq == "D":
            return Period(day.isoformat(), freq)
        return _part(day.year, (day.month - 1) * _PARTS_OF_A_YEAR[freq] // 12, freq)

    @property
    def year(self) -> int:
        """The year in the period's text: of a week the ISO year."""
        return int(self.text[:4])

    @property
    def part(self) -> int:
        """The number within the year, from 1: of a half-year, quarter, month or week; of a day that of its month."""
        return (
            1 if self.freq == "A" else int(self.text[8:] if self.freq == "D" else self.text[5:].lstrip("SQW"))
        )

    @property
    def start(self) -> date:
        """The first day."""
        if self.freq == "W":
            return date.fromisocalendar(self.year, self.part, 1)
        if self.freq == "D":
            return date.fromisoformat(self.text)
        return date(self.year, 1 + (self.part - 1) * 12 // _PARTS_OF_A_YEAR[self.freq], 1)

    @property
    def end(self) -> date:
        """The last day, which belongs to the period."""
        if self.freq == "W":
            return date.fromisocalendar(self.year, self.part, 7)
        if self.freq == "D":
            return self.start
        last_month = self.part * 12 // _PARTS_OF_A_YEAR[self.freq]
        if last_month == 12:
            return date(self.year, 12, 31)
        return date(self.year, last_month + 1, 1) - timedelta(days=1)

    @property
    def ordinal(self) -> int:
        """The place among the periods of this frequency: consecutive periods differ by one."""
        if self.freq == "W":
            return (self.start.toordinal() - 1) // 7
        if self.freq == "D":
            return self.start.toordinal()
        return self.year * _PARTS_OF_A_YEAR[self.freq] + self.part - 1

    @property
    def position(self) -> Fraction:
        """The first day as a point on an axis of years: 2019-Q3 is 2019 1/2, and 2019-W02 is 2019 6/365."""
        if self.freq in _PARTS_OF_A_YEAR:
            return self.year + Fraction(self.part - 1, _PARTS_OF_A_YEAR[self.freq])
        first = date(self.start.year, 1, 1)
        days = (date(self.start.year, 12, 31) - first).days + 1
        return first.year + Fraction((self.start - first).days, days)

    def follows(self, other: Period) -> bool:
        """True if this is the period right after `other`, of the same frequency."""
        return self.freq == other.freq and self.ordinal == other.ordinal + 1

    def shift(self, number: int) -> Period:
        """The period `number` places later, or earlier if negative. Raises InvalidPeriod beyond the years 1 to 9999."""
        at = self.ordinal + number
        try:
            if self.freq == "W":
                return _parse(Period.containing(date.fromordinal(at * 7 + 1), "W").text)
            if self.freq == "D":
                return Period(date.fromordinal(at).isoformat(), "D")
        except (ValueError, OverflowError):
            raise InvalidPeriod(f"{self.text} has no period {number} places away.") from None
        period = _part(*divmod(at, _PARTS_OF_A_YEAR[self.freq]), self.freq)
        if not 1 <= at // _PARTS_OF_A_YEAR[self.freq] <= 9999:
            raise InvalidPeriod(f"{self.text} has no period {number} places away.")
        return period

    @property
    def year_earlier(self) -> Period:
        """The same month, quarter, half-year or year of the year before. Raises InvalidPeriod for a week and a day."""
        if self.freq not in _PARTS_OF_A_YEAR:
            raise InvalidPeriod(f"{self.text}: not every year has the same weeks and days.")
        return self.shift(-_PARTS_OF_A_YEAR[self.freq])

    def words(self, language: Language) -> str:
        """As a reader of `language` writes it: 2019; 1º trim. 2019; gennaio 2019; 31 gennaio 2019."""
        if self.freq == "A":
            return self.text
        if self.freq == "D":
            return day_words(self.start, language)
        if self.freq == "M":
            return f"{_month(self.part, language)} {self.text[:4]}"
        return _WORDS[self.freq][language].format(part=self.part, year=self.text[:4])

    def __lt__(self, other: Period) -> bool:
        return (self.start, self.end) < (other.start, other.end)

    def __str__(self) -> str:
        return self.text


def day_words(day: date, language: Language) -> str:
    """`day` as a reader of `language` writes it, in one line: 31 gennaio 2019, 31 January 2019."""
    return f"{day.day}{NO_BREAK}{_month(day.month, language)}{NO_BREAK}{day.year:04}"


def frequency_sql(period: str) -> str:
    """SQL for the frequency of the SDMX text that the SQL expression `period` yields; the text must be valid."""
    return (
        f"case when length({period}) = 4 then 'A' when substr({period}, 6, 1) in ('S', 'Q', 'W') "
        f"then substr({period}, 6, 1) when length({period}) = 7 then 'M' else 'D' end"
    )


def start_sql(period: str) -> str:
    """SQL for the first day of the SDMX text that the SQL expression `period` yields; the text must be valid."""
    return f"""(case {frequency_sql(period)}
        when 'A' then make_date({period}[:4]::int, 1, 1)
        when 'S' then make_date({period}[:4]::int, 6 * {period}[7:]::int - 5, 1)
        when 'Q' then make_date({period}[:4]::int, 3 * {period}[7:]::int - 2, 1)
        when 'M' then make_date({period}[:4]::int, {period}[6:]::int, 1)
        when 'W' then strptime({period} || '-1', '%G-W%V-%u')::date
        else {period}::date end)"""


def ordinal_sql(period: str) -> str:
    """SQL for `Period.ordinal` of the SDMX text that the SQL expression `period` yields; the text must be valid."""
    return f"""(case {frequency_sql(period)}
        when 'A' then {period}[:4]::int
        when 'S' then 2 * {period}[:4]::int + {period}[7:]::int - 1
        when 'Q' then 4 * {period}[:4]::int + {period}[7:]::int - 1
        when 'M' then 12 * {period}[:4]::int + {period}[6:]::int - 1
        when 'W' then ({start_sql(period)} - date '0001-01-01') // 7
        else {period}::date - date '0001-01-01' + 1 end)"""


@cache
def _parse(text: str) -> Period:
    given = text.strip()
    match = next(((freq, found) for freq, form in _FORMS if (found := form.fullmatch(given))), None)
    if match is None:
        raise InvalidPeriod(f"{given!r} is not a period.")
    freq, found = match
    year, parts = int(found["year"]), found.groupdict()
    try:
        if freq == "D":
            return Period(date(year, int(parts["month"]), int(parts["day"])).isoformat(), freq)
        number = int(parts.get("part") or 1)
        if freq == "W":
            # the last week of 9999 ends in a year that dates do not reach
            date.fromisocalendar(year, number, 7)
            return Period(f"{year:04}-W{number:02}", freq)
        if year == 0 or not 1 <= number <= _PARTS_OF_A_YEAR[freq]:
            raise ValueError
    except (ValueError, OverflowError):
        raise InvalidPeriod(f"{given!r} is not a period: the calendar does not have it.") from None
    return _part(year, number - 1, freq)


def _part(year: int, before: int, freq: Frequency) -> Period:
    """The part of `year` that has `before` parts before it."""
    if freq == "A":
        return Period(f"{year:04}", freq)
    return Period(f"{year:04}-{before + 1:02}" if freq == "M" else f"{year:04}-{freq}{before + 1}", freq)


@cache
def _month(number: int, language: Language) -> str:
    return str(Locale(language).months["format"]["wide"][number])
