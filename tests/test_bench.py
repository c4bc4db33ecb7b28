"""The benchmark runs: every part once, in its quick form, which measures nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.bench.__main__ import PARTS
from tests.conftest import ROOT


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_benchmark_runs(part, request: pytest.FixtureRequest):
    environment = dict(os.environ)
    if part == "serve":
        environment["DISTRETTO_HOME"] = str(request.getfixturevalue("one_shipped"))
    else:
        environment.pop("DISTRETTO_HOME", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", part, "--quick"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    if "left out:" in done.stdout:
        pytest.skip(done.stdout.strip().splitlines()[-1])
    assert len(done.stdout.strip().splitlines()) > 2, done.stdout
