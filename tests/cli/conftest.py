"""What the tests of the command line share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a release of what ships of one dataset."""
    home = tmp_path_factory.mktemp("cli") / "data"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DISTRETTO_", "DAGSTER_"))
    }
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from pipelines.cli import main; main()",
            "refresh",
            "--offline",
            "--only",
            "pat_ep_rtot",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        env={**environment, "DISTRETTO_HOME": str(home)},
    )
    return home
