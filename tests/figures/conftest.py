"""A release of the bundled figures, and two vintages of one table, published in two nights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.figures.nights import Nights, table
from warehouse.publishing.resolve import Known


@pytest.fixture(scope="session")
def con(one_shipped: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(one_shipped / "current" / "distretto.duckdb"), read_only=True) as opened:
        opened.execute("set timezone = 'UTC'")
        yield opened


@pytest.fixture(scope="session")
def known(con: duckdb.DuckDBPyConnection) -> Known:
    return Known.read(con)


@dataclass(frozen=True)
class Vintages:
    """The data folder after two nights, and the ids of their releases: births of Catania in 2019 went from 90 to 93."""

    home: Path
    first: str
    second: str


@pytest.fixture(scope="session")
def vintages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vintages]:
    folder = tmp_path_factory.mktemp("vintages")
    with pytest.MonkeyPatch.context() as patch:
        nights = Nights(folder, patch)
        first = nights.night(table({"ITG17": {"2018": "80", "2019": "90 p"}, "ITG1": {"2019": "300"}}))
        second = nights.night(table({"ITG17": {"2018": "80", "2019": "93"}, "ITG1": {"2019": "300"}}))
    assert first and second
    yield Vintages(nights.home.root, first, second)
