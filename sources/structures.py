"""Structures of providers' tables, from evidence outside this project. Data: `structures.yml`.

Belongs here: reading it. Does not belong here: a provider's own structure, which each run asks for (`protocols/`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sources.catalogue import Dataset
from sources.common.config import Strict, read

FILE = Path(__file__).parent / "structures.yml"


class KnownStructure(Strict):
    """The dimensions of a key in the provider's order and names, and where they were seen."""

    dimensions: list[str]
    evidence: str


@cache
def known_structures() -> dict[tuple[str, str], KnownStructure]:
    """By provider and table code in capitals. Raises SpecError with file and line."""
    document = read(FILE)
    return {
        (provider, code.upper()): document.validate(KnownStructure, values, at=(provider, code))
        for provider, tables in document.values.items()
        for code, values in tables.items()
    }


def evidence_of(dataset: Dataset) -> KnownStructure | None:
    """What is known of the table of `dataset`; None if nothing proves its key."""
    return known_structures().get((dataset.provider, dataset.code.upper()))
