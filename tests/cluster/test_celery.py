"""The compose file's commands as processes on loopback: two Celery workers with a folder each, and one lake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.parts import Parts, Redis, wait_for
from tests.conftest import ROOT, World

EXAMPLE = ROOT / "examples" / "cluster"
SERVICES = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def start(
    world: World, lake: str, parts: Parts, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start a service of the compose file with the data folder `home`."""
    given = SERVICES["worker"]["environment"]
    dagster = tmp_path / "dagster"
    dagster.mkdir()
    settings = (EXAMPLE / "dagster" / "dagster.yaml").read_text()
    (dagster / "dagster.yaml").write_text(settings.replace("port: 5432", f"port: {parts.postgres.port}"))
    here = {
        "DISTRETTO_LAKE": lake,
        "DISTRETTO_BROKER": redis.address,
        "DAGSTER_HOME": str(dagster),
        "PGHOST": "127.0.0.1",
        "PGDATABASE": lake.split()[0].rsplit("/", 1)[1],
        "AWS_ENDPOINT_URL": parts.store.address,
    }
    assert given.keys() == {*here, "DISTRETTO_EXECUTOR", "DISTRETTO_HOME"}
    for name, value in {**given, **here}.items():
        monkeypatch.setenv(name, value)
    started: list[subprocess.Popen] = []

    def service(name: str, home: Path) -> subprocess.Popen:
        words = [
            str(Path(sys.executable).parent / SERVICES[name]["command"][0]),
            *SERVICES[name]["command"][1:],
        ]
        log = open(tmp_path / f"{home.name}.log", "w")
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={
                **os.environ,
                "DISTRETTO_HOME": str(home),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                # workers may run as root here, and import the tests' job
                "C_FORCE_ROOT": "1",
                "PYTHONPATH": str(ROOT),
            },
        )
        started.append(process)
        return process

    yield service
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def run(home: Path, *datasets: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.cluster.celery_job", *datasets],
        cwd=ROOT,
        env={**os.environ, "DISTRETTO_HOME": str(home)},
        text=True,
        capture_output=True,
    )


def test_two_workers_with_folders_of_their_own_publish_every_dataset(world, start, tmp_path, monkeypatch):
    for name in ("toy2", "toy3"):
        world.entry(name)
        world.serve(code=name)
    for home in ("one", "two"):
        start("worker", tmp_path / home)
    for home in ("one", "two"):
        wait_for("a worker", lambda home=home: "ready" in (tmp_path / f"{home}.log").read_text())
    done = run(tmp_path / "launcher", "toy", "toy2", "toy3")
    assert done.returncode == 0, done.stderr + (tmp_path / "one.log").read_text()[-3000:]
    steps = {
        "snapshots_127_0_0_1",
        "observations__toy",
        "observations__toy2",
        "observations__toy3",
        "release",
    }
    assert all(step in done.stdout for step in steps)
    monkeypatch.setenv("DISTRETTO_HOME", str(tmp_path / "reader"))
    found = world.run(
        "query", "--json", "select dataset, count(*) as n from observations group by all order by 1"
    )
    assert found.json == [{"dataset": name, "n": 8} for name in ("toy", "toy2", "toy3")]
    took = [home for home in ("one", "two") if "succeeded" in (tmp_path / f"{home}.log").read_text()]
    assert took == ["one", "two"]


def test_webserver_and_daemon_of_the_compose_file_start(start, tmp_path):
    daemon = start("daemon", tmp_path / "daemon")
    wait_for("the daemon", lambda: "Instance is configured" in (tmp_path / "daemon.log").read_text())
    assert daemon.poll() is None
    webserver = start("webserver", tmp_path / "webserver")
    wait_for("the webserver", lambda: "Serving dagster-webserver" in (tmp_path / "webserver.log").read_text())
    assert webserver.poll() is None


def test_an_executor_without_a_lake_is_refused(world, monkeypatch):
    monkeypatch.setenv("DISTRETTO_EXECUTOR", "celery")
    done = world.refresh()
    assert done.code == 1 and "DISTRETTO_LAKE is not" in done.err
