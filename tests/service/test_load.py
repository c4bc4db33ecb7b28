"""Fifty clients at once: none is refused, memory stays bounded, and no answer mixes two releases."""

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
import requests

from sources.data_folder import DataFolder
from tests.test_serve import LONGEST, served
from warehouse.publishing.release import Release, releases, show

CLIENTS, REQUESTS = 50, 4
# bytes beyond which fifty answers are not bounded any more: the pool's 512 MB, and a process without work
BOUND = 1_200 << 20
# far above every value of the release
MOVED = 1e12


@pytest.fixture(scope="module")
def home(home: Path) -> DataFolder:
    """Two releases of the same rows; in the later one every value is larger by MOVED."""
    folder = DataFolder(home)
    (first,) = releases(folder)
    later = Release("20991231T000000Z", folder.releases / "20991231T000000Z")
    later.folder.mkdir()
    shutil.copy(first.database, later.database)
    later.database.chmod(0o644)
    (later.folder / "release.json").write_text(
        json.dumps(json.loads((first.folder / "release.json").read_bytes()) | {"release_id": later.id})
    )
    with duckdb.connect(str(later.database)) as con:
        con.execute(f"update indicators set value = value + {MOVED}")
        con.execute(f"update indicator_history set value = value + {MOVED}")
        con.execute(f"update observations set value = value + {MOVED}")
    return folder


@pytest.fixture(scope="module")
def server(home: DataFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The address of a server and its process."""
    file = tmp_path_factory.mktemp("server") / "pid"
    with served(home, f"import os; open({str(file)!r}, 'w').write(str(os.getpid()))") as address:
        yield address, int(file.read_text())


def memory(process: int) -> int:
    """The most memory that the process ever held, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) << 10


ADDRESSES = (
    "/api/v1/data.csv?indicator=enterprise_births,epo_applications",
    "/api/v1/data.csv?geo=ITG1,ITG17,IT&period=2010:",
    "/sdmx/v2/data/dataflow/DISTRETTO/indicators/1.0/enterprise_births.*",
    "/sdmx/v2/data/dataflow/DISTRETTO/bd_size_r3/1.0?c[GEO]=ITG17",
    "/api/v1/data.csv",
)


def values(text: str) -> set[bool]:
    """Whether values are those of the later release, over all rows of a CSV answer."""
    rows = csv.DictReader(io.StringIO(text))
    found = (row.get("value") or row.get("OBS_VALUE") for row in rows)
    return {float(value) > MOVED / 2 for value in found if value}


def test_fifty_clients_read_whole_answers_while_the_current_release_changes(
    home: DataFolder, server: tuple[str, int]
):
    address, process = server
    first, later = releases(home)
    statuses: Counter[int] = Counter()
    seen: Counter[str] = Counter()
    mixed: list[str] = []
    begin, over = threading.Barrier(CLIENTS + 1), threading.Event()

    def read(number: int) -> None:
        with requests.Session() as session:
            begin.wait()
            for turn in range(REQUESTS):
                path = ADDRESSES[(number + turn) % len(ADDRESSES)]
                answer = session.get(address + path, timeout=LONGEST)
                statuses[answer.status_code] += 1
                release = answer.headers["x-distretto-release"]
                seen[release] += 1
                if values(answer.text) != {release == later.id}:
                    mixed.append(f"{path} {release}")

    def switch() -> None:
        begin.wait()
        turn = 0
        while not over.is_set():
            show(home, (later, first)[turn % 2])
            turn += 1
            over.wait(0.3)

    switching = threading.Thread(target=switch)
    switching.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(read, range(CLIENTS)))
    finally:
        over.set()
        switching.join()
        show(home, first)
    assert statuses == {200: CLIENTS * REQUESTS}
    assert mixed == []
    assert set(seen) == {first.id, later.id}, "both were current while clients read"
    assert memory(process) < BOUND


def test_releases_that_nobody_reads_any_more_are_closed(home: DataFolder, server: tuple[str, int]):
    address, process = server
    first, later = releases(home)
    for release in (later, first, later, first):
        show(home, release)
        assert requests.get(f"{address}/api/v1/data.csv?geo=ITG17", timeout=LONGEST).headers[
            "x-distretto-release"
        ] == (release.id)
    opened = [path.resolve() for path in Path(f"/proc/{process}/fd").iterdir() if path.is_symlink()]
    assert {path.parent.name for path in opened if path.name == "distretto.duckdb"} == {first.id}
    assert not [path for path in opened if path.parent.name.startswith("distretto-")], "files of answers"
