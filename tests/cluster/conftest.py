"""The parts, once a session, and worlds whose data folder works with a lake."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster.parts import Parts, Postgres, Store
from tests.conftest import World


@pytest.fixture(scope="session")
def parts() -> Iterator[Parts]:
    # not in pytest's folder, into which no other user may look
    with tempfile.TemporaryDirectory(prefix="distretto-parts-") as name, ExitStack() as started:
        folder = Path(name)
        postgres = Postgres(folder / "postgres")
        started.callback(postgres.stop)
        store = Store(folder)
        started.callback(store.stop)
        yield Parts(postgres, store)


@pytest.fixture
def lake(parts: Parts, world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new lake, which `world` works with."""
    for name, value in parts.environment.items():
        monkeypatch.setenv(name, value)
    addresses = parts.lake()
    monkeypatch.setenv("DISTRETTO_LAKE", addresses)
    return addresses


@pytest.fixture
def second_home(world: World, tmp_path: Path) -> Path:
    """The data folder of another machine."""
    return tmp_path / "second"
