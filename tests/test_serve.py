"""`distretto serve` over a real socket: ranges, validators, redirects, and what it must not give out."""

from __future__ import annotations

import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
import requests

from sources.data_folder import DataFolder
from tests.conftest import ROOT, distretto
from warehouse.publishing.release import Release, show

# seconds that no answer takes, however loaded the machine is
LONGEST = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def home(home: Path) -> DataFolder:
    """Two releases of figures that ship, the later one shown; a half-built one and a secret beside them."""
    folder, home = home, DataFolder(home)
    (home.releases / ".building-20990101T000000Z").mkdir()
    (home.releases / ".building-20990101T000000Z" / "half.txt").write_text("half")
    (folder / "secret.txt").write_text("secret")
    return home


@contextmanager
def served(home: DataFolder, before: str = "") -> Iterator[str]:
    """The address of `distretto serve` in a process of its own, in which `before` is run first."""
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{before}\nfrom pipelines.cli import main; main()",
            "serve",
            "--port",
            str(port),
        ],
        cwd=ROOT,
        env={**os.environ, "DISTRETTO_HOME": str(home.root)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=LONGEST)


@pytest.fixture(scope="module")
def address(home: DataFolder) -> Iterator[str]:
    with served(home) as address:
        yield address


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=LONGEST, allow_redirects=False)


def test_current_redirects_to_the_release_that_stands(home: DataFolder, address: str):
    release = home.current.resolve().name
    for path in ("current/indicators.parquet", "releases/../current/indicators.parquet"):
        answer = get(f"{address}/{path}")
        assert answer.status_code == 307 and answer.headers["cache-control"] == "no-cache"
        assert answer.headers["location"] == f"/releases/{release}/indicators.parquet"
    page = requests.get(address, timeout=LONGEST)
    assert page.url == f"{address}/releases/{release}/site/index.html" and page.status_code == 200


def test_a_file_has_its_sha256_as_etag_and_is_not_sent_twice(home: DataFolder, address: str):
    url = requests.get(f"{address}/current/indicators.csv", timeout=LONGEST).url
    whole = get(url)
    assert whole.content == (home.current / "indicators.csv").read_bytes()
    assert whole.headers["etag"] == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    # a copy is good for a day, not for longer than the release is sure to be kept
    assert whole.headers["cache-control"] == "public, max-age=86400, immutable"
    assert get(url, **{"If-None-Match": whole.headers["etag"]}).status_code == 304
    assert get(url, **{"If-None-Match": '"other"'}).status_code == 200
    head = requests.head(url, timeout=LONGEST)
    assert head.content == b"" and head.headers["content-length"] == str(len(whole.content))
    assert head.headers["accept-ranges"] == "bytes"


def test_ranges_are_parts_of_the_file_and_only_of_that_file(address: str):
    url = requests.get(f"{address}/current/indicators.csv", timeout=LONGEST).url
    whole = get(url)
    part = get(url, Range="bytes=10-19")
    assert part.status_code == 206 and part.content == whole.content[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert get(url, Range="bytes=-5").content == whole.content[-5:]
    assert get(url, Range=f"bytes={len(whole.content)}-").status_code == 416
    # the rest of another file than the one begun: the whole is sent
    assert get(url, Range="bytes=10-19", **{"If-Range": '"another release"'}).status_code == 200
    assert get(url, Range="bytes=10-19", **{"If-Range": whole.headers["etag"]}).status_code == 206


@pytest.mark.parametrize(
    "path",
    [
        "/releases/../secret.txt",
        "/releases/%2e%2e/secret.txt",
        "/releases/..%2fsecret.txt",
        "/releases/{release}/../../secret.txt",
        "/releases/{release}/%2e%2e/%2e%2e/secret.txt",
        "/releases//etc/passwd",
        "/releases/.building-20990101T000000Z/half.txt",
        "/releases/{release}/%2e%2e/.building-20990101T000000Z/half.txt",
        "/releases/",
        "/releases/{release}/nothing.csv",
        "/secret.txt",
        "/current/../secret.txt",
    ],
)
def test_nothing_else_is_given_out(home: DataFolder, address: str, path: str):
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=LONGEST)
    connection.request("GET", path.format(release=home.current.resolve().name))
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status in (307, 404) and b"secret" not in body and b"half" not in body
    if answer.status == 307:
        assert requests.get(address + answer.headers["location"], timeout=LONGEST).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_only_reads(home: DataFolder, address: str, method: str):
    release = home.current.resolve().name
    for path in ("current/indicators.csv", f"releases/{release}/indicators.csv"):
        assert requests.request(method, f"{address}/{path}", data=b"x", timeout=LONGEST).status_code == 405


def test_a_taken_port_is_said_in_one_sentence(home: DataFolder, address: str):
    outcome = distretto(home.root, "serve", "--port", address.rpartition(":")[2])
    assert (outcome.code, outcome.out) == (1, "")
    assert "--port" in outcome.err and "Traceback" not in outcome.err


def test_parts_of_two_releases_are_never_mixed(home: DataFolder, address: str):
    """A client that begins a download by /current/ and goes on after a release: its validator does not fit any more."""
    first = requests.get(f"{address}/current/release.csv", headers={"Range": "bytes=0-9"}, timeout=LONGEST)
    old = Release(home.current.resolve().name, home.current.resolve())
    later = home.releases / "20991231T000000Z"
    later.mkdir()
    (later / "release.csv").write_text("another release altogether")
    digest = hashlib.sha256((later / "release.csv").read_bytes()).hexdigest()
    (later / "SHA256SUMS").write_text(f"{digest}  release.csv\n")
    try:
        show(home, Release(later.name, later))
        again = requests.get(
            f"{address}/current/release.csv",
            headers={"Range": "bytes=10-19", "If-Range": first.headers["etag"]},
            timeout=LONGEST,
        )
        assert again.status_code == 200 and again.text == "another release altogether"
        # who holds the address of the release goes on with it
        assert get(first.url, Range="bytes=10-19").headers["etag"] == first.headers["etag"]
    finally:
        show(home, old)


def test_the_folder_of_a_release_leads_to_its_pages(home: DataFolder, address: str):
    release = home.current.resolve().name
    for path in (f"/releases/{release}", f"/releases/{release}/"):
        answer = requests.get(address + path, timeout=LONGEST)
        assert answer.url == f"{address}/releases/{release}/site/index.html" and answer.status_code == 200


def test_a_removed_release_is_gone_and_its_record_is_kept(home: DataFolder, address: str):
    """Retention leaves release.json of a removed release: every other file of it is answered with 410, not with 404."""
    removed = home.releases / "20200101T000000Z"
    removed.mkdir()
    record = '{"release_id": "20200101T000000Z"}'
    (removed / "release.json").write_text(record)
    try:
        for path in ("", "/", "/indicators.csv", "/site/index.html", "/distretto.duckdb", "/nothing"):
            for method in ("GET", "HEAD"):
                gone = requests.request(
                    method,
                    f"{address}/releases/{removed.name}{path}",
                    timeout=LONGEST,
                    headers={"Range": "bytes=0-9"},
                )
                assert (gone.status_code, gone.headers["cache-control"]) == (410, "no-cache"), path
        text = get(f"{address}/releases/{removed.name}/indicators.csv").text
        assert "/current/indicators.csv" in text and f"/releases/{removed.name}/release.json" in text
        assert "was removed" in text and "è stata rimossa" in text
        kept = get(f"{address}/releases/{removed.name}/release.json")
        assert (kept.status_code, kept.text) == (200, record)
        assert get(f"{address}/releases/{removed.name}/.hidden").status_code == 404
        unsafe = get(f"{address}/releases/{removed.name}/%3Cscript%3E%22x")
        assert unsafe.status_code == 410 and "<script>" not in unsafe.text
        assert get(f"{address}/releases/20200102T000000Z/indicators.csv").status_code == 404, "never existed"
    finally:
        (removed / "release.json").unlink()
        removed.rmdir()


def test_it_listens_on_loopback_unless_told_otherwise(address: str):
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", int(address.rpartition(":")[2])))


@pytest.fixture
def httpfs() -> Iterator[duckdb.DuckDBPyConnection]:
    pytest.importorskip("duckdb_extension_httpfs", reason="needs the wheel duckdb-extension-httpfs")
    (extension,) = files("duckdb_extension_httpfs").joinpath("extensions").glob("*/httpfs.duckdb_extension")
    if extension.parent.name != f"v{duckdb.__version__}":
        pytest.skip(f"the extension is for DuckDB {extension.parent.name}, not {duckdb.__version__}")
    with duckdb.connect() as con:
        con.execute(f"load '{extension}'")
        yield con


def test_duckdb_attaches_and_reads_over_http(
    address: str, home: DataFolder, httpfs: duckdb.DuckDBPyConnection
):
    httpfs.execute(f"attach '{address}/current/distretto.duckdb' as distretto (read_only)")
    here = duckdb.sql(f"select count(*), sum(value) from '{home.current}/patents.parquet'").fetchone()
    assert httpfs.execute("select count(*), sum(value) from distretto.patents").fetchone() == here
    assert httpfs.execute("select count(*) from distretto.as_of(now())").fetchone()[0] > 0
    parquet = f"select count(*), sum(value) from read_parquet('{address}/current/patents.parquet')"
    assert httpfs.execute(parquet).fetchone() == here
