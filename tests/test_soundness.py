"""Before a run writes: the data folder is whole, what killed runs left is swept, and what is private is private."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from assets.run import RunContext
from assets.soundness import prepare
from sources.data_folder import DataFolder
from sources.errors import Busy, DamagedFolder
from tests.conftest import TOY, World


def last_line(manifest: Path) -> bytes:
    return b"".join(manifest.read_bytes().splitlines(keepends=True)[:-1])


@pytest.mark.parametrize(
    "damage", [lambda m: None, lambda m: b"", last_line], ids=["lost", "emptied", "last line"]
)
def test_a_manifest_that_lacks_what_was_published_stops_the_run(world: World, damage):
    world.first_night()
    manifest = world.home / "snapshots" / "manifest.jsonl"
    left = damage(manifest)
    manifest.unlink() if left is None else manifest.write_bytes(left)
    world.serve({**TOY, ("A", "V11920", "ITG17"): {"2018": "11", "2019": ": c"}})
    before = world.releases
    for words in (["refresh", "--only", "toy"], ["pin", "toy", "x", "--because", "for a test"]):
        stopped = world.run(*words)
        told = " ".join(stopped.err.split())
        assert stopped.code == 1 and "lacks what release" in told and "restore it from a backup" in told
    assert world.releases == before
    assert (manifest.read_bytes() if manifest.exists() else None) == left


def test_a_manifest_without_what_the_warehouse_holds_stops_the_run_before_there_is_a_release(world: World):
    world.night()
    manifest = world.home / "snapshots" / "manifest.jsonl"
    manifest.write_bytes(last_line(manifest))
    run = RunContext(DataFolder(world.home))
    with run.home.writing(), run.warehouse() as con, pytest.raises(DamagedFolder, match="manifest"):
        run.replay(con)


@pytest.mark.parametrize("place", [0, 5000, 13000])
def test_a_damaged_warehouse_is_called_damaged(world: World, place: int):
    world.night()
    file = world.home / "warehouse.duckdb"
    content = bytearray(file.read_bytes())
    content[place : place + 64] = bytes(byte ^ 0xFF for byte in content[place : place + 64])
    file.write_bytes(content)
    run = RunContext(DataFolder(world.home))
    try:
        with run.home.writing(), run.warehouse():
            pass
    except DamagedFolder as told:
        assert "is damaged" in told.message and "delete warehouse.duckdb" in told.hint
    except Busy:
        pytest.fail("damage is no lock")


def test_a_warehouse_that_another_process_has_open_is_busy(world: World):
    world.night()
    process = world.start_python(f"""
import duckdb, sys
con = duckdb.connect({str(world.home / "warehouse.duckdb")!r})
print("open", flush=True)
sys.stdin.read()
""")
    try:
        assert process.stdout.readline() == "open\n"
        with pytest.raises(Busy), RunContext(DataFolder(world.home)).warehouse():
            pass
    finally:
        process.kill()
        process.wait()


def test_what_killed_runs_left_is_swept(world: World):
    world.night()
    left = [
        ".status.json.123.tmp",
        ".current.123",
        ".bd_size_r3.csv.gz",
        "staged/.toy.123/x",
        "releases/.building-x/y",
    ]
    left += ["snapshots/.manifest.jsonl.9.tmp", "withheld/.regpat.parquet", "baselines/.toy/series.parquet"]
    for name in left:
        (world.home / name).parent.mkdir(parents=True, exist_ok=True)
        (world.home / name).write_text("")
    prepare(RunContext(DataFolder(world.home)))
    assert [name for name in left if (world.home / name).exists()] == []
    assert (world.home / "status.json").exists() and len(world.history()) == 8


def test_what_must_not_be_redistributed_is_readable_by_its_owner_alone(world: World):
    world.entry("toy", redistribution="denied", feeds={})
    assert world.refresh().code == 0
    held = world.home / "withheld"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (held, *held.iterdir())}
    assert modes == {"withheld": 0o700, "toy.parquet": 0o600}
    prepare(RunContext(DataFolder(world.home)))
    for name in ("snapshots", "baselines", "staged"):
        assert stat.S_IMODE((world.home / name).stat().st_mode) == 0o700
    assert stat.S_IMODE((world.home / "warehouse.duckdb").stat().st_mode) == 0o600


def test_a_refused_body_is_not_downloaded_again_until_its_stamp_or_its_entry_changes(world: World):
    world.serve({key: {period: "5000" for period in cells} for key, cells in TOY.items()})
    assert world.night()["outcome"] == "quarantined"

    def downloads() -> int:
        return len([request for request in world.server.requests if "/data/toy" in request.path.lower()])

    once = downloads()
    assert once > 0 and world.night()["outcome"] == "quarantined" and downloads() == once
    world.entry("toy", checks={"min_rows": 1, "max_revised_share": 1.0})
    assert world.night()["outcome"] == "updated" and downloads() == once
