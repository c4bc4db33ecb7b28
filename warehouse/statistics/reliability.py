"""The reliability class of a figure: A, B, C or suppressed. Definitions: docs/methodology.md.

Belongs here: which class a figure has, and which classes may be compared and ranked. Does not belong here: other reasons
against a comparison (`comparison.py`) or a rank (`ranking.py`), such as breaks and incomplete periods.
"""

from __future__ import annotations

import typing

# classes whose figures may be compared and ranked, and the others
RELIABLE = ("A", "B")
UNRELIABLE = ("C", "suppressed")
# the same for SQL: `reliability in {RELIABLE_SQL}`
RELIABLE_SQL = "('A', 'B')"

# SQL for the class of an indicator's figure; `n` is its number of cases, NULL if there is none
INDICATOR_CLASS = """case when value is null or contains(coalesce(flag, ''), 'c') then 'suppressed'
                    when contains(coalesce(flag, ''), 'u') or n < 5 then 'C'
                    when flag is null or regexp_matches(flag, '[bped]') or n < 20 or derived or truncated or provisional then 'B'
                    else 'A' end"""
# SQL for the class of one of the district's own figures, which only its flags qualify
OWN_FIGURE_CLASS = """case when value is null then 'suppressed'
         when regexp_matches(coalesce(flag, ''), '[ep]') then 'B' else 'A' end"""


class Classed(typing.Protocol):
    """A figure with its class."""

    @property
    def value(self) -> float | None: ...
    @property
    def reliability(self) -> str: ...


def is_reliable(figure: Classed) -> bool:
    """Whether a figure may be compared and ranked: it has a value of class A or B."""
    return figure.value is not None and figure.reliability in RELIABLE
