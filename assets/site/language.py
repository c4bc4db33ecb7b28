"""Words, numbers and dates in Italian and English; every string of the site comes from `messages.yml`.

Belongs here: how a thing is written in a language. Does not belong here: what is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from assets.site.translations import english, italian
from sources.common.config import Names, load
from sources.common.numbers import (
    MINUS,
    NO_BREAK,
    decimals,
    format_change,
    format_decimals,
    format_number,
    ordinal,
)
from sources.common.periods import Language as Code
from sources.common.periods import Period, day_words
from sources.common.units import unit_or_unknown
from warehouse.reference.territory import timezone
from warehouse.targets.schema import STATUS_WORDS

LANGUAGES: tuple[Code, ...] = ("it", "en")


@cache
def words() -> dict[str, dict[str, Names]]:
    """`messages.yml`, and the words for a target's status, by group and key. Raises SpecError."""
    said = load(Path(__file__).parent / "messages.yml", dict[str, dict[str, Names]])
    return said | {
        "status": {key: Names(it=text["it_one"], en=text["en"]) for key, text in STATUS_WORDS.items()}
    }


@dataclass(frozen=True)
class Language:
    """One language: `say` a string, numbers, dates, periods."""

    code: Code

    def say(self, key: str, **values: Any) -> str:
        """The string of `key` with `values` filled in. Raises KeyError for a string that is not there."""
        group, _, name = key.partition(".")
        text = self.of(words()[group][name])
        if any(isinstance(value, Markup) for value in values.values()):
            return escape(text).format(**values)
        return text.format(**values)

    def of(self, pair: Names | dict[str, str]) -> str:
        """The side of a `{it, en}` pair that is in this language."""
        return pair[self.code] if isinstance(pair, dict) else getattr(pair, self.code)

    def text(self, sentence: str) -> Markup:
        """A sentence that the data bring along in English; marked as English where it has no translation."""
        if self.code == "en":
            return escape(english().get(sentence, sentence))
        if sentence in english():
            return escape(sentence)
        translated = italian().get(sentence)
        return escape(translated) if translated else Markup('<span lang="en">{}</span>').format(sentence)

    def plain(self, english: str) -> str:
        """The same where no mark can stand: in English where there is no translation."""
        return english if self.code == "en" else italian().get(english, english)

    def digits(self, value: float, decimals: int = 0) -> str:
        """`value` with thousands and decimal marks: 22.993,5 or 22,993.5; a true minus sign."""
        return format_decimals(value, decimals, self.code)

    def number(self, value: float | None, unit: str = "", bare: bool = False) -> str:
        """A published value in its unit (`sources/common/numbers.py`); "n/a" for a missing value, never 0.

        `bare` leaves out the unit's sign.
        """
        if value is None:
            return self.say("mark.missing")
        return _number(value, unit, self.code, not bare and bool(unit))

    def goal(self, value: float | None, unit: str = "") -> str:
        """A value that a person fixed: with the decimals it was given and no more."""
        if value is None:
            return self.say("mark.missing")
        places = decimals(value)
        while places and round(value, places - 1) == value:
            places -= 1
        return self.digits(value, places) + self.sign(unit)

    def tick(self, value: float, ticks: list[float], unit: str = "") -> str:
        """A mark of an axis, with as many decimals as the axis needs."""
        places = next(n for n in range(9) if all(round(t, n) == t for t in ticks))
        return self.digits(value, places) + self.tick_sign(unit)

    def tick_sign(self, unit: str) -> str:
        """What follows the marks of an axis: the unit's sign, but not its words, which the caption has."""
        sign = self.sign(unit)
        return sign if len(sign.strip()) == 1 else ""

    def sign(self, unit: str) -> str:
        """What follows a number of this unit, with its own space; empty for plain numbers."""
        return str(getattr(unit_or_unknown(unit).sign, self.code)) if unit else ""

    def size(self, count: int) -> str:
        """A file's size in powers of ten: 512 B, 12 kB, 1,2 MB."""
        power = min((len(str(count)) - 1) // 3, 3)
        return f"{self.digits(count / 1000**power, int(power > 1))}{NO_BREAK}{('B', 'kB', 'MB', 'GB')[power]}"

    def delta(self, value: float, unit: str) -> str:
        """A difference with its sign, in percentage points (PP) or percent (PC)."""
        return ("+" if value > 0 else MINUS if value < 0 else "") + format_change(abs(value), unit, self.code)

    def day(self, moment: datetime | date | str | None) -> str:
        """A day in words, on the territory's clock; "not known" for None. A text is an ISO date."""
        if moment is None:
            return self.say("mark.unknown")
        if isinstance(moment, str):
            moment = date.fromisoformat(moment)
        if isinstance(moment, datetime):
            moment = moment.astimezone(timezone())
        return day_words(moment, self.code)

    def dated(self, text: str) -> str:
        """`text` with its ISO dates in words."""
        return re.sub(r"\b\d{4}-\d\d-\d\d\b", lambda found: self.day(found.group()), text)

    def iso(self, moment: datetime) -> str:
        """The day on the territory's clock as YYYY-MM-DD."""
        return moment.astimezone(timezone()).date().isoformat()

    def moment(self, moment: datetime | None) -> str:
        if moment is None:
            return self.say("mark.unknown")
        return f"{self.day(moment)}, {moment.astimezone(timezone()):%H:%M}"

    def period(self, period: str) -> str:
        """A reference period as a reader writes it: 2019, Q1 2019, January 2019."""
        return Period.parse(period).words(self.code)

    def ordinal(self, number: int) -> str:
        """1º, 4th."""
        return ordinal(number, self.code)


@cache
def _number(value: float, unit: str, code: Code, sign: bool) -> str:
    """A page repeats most of its numbers in charts, tables and titles."""
    return format_number(value, unit_or_unknown(unit), code, sign=sign)
