"""What all tests share: a data folder of their own, a test provider, a small catalogue, and a run of the real job.

Nothing here reaches further than loopback. Tests that read whole provider files look for them through
DISTRETTO_SPECIMENS (default ../shared/data) and skip, saying so, where they are absent.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPECIMENS = Path(os.environ.get("DISTRETTO_SPECIMENS", ROOT.parent / "shared" / "data"))


@pytest.fixture
def specimens() -> Path:
    """The folder of real provider files."""
    if not SPECIMENS.is_dir():
        pytest.skip(f"real provider files are not here: {SPECIMENS} (set DISTRETTO_SPECIMENS)")
    return SPECIMENS


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of the person who runs it."""
    for name in [name for name in os.environ if name.startswith("DISTRETTO_") and name != "DISTRETTO_SPECIMENS"]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("DISTRETTO_HOME", str(tmp_path / "data"))
