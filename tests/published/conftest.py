"""A release of the bundled figures, and one of whole tables if the real provider files are here (DISTRETTO_SPECIMENS)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.conftest import SPECIMENS, distretto, settings
from tests.provider import EurostatServer
from tests.published.figures import TABLES


@pytest.fixture(scope="module")
def con(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as opened:
        opened.execute("set timezone = 'UTC'")
        yield opened


@pytest.fixture(scope="module")
def live_home(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same folder after a night in which the provider served its whole tables."""
    if not SPECIMENS.is_dir():
        pytest.skip(f"real provider files are not here: {SPECIMENS} (set DISTRETTO_SPECIMENS)")
    folder = tmp_path_factory.mktemp("live")
    shutil.copytree(home, folder / "data", symlinks=True)
    with EurostatServer() as server:
        for table in TABLES:
            server.serve_file(table, SPECIMENS / "eurostat" / f"{table}.tsv.gz")
        providers = settings(folder, server.base_url, max_seconds=60, read_timeout_s=30)
        only = [word for table in TABLES for word in ("--only", table)]
        outcome = distretto(folder / "data", "refresh", "--json", *only, DISTRETTO_PROVIDERS=str(providers))
    assert outcome.code == 0, outcome.err
    assert {outcome.json["datasets"][table]["state"] for table in TABLES} == {"live"}
    return folder / "data"


@pytest.fixture(scope="module")
def live(live_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(live_home / "current" / "distretto.duckdb"), read_only=True) as opened:
        opened.execute("set timezone = 'UTC'")
        yield opened
