"""A lake publishes what a data folder publishes, and one becomes the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb

from tests.conftest import ROOT, VALUES, changed
from warehouse.publishing.contract import contract

# moments of a run, and what follows from them
CLOCKS = {
    "known_from", "snapshot_id", "release_id", "built_at", "known_until", "fingerprint", "fetched_at", "accepted_at",
    "checked_at", "recorded_at", "old_snapshot_id", "retrieved_at", "release",
}  # fmt: skip


def tables(release: Path) -> dict[str, list[tuple]]:
    """The rows of every published table, without moments and ids made of them."""
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        found = {}
        for table in contract().tables:
            columns = [name for name, *_ in con.execute(f"describe {table}").fetchall() if name not in CLOCKS]
            chosen = ", ".join(f'"{column}"' for column in columns) or "1"
            found[table] = con.execute(f"select {chosen} from {table} order by all").fetchall()
        return found


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def history(folder: Path) -> list[list[tuple]]:
    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        con.execute("set timezone = 'UTC'")
        return [
            con.execute(f"select * from {table} order by all").fetchall()
            for table in ("series", "history", "vintages", "check_results")
        ]


def moved(direction: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.lake", direction, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_lake_publishes_every_row_that_a_data_folder_publishes(world, lake, tmp_path, monkeypatch):
    nights = [None, changed(ITG1_2019="45"), changed(ITG1_2019="45", IT_2018=":")]
    for cells in nights:
        world.serve(cells)
        for where, addresses in (("folder", ""), ("lake", lake)):
            monkeypatch.setenv("DISTRETTO_LAKE", addresses)
            monkeypatch.setenv("DISTRETTO_HOME", str(tmp_path / where))
            done = world.refresh()
            assert done.code == 0, done.err
    published = {where: tables(tmp_path / where / "current") for where in ("folder", "lake")}
    folder, lake_ = published["folder"], published["lake"]
    differing = {
        table: [pair for pair in zip(rows, lake_[table], strict=False) if pair[0] != pair[1]][:2]
        for table, rows in folder.items()
        if rows != lake_[table]
    }
    assert not differing, "\n".join(f"{table}: {pairs}" for table, pairs in differing.items())
    assert published["folder"]["revisions"]
    for name in ("warehouse.duckdb", "snapshots/manifest.jsonl", "status.json", "baselines"):
        assert not (tmp_path / "lake" / name).exists()


def test_a_data_folder_goes_into_a_lake_and_comes_back_equal(world, lake, tmp_path, monkeypatch):
    monkeypatch.setenv("DISTRETTO_LAKE", "")
    world.first_night()
    world.serve(changed(ITG1_2019="45"))
    assert world.refresh().code == 0
    before = world.query(VALUES)

    monkeypatch.setenv("DISTRETTO_LAKE", lake)
    monkeypatch.setenv("DISTRETTO_HOME", str(tmp_path / "machine"))
    moved("import", world.home)
    moved("export", tmp_path / "back")

    back = tmp_path / "back"
    for part in ("snapshots", "releases"):
        assert files(back / part) == files(world.home / part)
    assert (back / "status.json").read_bytes() == (world.home / "status.json").read_bytes()
    assert (back / "current").resolve().name == (world.home / "current").resolve().name
    assert history(back) == history(world.home)
    # a machine that sees the lake for the first time reads it, and continues it
    monkeypatch.setenv("DISTRETTO_HOME", str(tmp_path / "third"))
    assert world.run("query", "--json", VALUES).json[0]["value"] == before[0][3]
    assert world.run("refresh", "--only", "toy", "--offline", "--json").json["published"] is None
    assert world.run("release", "verify").code == 0
