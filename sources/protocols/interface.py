"""The interface of a protocol: its methods, and the types that they take and return.

Belongs here: the interface, and finding the class that a name is registered for. Does not belong here: the names
(`__init__.py`, which `providers.yml` is checked against), any provider's behaviour.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path

from sources.catalogue import Dataset
from sources.http.client import Body, Client
from sources.protocols import REGISTRY


@dataclass(frozen=True)
class Structure:
    """What a provider says of a table, in its own names (in lower case) and codes: the dimensions in the order of its
    key, the codes that the table uses, and its periods. A dimension whose codes were not asked for is not in `codes`."""

    dimensions: list[str]
    codes: dict[str, set[str]]
    periods: set[str]


@dataclass(frozen=True)
class Successor:
    """The table of the provider that continues another one in a newer classification, and its update stamp in the
    provider's own names."""

    code: str
    updated: str


@dataclass(frozen=True)
class PlannedRequest:
    """A request that a run would send: `purpose` in a word or two; `times` where the same form is sent repeatedly, at
    most. `shared` requests are sent once a run, however many tables there are."""

    url: str
    purpose: str
    times: int = 1
    shared: bool = False


class Offered(typing.Protocol):
    """A body that a provider offers: its address, its hash, and the body itself when it is taken."""

    @property
    def place(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    def take(self) -> Fetched: ...


@dataclass(frozen=True)
class Fetched:
    """A body that claims to be a dataset's table, with the provider's own stamp if it gave one, and a note on it."""

    body: Body
    format: str
    provider_updated_at: datetime | None
    note: str = ""

    @property
    def place(self) -> str:
        return self.body.url

    @property
    def sha256(self) -> str:
        return self.body.sha256

    def take(self) -> Fetched:
        return self


class Protocol(typing.Protocol):
    """Queries one provider during one run. It raises SourceError and never repeats a request: the client does."""

    def __init__(self, client: Client, workdir: Path) -> None: ...

    def fetch(self, dataset: Dataset, known: datetime | None) -> Sequence[Offered]:
        """Bodies that are newer than the provider's stamp `known`, oldest first; empty if there are none.

        More than one only if the entry `accumulates`. Raises a SourceError of the kind that fits.
        """

    def plan(self, dataset: Dataset) -> list[PlannedRequest]:
        """The requests that `fetch` would send for a table that has changed, as far as is known before asking."""


@typing.runtime_checkable
class DescribesTables(typing.Protocol):
    """A protocol whose provider describes its tables."""

    def structure(self, dataset: Dataset) -> Structure:
        """What the provider says of the table of `dataset`. Raises a SourceError."""


@typing.runtime_checkable
class NamesSuccessors(typing.Protocol):
    """A protocol whose provider lists the tables that continue others."""

    def successors(self, dataset: Dataset) -> list[Successor] | None:
        """Tables that continue the one of `dataset`, from what `fetch` received; None if that is not known."""


def implementation(name: str) -> type[Protocol]:
    """The class registered as the protocol `name`. Raises KeyError."""
    module, attribute = REGISTRY[name]
    found: type[Protocol] = getattr(import_module(module), attribute)
    return found
