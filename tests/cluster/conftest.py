"""The parts, once a session, and worlds whose data folder works with a lake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.parts import Parts, Postgres, Store
from tests.conftest import World


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("parts")
    postgres = Postgres(folder / "postgres")
    store = Store(folder)
    yield Parts(postgres, store)
    postgres.stop()
    store.stop()


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
