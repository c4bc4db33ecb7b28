"""`distretto serve` over a real socket: ranges, validators, redirects, and what it must not give out."""

from __future__ import annotations

import hashlib
import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
import requests

from sources.data_folder import DataFolder
from tests.conftest import ROOT, distretto
from warehouse.publishing.release import Release, show


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
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def address(home: DataFolder) -> Iterator[str]:
    with served(home) as address:
        yield address


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=10, allow_redirects=False)


def test_current_redirects_to_the_release_that_stands(home: DataFolder, address: str):
    release = home.current.resolve().name
    for path in ("current/indicators.parquet", "releases/../current/indicators.parquet"):
        answer = get(f"{address}/{path}")
        assert answer.status_code == 307 and answer.headers["cache-control"] == "no-cache"
        assert answer.headers["location"] == f"/releases/{release}/indicators.parquet"
    page = requests.get(address, timeout=10)
    assert page.url == f"{address}/releases/{release}/site/index.html" and page.status_code == 200


def test_a_file_has_its_sha256_as_etag_and_is_not_sent_twice(home: DataFolder, address: str):
    url = requests.get(f"{address}/current/indicators.csv", timeout=10).url
    whole = get(url)
    assert whole.content == (home.current / "indicators.csv").read_bytes()
    assert whole.headers["etag"] == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    assert "immutable" in whole.headers["cache-control"]
    assert get(url, **{"If-None-Match": whole.headers["etag"]}).status_code == 304
    assert get(url, **{"If-None-Match": '"other"'}).status_code == 200
    head = requests.head(url, timeout=10)
    assert head.content == b"" and head.headers["content-length"] == str(len(whole.content))
    assert head.headers["accept-ranges"] == "bytes"


def test_ranges_are_parts_of_the_file_and_only_of_that_file(address: str):
    url = requests.get(f"{address}/current/indicators.csv", timeout=10).url
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
        "/releases/{release}/",
        "/releases/{release}/nothing.csv",
        "/secret.txt",
        "/current/../secret.txt",
    ],
)
def test_nothing_else_is_given_out(home: DataFolder, address: str, path: str):
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
    connection.request("GET", path.format(release=home.current.resolve().name))
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status in (307, 404) and b"secret" not in body and b"half" not in body
    if answer.status == 307:
        assert requests.get(address + answer.headers["location"], timeout=10).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_only_reads(home: DataFolder, address: str, method: str):
    release = home.current.resolve().name
    for path in ("current/indicators.csv", f"releases/{release}/indicators.csv"):
        assert requests.request(method, f"{address}/{path}", data=b"x", timeout=10).status_code == 405


def test_who_dribbles_a_request_is_cut_off_and_shuts_nobody_out(home: DataFolder):
    """Sixty-four connections, as many as are served at once, send a byte of a header now and then, or nothing."""

    def begin(first: bytes) -> socket.socket:
        opened = socket.create_connection((host, int(port)), timeout=10)
        opened.sendall(first)
        return opened

    with served(home, "import pipelines.http_server; pipelines.http_server.HEADERS_S = 2") as address:
        host, port = address.removeprefix("http://").split(":")
        whole = b"GET /current/release.csv HTTP/1.1\r\nHost: test\r\n\r\n"
        polite = begin(whole)
        assert polite.recv(4096).startswith(b"HTTP/1.1 307")
        # the second request of a connection is under the same clock
        polite.sendall(b"GET /current/release.csv HT")
        slow = [
            polite,
            *(begin(b"") for _ in range(3)),
            *(begin(b"GET / HTTP/1.1\r\nX: ") for _ in range(60)),
        ]
        ended = time.monotonic() + 8
        while slow and time.monotonic() < ended:
            time.sleep(0.25)
            for opened in list(slow):
                try:
                    if opened is not polite:
                        opened.sendall(b"x")
                    if select.select([opened], [], [], 0)[0] and opened.recv(4096) == b"":
                        raise ConnectionResetError
                except OSError:
                    slow.remove(opened)
                    opened.close()
        assert slow == []
        assert get(f"{address}/current/release.csv").status_code == 307


def test_who_takes_nothing_of_an_answer_is_cut_off(home: DataFolder):
    large = home.current.resolve() / "distretto.duckdb"
    with served(home, "import pipelines.http_server; pipelines.http_server.STALLED_S = 1") as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.socket() as lazy:
            # what the kernel takes for a reader that does not read is much less than the file
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.settimeout(10)
            lazy.connect((host, int(port)))
            lazy.sendall(
                f"GET /releases/{large.parent.name}/{large.name} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
            )
            time.sleep(2.5)
            taken = 0
            with suppress(ConnectionResetError):
                while some := lazy.recv(1 << 20):
                    taken += len(some)
        assert taken < large.stat().st_size
        assert (
            len(get(f"{address}/releases/{large.parent.name}/{large.name}").content) == large.stat().st_size
        )


def test_a_taken_port_is_said_in_one_sentence(home: DataFolder, address: str):
    outcome = distretto(home.root, "serve", "--port", address.rpartition(":")[2])
    assert (outcome.code, outcome.out) == (1, "")
    assert "--port" in outcome.err and "Traceback" not in outcome.err


def test_parts_of_two_releases_are_never_mixed(home: DataFolder, address: str):
    """A client that begins a download by /current/ and goes on after a release: its validator does not fit any more."""
    first = requests.get(f"{address}/current/release.csv", headers={"Range": "bytes=0-9"}, timeout=10)
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
            timeout=10,
        )
        assert again.status_code == 200 and again.text == "another release altogether"
        # who holds the address of the release goes on with it
        assert get(first.url, Range="bytes=10-19").headers["etag"] == first.headers["etag"]
    finally:
        show(home, old)


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
