"""Full disks, kills, damage and two writers, in the real job: nothing is lost and a rerun ends well."""

from __future__ import annotations

import shutil
import signal

import pytest

from sources.data_folder import DataFolder
from tests.conftest import LATER, VALUES, World, changed


@pytest.mark.long
def test_only_one_writer(world: World):

    world.first_night()
    with DataFolder(world.home).writing():
        outcome = world.refresh()
    assert outcome.code == 1
    assert "Another process is writing" in outcome.err
    assert world.refresh().code == 0


@pytest.mark.long
def test_a_full_disk_is_told_and_loses_nothing(world: World, monkeypatch):
    import errno

    from warehouse.publishing import release

    world.first_night()
    before = world.releases
    world.serve(changed(ITG1_2019="45"), last_change=LATER)

    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device", str(world.home))

    with monkeypatch.context() as patch:
        patch.setattr(release, "_seal", no_space)
        outcome = world.refresh()
    assert outcome.code == 1
    assert "No space left on device" in outcome.err
    assert world.releases == before
    assert world.refresh().json["published"]
    assert world.query("select value from revisions") == [(45.0,)]


@pytest.mark.long
def test_a_disk_that_takes_no_more_is_told_at_every_stage_and_loses_nothing(world: World):
    world.first_night()
    before, standing = world.releases, world.query(VALUES)
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    for limit in (200, 20_000, 400_000, 900_000):
        process = world.start("refresh", "--only", "toy", preexec=lambda limit=limit: _limit_file_size(limit))
        _, told = process.communicate()
        assert process.returncode == 1, told
        assert "Failed: " in told and "Next: " in told and "Traceback" not in told
        assert (world.releases, world.query(VALUES)) == (before, standing)
    assert world.refresh().code == 0
    assert world.query("select old_value, value from revisions") == [(44.0, 45.0)]


def _limit_file_size(limit: int) -> None:
    """Every write past `limit` bytes of a file fails in this process, as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@pytest.mark.long
@pytest.mark.parametrize("damage", [None, b"no database"])
def test_a_lost_warehouse_is_built_again_from_the_snapshots(world: World, damage):
    world.entry("toy2")
    world.serve(code="toy2")
    world.run("refresh", "--only", "toy", "--only", "toy2")
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    world.refresh()
    figures = (
        "select count(*), sum(value) from observations",
        "select dataset, old_value, value from revisions",
    )
    before = [world.query(sql) for sql in figures]
    (world.home / "warehouse.duckdb").unlink()
    if damage:
        (world.home / "warehouse.duckdb").write_bytes(damage)
        outcome = world.refresh()
        assert (outcome.code, "delete warehouse.duckdb" in outcome.err) == (1, True)
        (world.home / "warehouse.duckdb").unlink()
    world.serve(changed(ITG1_2019="45", IT_2018="101"), last_change=LATER.replace(month=10))
    assert world.refresh().code == 0
    assert world.query("select count(*) from observations") == [(before[0][0][0],)]
    assert len(world.query(figures[1])) == 2


def test_a_damaged_snapshot_is_named_and_fetched_again(world: World):
    world.first_night()
    (stored,) = (path for path in (world.home / "snapshots" / "objects").rglob("*") if path.is_file())
    stored.chmod(0o644)
    stored.write_bytes(b"not what it was")
    release = world.releases[-1]
    outcome = world.run("release", "rebuild", release)
    assert outcome.code == 1
    assert "sha256" in outcome.err or "cannot be read" in outcome.err
    world.serve(last_change=LATER)
    world.refresh()
    assert world.run("release", "rebuild", release).code == 0


@pytest.mark.parametrize(
    "stage",
    [
        "entering history",
        "publishing",
        *(
            pytest.param(stage, marks=pytest.mark.long)
            for stage in (
                "asking",
                "decoding",
                "checking",
                "building tables",
                "checking the release",
                "writing the tables",
            )
        ),
    ],
)
def test_kill_9_loses_nothing_and_a_rerun_ends_well(world: World, stage):
    world.first_night()
    standing = world.query(VALUES)
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    process = world.start("refresh", "--only", "toy")
    for line in process.stderr:
        if stage in line:
            break
    else:
        pytest.fail(f"the run never came to {stage!r}")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert world.query(VALUES) == standing or stage in ("writing the tables", "publishing")
    assert world.refresh().code == 0
    assert world.query("select old_value, value from revisions") == [(44.0, 45.0)]
    assert not list((world.home / "releases").glob(".building-*"))
    assert world.run("release", "verify").code == 0


@pytest.mark.long
def test_a_release_that_a_kill_left_unshown_is_shown_by_the_next_run(world: World):
    world.first_night()
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    world.refresh()
    old, new = world.releases
    # what a kill between the release's name and its show leaves
    (world.home / "current").unlink()
    (world.home / "current").symlink_to(f"releases/{old}")
    assert world.refresh().json["published"] == new
    assert (world.home / "current").resolve().name == new
    assert world.refresh().json["published"] is None


@pytest.mark.parametrize("damage", ["torn", "flipped", "gone", "a file in its place"])
def test_damaged_staged_figures_are_decoded_again(world: World, damage: str):
    """They are read to compare new figures with those before, and when the warehouse is built again."""
    world.night()
    standing = world.history()
    (folder,) = (world.home / "staged").iterdir()
    (observations,) = folder.glob("observations*.parquet")
    whole = observations.read_bytes()
    if damage == "torn":
        observations.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        at = whole.index(b"PAR1") + 30
        observations.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    elif damage == "gone":
        observations.unlink()
    else:
        shutil.rmtree(folder)
        folder.write_bytes(b"")
    (world.home / "warehouse.duckdb").unlink()
    shutil.rmtree(world.home / "baselines")
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    assert world.night()["outcome"] == "updated"
    assert [row for row in world.history() if row[3] != 45.0] == standing


def test_what_the_disk_damaged_in_a_release_does_not_enter_the_next(world: World):
    """Equal files of two releases are hard links."""
    world.first_night()
    (first,) = world.releases
    for path in (world.home / "releases" / first).glob("*.csv"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b"damage")
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    assert world.refresh().json["published"]
    assert world.run("release", "verify").code == 0
    assert world.run("release", "verify", first).code == 1
