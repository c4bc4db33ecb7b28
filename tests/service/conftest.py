"""Servers for the tests of the service: one on the figures that ship, one on a table that was revised in a second night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from sources.data_folder import DataFolder
from tests.conftest import ENTRY, TOY, changed, distretto, settings
from tests.provider import EurostatServer
from tests.test_serve import served


@pytest.fixture(scope="session")
def address(one_shipped: Path) -> Iterator[str]:
    with served(DataFolder(one_shipped)) as address:
        yield address


@pytest.fixture(scope="session")
def release(one_shipped: Path) -> Path:
    return (one_shipped / "current").resolve()


@pytest.fixture(scope="session")
def con(release: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as opened:
        opened.execute("set timezone = 'UTC'")
        yield opened


@dataclass(frozen=True)
class Revised:
    """A server on a release in which the births of ITG1 in 2019 were 44 in the first night and are 45 since the second.

    `between`: a whole second after the first night and before the second.
    """

    address: str
    home: Path
    between: datetime


@pytest.fixture(scope="session")
def revised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Revised]:
    folder = tmp_path_factory.mktemp("revised")
    (folder / "catalogue").mkdir()
    (folder / "catalogue" / "toy.yml").write_text(yaml.safe_dump(ENTRY))
    with EurostatServer() as server:
        environment = {
            "DISTRETTO_CATALOGUE": str(folder / "catalogue"),
            "DISTRETTO_PROVIDERS": str(settings(folder, server.base_url)),
            "DISTRETTO_STATE": str(folder / "state"),
        }
        for cells in (TOY, changed(ITG1_2019="45")):
            server.table("toy", ["freq", "indic_sb", "geo"], cells)
            night = distretto(folder / "data", "refresh", "--only", "toy", "--json", **environment)
            assert night.code == 0, night.err
    home = DataFolder(folder / "data")
    with duckdb.connect(str(home.current / "distretto.duckdb"), read_only=True) as con:
        first, second = con.execute(
            "select known_from from vintages where dataset = 'toy' order by vintage"
        ).fetchall()
    between = first[0].replace(microsecond=0) + timedelta(seconds=1)
    assert first[0] <= between < second[0]
    with served(home) as address:
        yield Revised(address, home.root, between)
