"""Words, numbers and dates in Italian and English; every string of the site comes from `messages.yml`.

Belongs here: how a thing is written in a language. Does not belong here: what is said.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup, escape

from sources.common.config import YamlLoader
from warehouse.reference.territory import timezone

LANGUAGES = ("it", "en")
MINUS = "−"
NO_BREAK = "\u00a0"


def _read(file: str) -> dict[str, Any]:
    return yaml.load((Path(__file__).parent / file).read_text(encoding="utf-8"), Loader=YamlLoader)


@cache
def words() -> dict[str, Any]:
    """`messages.yml`: `{group: {key: {it, en}}}`."""
    return _read("messages.yml")


@cache
def translations() -> dict[str, str]:
    """`translations.yml`: English sentences of the data to Italian ones."""
    return _read("translations.yml")


@dataclass(frozen=True)
class Language:
    """One language: `say` a string, numbers, dates, periods."""

    code: str

    def say(self, key: str, **values: Any) -> str:
        """The string of `key` with `values` filled in. Raises KeyError for a string that is not there."""
        group, _, name = key.partition(".")
        text = words()[group][name][self.code]
        if any(isinstance(value, Markup) for value in values.values()):
            return escape(text).format(**values)
        return text.format(**values)

    def of(self, pair: dict[str, str]) -> str:
        """The side of a `{it, en}` pair that is in this language."""
        return pair[self.code]

    def text(self, english: str) -> Markup:
        """A sentence that the data bring along in English; marked as English where it has no translation."""
        if self.code == "en":
            return escape(english)
        italian = translations().get(english)
        return escape(italian) if italian else Markup('<span lang="en">{}</span>').format(english)

    def plain(self, english: str) -> str:
        """The same where no mark can stand: in English where there is no translation."""
        return english if self.code == "en" else translations().get(english, english)

    def digits(self, value: float, decimals: int = 0) -> str:
        """`value` with thousands and decimal marks: 22.993,5 or 22,993.5; a true minus sign."""
        text = f"{abs(value):,.{decimals}f}"
        if self.code == "it":
            text = text.translate(str.maketrans(",.", ".,"))
        return (MINUS if value < 0 and text.strip("0.,") else "") + text

    def number(self, value: float | None, unit: str = "", bare: bool = False) -> str:
        """A published value in its unit: whole counts in full, everything else in three significant digits.

        `bare` leaves the unit's sign away. A missing value is "n.d.", never 0.
        """
        if value is None:
            return self.say("mark.missing")
        text = self.digits(value, decimals(value))
        sign = "" if bare else self.sign(unit)
        return text + sign

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
        return self.digits(value, places) + self.sign(unit)

    def sign(self, unit: str) -> str:
        """What follows a number of this unit, with its own space; empty for plain numbers."""
        pair = words()["sign"].get(unit)
        return pair[self.code] if pair else ""

    def size(self, count: int) -> str:
        """A file's size in powers of ten: 512 B, 12 kB, 1,2 MB."""
        power = min((len(str(count)) - 1) // 3, 3)
        return f"{self.digits(count / 1000**power, int(power > 1))}{NO_BREAK}{('B', 'kB', 'MB', 'GB')[power]}"

    def delta(self, value: float, unit: str) -> str:
        """A difference with its sign: percentage points for percentages, percent for everything else."""
        sign = "+" if value > 0 else ""
        if unit == "PP":
            return f"{sign}{self.digits(value, decimals(value, 2))}{NO_BREAK}{self.say('mark.points')}"
        return f"{sign}{self.digits(value, 1)}{self.sign('PC')}"

    def day(self, moment: datetime | date | str | None) -> str:
        """A day in words, on Rome's clock; "not known" for None. A text is an ISO date."""
        if moment is None:
            return self.say("mark.unknown")
        if isinstance(moment, str):
            moment = date.fromisoformat(moment)
        if isinstance(moment, datetime):
            moment = moment.astimezone(timezone())
        month = words()["month"][moment.month][self.code]
        return f"{moment.day}{NO_BREAK}{month}{NO_BREAK}{moment.year}"

    def dated(self, text: str) -> str:
        """`text` with its ISO dates in words."""
        return re.sub(r"\b\d{4}-\d\d-\d\d\b", lambda found: self.day(found.group()), text)

    def iso(self, moment: datetime) -> str:
        """The day on Rome's clock as YYYY-MM-DD."""
        return moment.astimezone(timezone()).date().isoformat()

    def moment(self, moment: datetime | None) -> str:
        if moment is None:
            return self.say("mark.unknown")
        return f"{self.day(moment)}, {moment.astimezone(timezone()):%H:%M}"

    def period(self, period: str) -> str:
        """2019, 2019-Q1, 2019-01 or 2019-01-31 as a reader writes it."""
        year, _, part = period.partition("-")
        if part.startswith(("Q", "S")):
            return f"{self.say('mark.quarter' if part[0] == 'Q' else 'mark.half', number=part[1:])} {year}"
        if len(part) == 5:
            return self.day(date.fromisoformat(period))
        return f"{words()['month'][int(part)][self.code]} {year}" if part else year

    def ordinal(self, number: int) -> str:
        if self.code == "it":
            return f"{number}º"
        ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        return f"{number}{ending}"


def decimals(value: float, significant: int = 3) -> int:
    """Decimals that leave `significant` digits; none for whole numbers and for what has as many digits before the mark."""
    if value == int(value) or abs(value) >= 10 ** (significant - 1):
        return 0
    return min(3, significant - 1 - math.floor(math.log10(abs(value))))
