"""A backup rehearsed: copied while nothing runs, restored into an empty folder, the same figures again."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from sources.data_folder import DataFolder
from tests.conftest import TOY, World
from tests.target_examples import KNOWN, target
from tests.test_timestamps import Authority
from warehouse.publishing.releases import current
from warehouse.targets import ledger, timestamp
from warehouse.targets.evidence import Evidence
from warehouse.targets.verification import verify


def test_a_backup_gives_the_same_releases_and_the_same_history(world: World, monkeypatch: pytest.MonkeyPatch):
    world.first_night()
    world.serve({**TOY, ("A", "V11920", "ITG17"): {"2018": "11", "2019": ": c"}})
    world.refresh()
    releases, history = world.releases, world.query("select * exclude vintage from history order by all")
    backup = world.folder / "backup"
    for part in ("snapshots", "releases"):
        shutil.copytree(world.home / part, backup / part, symlinks=True)
    shutil.rmtree(world.home)
    world.home = world.folder / "elsewhere"
    monkeypatch.setenv("DISTRETTO_HOME", str(world.home))
    outcome = world.run("restore", str(backup), "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json == {"snapshots": 2, "releases": releases, "damaged": []}
    assert (world.home / "current").resolve().name == releases[-1]
    world.server.behave("toy", 500)
    world.server.behave("inventory", 500)
    assert world.refresh("--offline").code == 0
    assert world.query("select * exclude vintage from history order by all") == history
    # what is there already is not written over
    again = world.run("restore", str(backup))
    assert again.code == 1 and "has figures already" in again.err


def test_what_is_damaged_in_a_backup_is_named(world: World, monkeypatch: pytest.MonkeyPatch):
    world.first_night()
    backup = world.folder / "backup"
    shutil.copytree(world.home, backup, symlinks=True)
    (release,) = (backup / "releases").iterdir()
    for path in (release / "indicators.csv", next((backup / "snapshots" / "objects").rglob("*.gz"))):
        path.chmod(0o644)
        path.write_bytes(b"rubbish")
    monkeypatch.setenv("DISTRETTO_HOME", str(world.folder / "elsewhere"))
    outcome = world.run("restore", str(backup))
    told = outcome.err.replace("\n", " ")
    assert (
        outcome.code == 1 and "snapshot toy-" in told and "indicators.csv is not what was published" in told
    )
    assert not (world.folder / "elsewhere" / "current").exists()


def test_what_is_no_backup_is_said(world: World):
    outcome = world.run("restore", str(world.folder))
    assert outcome.code == 1 and "manifest.jsonl" in outcome.err


def test_a_restore_brings_everything_but_what_a_run_builds_again(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.first_night()
    extra = {"targets-1.tsr": b"a time stamp", "drop/own_figures.csv": b"a file", "clock.jsonl": b""}
    for name, content in extra.items():
        (world.home / name).parent.mkdir(exist_ok=True)
        (world.home / name).write_bytes(content)
    target = world.folder / "elsewhere"
    monkeypatch.setenv("DISTRETTO_HOME", str(target))
    # what a killed restore left
    (world.folder / ".elsewhere.restoring" / "snapshots").mkdir(parents=True)
    outcome = world.run("restore", str(world.home), "--json")
    assert outcome.code == 0, outcome.err
    assert not (world.folder / ".elsewhere.restoring").exists()
    assert {name: (target / name).read_bytes() for name in extra} == extra
    assert (target / "targets.yml").read_bytes() == (world.home / "targets.yml").read_bytes()
    assert (target / "current").resolve().name == world.releases[-1]
    assert not (target / "warehouse.duckdb").exists() and not (target / "staged").exists()


def test_nothing_is_touched_where_the_folder_is_not_empty(world: World, monkeypatch: pytest.MonkeyPatch):
    world.night()
    target = world.folder / "elsewhere"
    target.mkdir()
    (target / "letter.txt").write_text("not ours")
    monkeypatch.setenv("DISTRETTO_HOME", str(target))
    outcome = world.run("restore", str(world.home))
    assert outcome.code == 1 and "is not empty" in outcome.err
    assert (target / "letter.txt").read_text() == "not ours"


def test_a_time_stamp_in_a_backup_verifies_after_the_restore(world: World, monkeypatch: pytest.MonkeyPatch):
    authority = Authority(world.folder / "tsa")
    monkeypatch.setenv("DISTRETTO_TSA_CERTIFICATE", str(authority.certificate))
    world.first_night()
    home = DataFolder(world.home)
    shown = current(home)
    assert shown
    # after the first figures, and before the stamp; both have whole seconds
    recorded = shown.moment + timedelta(seconds=1)
    ledger.append(home, ledger.load(home), ledger.sealed(ledger.load(home), target(), KNOWN, recorded))
    stamped = world.run("targets", "anchor", "--token", str(authority.stamp(ledger.load(home).head)))
    assert stamped.code == 0, stamped.err
    backup = world.folder / "backup"
    shutil.copytree(world.home, backup, symlinks=True)
    shutil.rmtree(world.home)
    restored = world.run("restore", str(backup))
    assert restored.code == 0, restored.err
    found = verify(ledger.load(home), Evidence(home, timestamp.trusted()))
    assert found.problems == [] and found.verdicts[2].outcome == "sound"
