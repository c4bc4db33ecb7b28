"""Ctrl-C and SIGTERM end a command within seconds, whatever it is doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import LATER, ROOT, VALUES, World, changed, distretto

# "within seconds", on a loaded machine; every wait that is ended would last 900
SECONDS = 120


@pytest.fixture
def starting(published: Path) -> float:
    """Seconds after which a query is under way, measured now: a loaded machine takes longer to start a process."""
    began = time.monotonic()
    assert distretto(published, "query", "select 1").code == 0
    return 2 + 2 * (time.monotonic() - began)


def test_an_interrupt_is_one_sentence_and_no_trace(published: Path, starting: float):
    sql = "select count(*) from range(10000000000) a, range(100000) b"
    process = subprocess.Popen(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "query", sql],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DISTRETTO_HOME": str(published)},
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=starting)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out.strip()) == (130, "")
    assert err.startswith("Interrupted: the published release stays") and err.count("\n") == 1


@pytest.mark.long
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("behaviour", ["hang", "async_never", "slow_drip"])
def test_a_run_that_waits_for_a_provider_ends_within_seconds(world: World, behaviour: str, name: str):
    """Every wait of the run would last ten minutes or more."""
    world.set_provider(
        read_timeout_s=900, max_seconds=900, async_poll_s=0.1, async_budget_s=900, host_budget_s=900
    )
    world.server.behave("toy", behaviour)
    process = world.start("refresh", "--only", "toy")
    # the table itself is asked for after the inventory
    while not any(request.code == "toy" for request in world.server.requests):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (130, "")
    assert "Interrupted: the published release stays" in err and "Traceback" not in err
    world.server.behave_well()
    world.set_provider()
    assert world.refresh().code == 0, "the next run does all of it"


def test_sigterm_ends_a_run_whose_main_thread_is_busy_in_other_code(published: Path, starting: float):
    """A thread that goes on, as one of a library would: the process ends all the same."""
    lasting = (
        "import threading, time; threading.Thread(target=time.sleep, args=(900,)).start()\n"
        "from pipelines.cli import main; main()"
    )
    sql = "select count(*) from range(10000000000) a, range(100000) b"
    process = subprocess.Popen(
        [sys.executable, "-c", lasting, "query", sql],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DISTRETTO_HOME": str(published)},
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=starting)
    process.terminate()
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out.strip(), err.count("\n")) == (130, "", 1)


@pytest.mark.parametrize("stage", ["checking", "building tables", "writing the tables", "drawing"])
def test_sigterm_ends_a_run_that_builds_a_release(world: World, stage: str):
    """Nothing is published, and the next run does all of it."""
    world.first_night()
    standing, releases = world.query(VALUES), world.releases
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    process = world.start("refresh", "--only", "toy")
    for line in process.stderr:
        if stage in line:
            break
    else:
        pytest.fail(f"the run never came to {stage!r}")
    process.terminate()
    began = time.monotonic()
    out, err = process.communicate()
    assert time.monotonic() - began < SECONDS
    assert (process.returncode, out) == (130, "")
    assert "Interrupted: the published release stays" in err and "Traceback" not in err
    assert (world.query(VALUES), world.releases) == (standing, releases)
    assert world.refresh().code == 0
    assert world.query("select old_value, value from revisions") == [(44.0, 45.0)]
    assert not list((world.home / "releases").glob(".building-*"))
