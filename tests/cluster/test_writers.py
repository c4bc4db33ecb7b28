"""Several workers on one lake, and what a kill at each point leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets import release
from assets.run import RunContext
from sources.data_folder import DataFolder
from sources.errors import OtherFolder
from tests.cluster.parts import Parts
from tests.conftest import ROOT, VALUES, World, changed

DATASETS = ("toy", "toy2", "toy3", "toy4")


class Worker:
    """A process with a data folder of its own that does the steps of `tests.cluster.steps`."""

    def __init__(self, home: Path, *words: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.steps", *words],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "DISTRETTO_HOME": str(home)},
        )

    def end(self) -> tuple[int, str]:
        _, said = self.process.communicate()
        return self.process.returncode, said


def steps(home: Path, *words: str) -> None:
    code, said = Worker(home, *words).end()
    assert code == 0, said


def killed(home: Path, *words: str) -> None:
    code, said = Worker(home, *words).end()
    assert code == -signal.SIGKILL, said


@pytest.fixture
def several(world: World, lake: str) -> Iterator[World]:
    for name in DATASETS[1:]:
        world.entry(name)
        world.serve(code=name)
    yield world


def rows(world: World) -> dict[str, int]:
    return dict(world.query("select dataset, count(*) from observations group by all"))


def vintages(world: World) -> list[tuple]:
    return world.query("select dataset, vintage from vintages order by vintage")


def test_four_writers_on_four_datasets_lose_nothing_and_share_no_number(several, tmp_path):
    workers = [Worker(tmp_path / name, name) for name in DATASETS]
    ended = [worker.end() for worker in workers]
    assert [code for code, _ in ended] == [0] * 4, ended
    steps(several.home, "release")
    assert rows(several) == dict.fromkeys(DATASETS, 8)
    numbered = vintages(several)
    assert {name for name, _ in numbered} == set(DATASETS)
    assert len({number for _, number in numbered}) == 4
    series = several.query("select count(*), count(distinct series) from series")
    assert series[0][0] == series[0][1]


def test_two_writers_on_one_dataset_accept_a_body_once(several, tmp_path):
    workers = [Worker(tmp_path / name, "toy") for name in ("one", "two")]
    ended = [worker.end() for worker in workers]
    assert [code for code, _ in ended] == [0] * 2, ended
    steps(several.home, "release")
    assert rows(several) == {"toy": 8}
    assert len(vintages(several)) == 1


@pytest.mark.parametrize("point", ["--die-after-hold", "--die-after-commit"])
def test_a_worker_that_is_killed_around_its_commit_loses_and_repeats_nothing(several, tmp_path, point):
    steps(several.home, "toy", "release")
    several.serve(changed(ITG1_2019="45"))
    killed(tmp_path / "worker", point, "toy")
    # the next run, on another machine
    steps(tmp_path / "other", "toy", "release")
    steps(several.home, "release")
    assert [row for row in several.query(VALUES) if row[:3] == ("ITG1", "V11920", "2019")][0][3] == 45
    assert rows(several) == {"toy": 8}
    assert len(vintages(several)) == 2
    revisions = several.query("select geo, period, value, old_value from revisions where dataset = 'toy'")
    assert revisions == [("ITG1", "2019", 45.0, 44.0)]


@pytest.mark.parametrize("point", ["--die-after-confirm", "--die-after-upload"])
def test_a_release_job_that_is_killed_leaves_the_last_release_and_the_next_one_is_whole(
    several, tmp_path, monkeypatch, point
):
    steps(several.home, "toy", "release")
    several.serve(changed(ITG1_2019="45"))
    killed(tmp_path / "worker", "toy", point, "release")
    monkeypatch.setenv("DISTRETTO_HOME", str(tmp_path / "reader"))
    value = "select value from observations where dataset = 'toy' and geo = 'ITG1' and period = '2019' and indicator = 'V11920'"
    assert several.run("query", "--json", value).json == [{"value": 44.0}]
    steps(tmp_path / "other", "toy", "release")
    assert several.run("query", "--json", value).json == [{"value": 45.0}]
    assert several.run("release", "verify").code == 0


def test_postgres_that_is_killed_during_a_commit_costs_that_step_alone(several, tmp_path, parts: Parts):
    steps(several.home, "toy", "release")
    several.serve(changed(ITG1_2019="45"))
    worker = Worker(tmp_path / "worker", "--wait-after-hold", "toy")
    assert worker.process.stdout and worker.process.stdout.readline() == "waiting\n"
    parts.postgres.kill()
    parts.postgres.start()
    code, said = worker.end()
    assert code == 1 and "LakeUnavailable" in said and "Next:" in said
    steps(several.home, "toy", "release")
    assert rows(several) == {"toy": 8} and len(vintages(several)) == 2


def test_steps_that_ended_with_other_snapshots_than_the_lake_holds_close_the_release(several, tmp_path):
    steps(several.home, "toy", "release")
    shown = several.releases
    several.serve(changed(ITG1_2019="45"))
    steps(tmp_path / "worker", "toy")
    home = DataFolder(tmp_path / "third", os.environ["DISTRETTO_LAKE"])
    with home.running(), pytest.raises(OtherFolder, match="toy-elsewhere"):
        release.publish(RunContext(home), {"toy": "toy-elsewhere"})
    assert home.lake and home.lake.releases() == shown


def test_workers_with_folders_of_their_own_keep_the_pace_of_a_provider(several, tmp_path):
    several.set_provider(min_interval_s=1)
    workers = [Worker(tmp_path / name, name) for name in DATASETS]
    assert [worker.end()[0] for worker in workers] == [0] * 4
    moments = sorted(request.time for request in several.server.requests)
    assert len(moments) >= 4
    assert min(later - earlier for earlier, later in zip(moments, moments[1:], strict=False)) > 0.9


def test_a_release_names_the_version_of_the_lake_that_it_was_read_from(several):
    steps(several.home, "toy", "release")
    record = json.loads((several.home / "current" / "release.json").read_text())
    assert record["lake_version"] > 0
