"""Twenty readers while twenty releases are published: no error, and never a mixture of two."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from sources.data_folder import DataFolder
from warehouse.publishing.release import Release, show

READER = """
import json, sys, time
from pathlib import Path
import duckdb
current, stop = Path(sys.argv[1]), Path(sys.argv[2])
seen, reads, mixed = set(), 0, 0
print("ready", flush=True)
while not stop.exists() or reads == 0:
    with duckdb.connect(str(current / "distretto.duckdb"), read_only=True) as con:
        a = con.execute("select min(n), max(n), count(*) from figures").fetchone()
        b = con.execute("select n from release").fetchone()[0]
    mixed += a != (b, b, 1000)
    folder = current.resolve()
    c = duckdb.sql(f"select min(n), max(n), count(*) from '{folder}/figures.parquet'").fetchone()
    d = int((folder / "release.txt").read_text())
    mixed += c != (d, d, 1000)
    seen |= {b, d}
    reads += 1
    time.sleep(0.05)
print(json.dumps({"reads": reads, "seen": sorted(seen), "mixed": mixed}))
"""


def published(home: DataFolder, number: int) -> None:
    """A release of which every row says its number, built aside, named and shown as the pipeline does."""
    aside, folder = home.releases / f".building-{number}", home.releases / f"20260101T0000{number:02}Z"
    aside.mkdir(parents=True)
    with duckdb.connect(str(aside / "distretto.duckdb")) as con:
        con.execute(f"create table release as select {number} as n")
        con.execute(f"create table figures as select {number} as n from range(1000)")
        con.execute(f"copy figures to '{aside}/figures.parquet' (format parquet)")
    (aside / "release.txt").write_text(str(number))
    aside.rename(folder)
    show(home, Release(folder.name, folder))


def test_twenty_readers_over_twenty_releases(tmp_path: Path):
    home, stop = DataFolder(tmp_path / "data"), tmp_path / "stop"
    published(home, 0)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(home.current), str(stop)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(20)
    ]
    try:
        for reader in readers:
            assert reader.stdout.readline() == "ready\n"
        for number in range(1, 21):
            published(home, number)
            time.sleep(0.3)
        stop.touch()
        told = [reader.communicate() for reader in readers]
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    assert [err for _, err in told if err] == []
    found = [json.loads(out) for out, _ in told]
    assert [f["mixed"] for f in found] == [0] * 20
    assert (
        set().union(*(f["seen"] for f in found)) >= {20} and len(set().union(*(f["seen"] for f in found))) > 5
    )
