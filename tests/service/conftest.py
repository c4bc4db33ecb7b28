"""One server for all tests of the service: `distretto serve` on the release of the figures that ship."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from sources.data_folder import DataFolder
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
