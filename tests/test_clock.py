"""A clock that cannot be believed stops a run before anything that cannot be taken back."""

from __future__ import annotations

import http.server
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from sources.data_folder import DataFolder
from tests.conftest import TOY, World
from warehouse.publishing import release

YEAR = timedelta(days=365)


def write_a_year_ahead(world: World) -> None:
    """Make the folder one that was written with the clock a year ahead, offline."""
    manifest = world.home / "snapshots" / "manifest.jsonl"
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    for line in lines:
        if line["event"] == "accepted":
            line["accepted_at"] = (datetime.fromisoformat(line["accepted_at"]) + YEAR).isoformat()
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (world.home / "warehouse.duckdb").unlink(missing_ok=True)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", "clock.jsonl") and "pace" not in path.parts
    }


def test_a_folder_written_in_the_future_stops_every_run_until_somebody_confirms_the_clock(world: World):
    world.night()
    write_a_year_ahead(world)
    before = files(world.home)
    world.serve({**TOY, ("A", "V11920", "ITG17"): {"2018": "11", "2019": ": c"}})
    for words in (["refresh", "--only", "toy"], ["pin", "toy", "x", "--because", "for a test"]):
        stopped = world.run(*words)
        told = " ".join(stopped.err.split())
        assert stopped.code == 1 and "The clock says" in told and "distretto clock confirm" in told
    assert files(world.home) == before
    assert world.run("clock", "confirm", "--because", "it was a year ahead and is set").code == 0
    (said,) = [json.loads(line) for line in (world.home / "clock.jsonl").read_text().splitlines()]
    assert said["because"] == "it was a year ahead and is set"
    assert world.refresh().code == 0
    assert world.query("select value from observations where geo = 'ITG17' and period = '2018'") == [(11.0,)]


@pytest.mark.parametrize("days", [-365, 365, 2])
def test_a_clock_that_every_provider_contradicts_stops_the_run(world: World, monkeypatch, days: int):
    elsewhere = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(
        http.server.BaseHTTPRequestHandler,
        "date_time_string",
        lambda self, timestamp=None: format_datetime(elsewhere, usegmt=True),
    )
    outcome = world.refresh()
    assert outcome.code == 1 and "The clock of this machine is" in " ".join(outcome.err.split())
    assert not (world.home / "snapshots" / "manifest.jsonl").exists() and world.releases == []


def old_release(home: DataFolder, day: datetime) -> str:
    name = f"{day:%Y%m%dT%H%M%SZ}"
    folder = home.releases / name
    folder.mkdir(parents=True)
    for file in ("distretto.duckdb", "release.json", "SHA256SUMS"):
        (folder / file).write_text(name)
    return name


def test_retention_puts_files_into_a_trash_that_the_next_one_empties(tmp_path: Path):
    home = DataFolder(tmp_path)
    now = datetime.now(UTC)
    names = [old_release(home, now - timedelta(days=days)) for days in (401, 400, 399, 0)]
    release.show(home, release.releases(home)[-1])
    taken = [name for name in names[:3] if name[:6] == names[0][:6]][:-1]
    release.retain(home)
    assert sorted(path.name for path in home.trash.iterdir()) == taken
    assert all((home.releases / name / "release.json").exists() for name in names)
    assert release.restore_trash(home) == taken and len(release.releases(home)) == 4
    release.retain(home)
    release.retain(home)
    assert not home.trash.exists() and not (home.releases / taken[0] / "distretto.duckdb").exists()


def test_after_a_long_silence_nothing_is_deleted_unless_a_provider_answers(world: World):
    world.first_night()
    home = DataFolder(world.home)
    status = json.loads(home.status.read_text())
    status["run"]["at"] = (datetime.now(UTC) - timedelta(days=60)).isoformat()
    home.status.write_text(json.dumps(status))
    day = datetime.now(UTC) - timedelta(days=400)
    doomed = [old_release(home, day.replace(day=n)) for n in (1, 2)][0]
    world.entry("toy", warnings=["something changed"])
    assert world.refresh("--offline").code == 0 and not home.trash.exists()
    assert world.refresh().code == 0
    assert [path.name for path in home.trash.iterdir()] == [doomed]
