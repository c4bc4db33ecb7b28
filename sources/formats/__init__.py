"""Wire formats: one decoder per format, from a stored body to staged Parquet (`staged.py`).

Belongs here: the interface of a decoder, and finding the decoders. The format `sdmx-csv` is decoded by the function `decode`
of the module `sdmx_csv.py`; nothing else has to name it. Does not belong here: any one format.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import IO, Protocol, cast

from sources.formats.layout import TableLayout
from sources.formats.staged import Staged

# modules of this package that decoders share
SHARED = {
    "headings",
    "keys",
    "layout",
    "records",
    "rows",
    "sdmx_structure",
    "staged",
    "workbook",
    "write",
    "zips",
}
# every value that `format` of a catalogue entry may have
FORMATS = tuple(found.name.replace("_", "-") for found in iter_modules(__path__) if found.name not in SHARED)


@dataclass(frozen=True)
class BodyFile:
    """A stored body: its path, whether it is gzipped, and the file name under which the provider or a person gave it."""

    path: Path
    gzipped: bool = False
    name: str = ""

    def open(self) -> IO[bytes]:
        """The bytes as the provider wrote them, without gzip."""
        return cast(IO[bytes], gzip.open(self.path, "rb")) if self.gzipped else open(self.path, "rb")

    @property
    def compression(self) -> str:
        """Its name in DuckDB's readers."""
        return "gzip" if self.gzipped else "none"


@dataclass(frozen=True)
class TableSpec:
    """What a decoder must know of a table, in the provider's names.

    `dimensions` are expected in any order. A period of a frequency outside `frequencies` is refused; without any, all are
    taken. `timezone` is that of stamps without an offset. `country` is that of
    which records are counted. `layout` describes the tables of format `tabular`.
    """

    dimensions: list[str]
    frequencies: tuple[str, ...] = ()
    timezone: str = "UTC"
    country: str = "IT"
    layout: TableLayout | None = None


class Decoder(Protocol):
    """Decodes one format.

    Raises UnreadableBody with row and column, StructureChanged if dimensions or headings differ, NotData if the body is
    something else altogether.
    """

    def __call__(self, body: BodyFile, table: TableSpec, folder: Path) -> Staged:
        """Stage `body` into `folder`, which is created if it does not exist."""
        ...


class _Decoders(Mapping[str, Decoder]):
    """Imports a decoder's module when it is first asked for: the catalogue needs the names alone."""

    def __getitem__(self, name: str) -> Decoder:
        if name not in FORMATS:
            raise KeyError(name)
        return cast(Decoder, import_module(f"{__name__}.{name.replace('-', '_')}").decode)

    def __iter__(self) -> Iterator[str]:
        return iter(FORMATS)

    def __len__(self) -> int:
        return len(FORMATS)


REGISTRY: Mapping[str, Decoder] = _Decoders()
