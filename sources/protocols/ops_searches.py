"""Searches for EPO's Open Patent Services: names and classes as CQL within the service's limits, and the weeks due.

Belongs here: the wording of searches and their number, without a network. Does not belong here: sending them and what
the responses mean (`ops.py`); whom and what is searched for (`sources/applicants.yml`).

The service refuses more than 20 terms a query and more than 10 an index (CLIENT.ScopeTermsMaximumNumber), and counts a
phrase by its words. A search with more is split into pieces that each stay within the limits: groups of names times groups of
classes. Their hits overlap, as a document can have two applicants, so their numbers must not be added: the pieces are listed
and the documents counted once each.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any

from sources.applicants import FILE, applicants
from sources.catalogue import Dataset
from sources.common.periods import Period
from sources.errors import BadRequest

TOTAL = "TOTAL"
OFFICE = "EP"
FIRST_WEEK = Period.parse("2021-W01")
OVER_AFTER = timedelta(days=4)  # the week's documents reach the service within days
SETTLED_AFTER = timedelta(days=63)  # classes are assigned and names standardised for weeks after publication
MOST_TERMS = 20
MOST_TERMS_AN_INDEX = 10
NAME, CLASS = 'pa="{}"', "cpc={}"
OTHER_TERMS = 3  # `pn=EP`, and the two days of `pd within`


@dataclass(frozen=True)
class Searches:
    """The applicants' names and the technologies' classes that a dataset asks for, and the CQL they make."""

    applicants: dict[str, list[str]]
    technologies: dict[str, list[str]]

    @classmethod
    def of(cls, dataset: Dataset) -> Searches:
        """Raises BadRequest with the codes that `applicants.yml` does not have, and names too long for any search."""
        given = applicants()
        names = {code: entry.names for code, entry in given.applicants.items()}
        classes = given.technologies | {
            TOTAL: [one for listed in given.technologies.values() for one in listed]
        }
        asked = dataset.query.get("applicant", list(names)), dataset.query.get("technology", list(classes))
        if unknown := [
            c for codes, has in zip(asked, (names, classes), strict=True) for c in codes if c not in has
        ]:
            raise BadRequest(f"Not in sources/{FILE.name}: {', '.join(unknown)}.")
        if long := [name for code in asked[0] for name in names[code] if terms(name) > MOST_TERMS_AN_INDEX]:
            raise BadRequest(
                f"Names of more than {MOST_TERMS_AN_INDEX} words, which the service refuses: {', '.join(long)}.",
                hint=f"shorten them in sources/{FILE.name}.",
            )
        return cls(
            {c: names[c] for c in asked[0]}, {c: classes[c] for c in asked[1]} | {TOTAL: classes[TOTAL]}
        )

    @property
    def digest(self) -> str:
        """A hash of the wording: if it changes, every week is asked for again."""
        return hashlib.sha256(json.dumps(vars(self), sort_keys=True).encode()).hexdigest()[:8]

    def pieces(self, applicant: str, technology: str, first: Period, weeks: int = 1) -> list[str]:
        """The CQL of each piece of one search: EPO documents of `applicant` in the classes of `technology`, published
        in `weeks` weeks from the week `first` on. One piece if the limits allow."""
        classes = _groups(self.technologies[technology], MOST_TERMS_AN_INDEX)
        widest = max(map(_terms_of, classes))
        room = min(MOST_TERMS_AN_INDEX, MOST_TERMS - OTHER_TERMS - widest)
        names = _groups(self.applicants[applicant], room)
        # the service answers `>=` and `<=` with a fault, so a range is always `within`
        days = f'pd within "{first.start:%Y%m%d} {first.shift(weeks - 1).end:%Y%m%d}"'
        return [
            f"pn={OFFICE} and ({_any_of(NAME, some)}) and ({_any_of(CLASS, few)}) and {days}"
            for some, few in product(names, classes)
        ]

    def number(self) -> int:
        """The largest number of searches for a week, one request each."""
        return sum(len(self.pieces(a, t, FIRST_WEEK)) for a in self.applicants for t in self.technologies)


def _any_of(form: str, phrases: list[str]) -> str:
    return " or ".join(form.format(phrase) for phrase in phrases)


def terms(phrase: str) -> int:
    """The words that the service counts in a phrase."""
    return len(re.findall(r"[^\W_]+", phrase))


def _terms_of(phrases: list[str]) -> int:
    return sum(map(terms, phrases))


def _groups(phrases: list[str], most: int) -> list[list[str]]:
    """`phrases` in their order, in groups of at most `most` words; a longer phrase is alone."""
    groups: list[list[str]] = [[]]
    for phrase in phrases:
        if groups[-1] and _terms_of(groups[-1]) + terms(phrase) > most:
            groups.append([])
        groups[-1].append(phrase)
    return groups


def weeks_due(tally: dict[str, Any], digest: str, today: date, first: Period = FIRST_WEEK) -> list[Period]:
    """The weeks to ask for, newest first: never asked, asked with another wording, or settled since."""
    due = []
    week = Period.containing(today, "W")
    while week > first:
        week = week.shift(-1)
        entry, settled = tally.get(week.text), week.end + SETTLED_AFTER
        again = entry and date.fromisoformat(entry["asked"]) < settled <= today
        if today >= week.end + OVER_AFTER and (entry is None or entry["search"] != digest or again):
            due.append(week)
    return due


def read_tally(text: str) -> dict[str, Any]:
    """The weeks of a tally file; those that are damaged are left out, and asked for again."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    weeks = given.items() if isinstance(given, dict) else ()
    return {name: entry for name, entry in weeks if _whole(name, entry)}


def _whole(name: str, entry: Any) -> bool:
    """Whether `entry` is that of a week: when it was asked, with which wording, and numbers by applicant and technology."""
    try:
        if Period.parse(name).freq != "W":
            return False
        date.fromisoformat(entry["asked"])
        rows = [hits for counts in entry["counts"].values() for hits in counts.values()]
        return isinstance(entry["search"], str) and all(type(hits) is int for hits in rows)
    except (ValueError, LookupError, TypeError, AttributeError):
        return False
