"""How a provider is asked: one module a protocol, each with a class whose `fetch(dataset, known)` returns `Fetched` or None.

A new provider is an entry in `providers.yml`; it needs a module here only if it is asked in a new way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sources.http.client import Body


@dataclass(frozen=True)
class Structure:
    """What a provider says of a table, in its own names (in lower case) and codes: the dimensions in the order of its
    key, the codes that the table uses, and the periods it has where it tells them."""

    dimensions: list[str]
    codes: dict[str, set[str]]
    periods: set[str]


@dataclass(frozen=True)
class Fetched:
    """A body that claims to be a dataset's table, with the provider's own stamp where it gave one, and remarks on it."""

    body: Body
    format: str
    provider_updated_at: datetime | None
    note: str = ""
