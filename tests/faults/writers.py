"""Two writers on one data folder, and twenty readers while a release replaces another."""

from __future__ import annotations

import hashlib
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import duckdb
import requests

from tests.conftest import ROOT
from tests.faults.ground import Case, Ground, Prepared
from tests.faults.judge import FAILED, MIXED, POISONED, Found, compare, look, next_night, standing, words

READERS = 20
# what must agree within one release: its id, and its figures' number and sum
TOTALS = "select (select any_value(release_id) from release), count(*), sum(value) from observations"


def two(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """Two commands that write begin at nearly the same time: one at least goes through, the other says why it did not."""
    with ground.case(prepared.first) as case:
        before = standing(case.home)
        ground.serve(1, case.home)
        other = [case.refresh, [*case.refresh, "--offline"], ["release", "rebuild"], ["validate"]][n % 4]
        first = case.start(*case.refresh, exports=False)
        time.sleep(chance.uniform(0, 2 * prepared.night.cpu_s))
        second = case.start(*other, exports=False)
        endings = [first.ending(), second.ending()]
        for ending in endings:
            words(ending, found)
        if all(ending.code not in (0, 3) for ending in endings):
            found.add(POISONED, f"neither went through: {[ending.text[-200:] for ending in endings]}")
        look(case, before, prepared, found)
        next_night(case, prepared, found, exports=False)


def readers(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """Ten readers by file and ten over HTTP with ranges, while a release is published: each reads one release or the other."""
    with ground.case(prepared.first) as case:
        ground.serve(1, case.home)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = case.order().environment
        server = subprocess.Popen(
            [sys.executable, "-c", "from pipelines.cli import main; main()", "serve", "--port", str(port)],
            cwd=ROOT, env={**environment, "PATH": ""}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}/"
        done, reads = threading.Event(), [0]
        lock = threading.Lock()
        try:
            _wait(address)
            work: list[Callable[[], None]] = [lambda: _by_file(case, found)] * (READERS // 2)
            work += [lambda: _by_http(address, chance, found)] * (READERS // 2)

            def read(once: Callable[[], None]) -> None:
                while not done.is_set():
                    once()
                    with lock:
                        reads[0] += 1
                    done.wait(0.2)

            threads = [threading.Thread(target=read, args=(once,), daemon=True) for once in work]
            for thread in threads:
                thread.start()
            ending = case.night()
            time.sleep(0.5)
            done.set()
            for thread in threads:
                thread.join(30)
            words(ending, found)
            if ending.code != 0:
                found.add(POISONED, f"exit code {ending.code}: {ending.text[-300:]}")
            compare(case.home, prepared, found)
            found.notes.append(f"({reads[0]} reads)")
        finally:
            server.terminate()
            server.wait(30)


def _wait(address: str) -> None:
    for _ in range(600):
        try:
            requests.get(address, timeout=5)
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError("serve does not answer")


def _by_file(case: Case, found: Found) -> None:
    folder = (case.home / "current").resolve()
    try:
        with duckdb.connect(str(folder / "distretto.duckdb"), read_only=True) as con:
            release, count, total = con.execute(TOTALS).fetchone() or ("", 0, 0)
        with duckdb.connect() as con:
            rows = con.execute(
                f"select count(*), sum(value) from read_parquet('{folder}/observations.parquet')"
            ).fetchone()
    except duckdb.Error as failure:
        found.add(FAILED, f"by file: {failure}")
        return
    if release != folder.name or rows != (count, total):
        found.add(MIXED, f"by file: {folder.name} has {release}, {count}, {total} and {rows}")


def _by_http(address: str, chance: random.Random, found: Found) -> None:
    """A file in two ranges, the second only if it is still the same."""
    try:
        head = requests.head(urljoin(address, "current/distretto.duckdb"), allow_redirects=True, timeout=60)
        size, tag = int(head.headers["content-length"]), head.headers["etag"]
        half = chance.randrange(1, size)
        body = b""
        for span in (f"0-{half - 1}", f"{half}-{size - 1}"):
            part = requests.get(head.url, headers={"Range": f"bytes={span}", "If-Range": tag}, timeout=60)
            if part.status_code != 206:
                found.add(FAILED, f"by HTTP: {part.status_code} for bytes {span}")
                return
            body += part.content
    except (requests.RequestException, KeyError) as failure:
        found.add(FAILED, f"by HTTP: {failure}")
        return
    if hashlib.sha256(body).hexdigest() != tag.strip('"'):
        found.add(MIXED, f"by HTTP: {Path(head.url).parent.name} is not what its ETag says")
