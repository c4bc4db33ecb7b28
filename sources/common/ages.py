"""How old something is, in words: "almost 6 years", "quasi 6 anni".

Belongs here: the words for an age, for pages, the board sheet and the command line. Does not belong here: when a source
counts as late (its catalogue entry).
"""

from __future__ import annotations

import math
from datetime import date

from sources.common.periods import Language, Period

DAYS_OF_A_YEAR = 365.25
_UNITS = {
    "day": {"en": ("day", "days"), "it": ("giorno", "giorni")},
    "week": {"en": ("week", "weeks"), "it": ("settimana", "settimane")},
    "month": {"en": ("month", "months"), "it": ("mese", "mesi")},
    "year": {"en": ("year", "years"), "it": ("anno", "anni")},
}
_LESS_THAN_A_DAY = {"en": "less than a day", "it": "meno di un giorno"}
_ALMOST = {"en": "almost", "it": "quasi"}
_MORE_THAN = {"en": "more than", "it": "più di"}
_AGO = {"en": "{} ago", "it": "{} fa"}
_RUNNING = {"en": "period still running", "it": "periodo in corso"}


def age(days: int, language: Language) -> str:
    """`days`, from 0, in the largest unit that fits: days to two weeks, weeks to two months, months to two years, years.

    Years are rounded to what is true: 2,157 days are "almost 6 years", 1,900 "more than 5 years", 1,830 "5 years".
    """
    if days <= 0:
        return _LESS_THAN_A_DAY[language]
    if days < 14:
        return _count(days, "day", language)
    if days < 61:
        return _count(days // 7, "week", language)
    years = days / DAYS_OF_A_YEAR
    if years < 1.9:
        return _count(math.floor(years * 12), "month", language)
    whole, part = divmod(years, 1)
    if part >= 0.8:
        return f"{_ALMOST[language]} {_count(int(whole) + 1, 'year', language)}"
    words = _count(int(whole), "year", language)
    return words if part < 0.05 else f"{_MORE_THAN[language]} {words}"


def ago(days: int, language: Language) -> str:
    """How long ago something was: "almost 6 years ago"; `days` from 0."""
    return _AGO[language].format(age(days, language))


def since_end(period: str, today: date, language: Language) -> str:
    """How long ago the reference period `period` ended, or that it is still running on `today`."""
    days = (today - Period.parse(period).end).days
    return ago(days, language) if days >= 0 else _RUNNING[language]


def _count(number: int, unit: str, language: Language) -> str:
    one, many = _UNITS[unit][language]
    return f"{number} {one if number == 1 else many}"
