"""The named applicants and the classes of micro and nano systems, `applicants.yml`.

Belongs here: reading and checking the file. Does not belong here: the searches made from it (`protocols/ops_searches.py`)
and the symbols counted by it (`formats/regpat.py`).
"""

from __future__ import annotations

from pathlib import Path

from sources.common.config import Strict, load

FILE = Path(__file__).parent / "applicants.yml"


class Applicant(Strict):
    """A group of applicants. `names`: the names in which its documents are filed, in small letters."""

    names: list[str]
    note: str | None = None


class Applicants(Strict):
    """`applicants.yml`: applicants by code, and the prefixes of CPC symbols of each technology."""

    applicants: dict[str, Applicant]
    technologies: dict[str, list[str]]


def applicants() -> Applicants:
    """The applicants and technologies. Raises SpecError with file and line."""
    return load(FILE, Applicants)
