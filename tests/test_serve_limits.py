"""`distretto serve` under abuse: clients that hold connections open do not block others."""

from __future__ import annotations

import http.client
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from sources.data_folder import DataFolder
from tests.test_serve import served

WHOLE = b"GET /current/release.csv HTTP/1.1\r\nHost: test\r\n\r\n"
PART = b"GET / HTTP/1.1\r\nX: "
LIMITS = "import pipelines.http_server as s; s.{} = {}"


@pytest.fixture(scope="module")
def home(home: Path) -> DataFolder:
    """A data folder with a release."""
    return DataFolder(home)


class Clients(ExitStack):
    """Connections to a server from addresses of this machine."""

    def __init__(self, address: str):
        super().__init__()
        host, port = address.removeprefix("http://").split(":")
        self.server = host, int(port)

    def open(self, sent: bytes, source: str = "127.0.0.1", buffer: int = 0) -> socket.socket:
        """A new connection from `source` on which `sent` was sent."""
        opened = self.enter_context(socket.socket())
        if buffer:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        opened.bind((source, 0))
        opened.connect(self.server)
        opened.sendall(sent)
        return opened

    def status(self, source: str = "127.0.0.1", path: str = "/current/release.csv") -> int:
        """The status of the answer to a whole request from `source`."""
        connection = http.client.HTTPConnection(*self.server, source_address=(source, 0))
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def clients(home: DataFolder, **limits: int) -> Iterator[Clients]:
    """Clients of a server of its own with other `limits`."""
    before = "; ".join(LIMITS.format(name, value) for name, value in limits.items())
    with served(home, before) as address, Clients(address) as opened:
        yield opened


def closed(connection: socket.socket) -> bool:
    """Whether the server closed the connection."""
    if not select.select([connection], [], [], 0)[0]:
        return False
    with suppress(ConnectionResetError):
        return connection.recv(4096) == b""
    return True


@pytest.mark.parametrize("sent", [b"", PART], ids=["silent", "half a request"])
def test_seventy_slow_connections_shut_nobody_out(home: DataFolder, sent: bytes):
    """Neither other clients nor another program of the same address; far from the deadline of a request."""
    with clients(home, HEADERS_S=600) as opened:
        for _ in range(70):
            opened.open(sent)
        assert opened.status(source="127.0.0.2") == 307
        assert opened.status() == 307


def test_many_clients_with_many_connections_shut_nobody_out(home: DataFolder):
    with clients(home, HEADERS_S=600, CONNECTIONS=40, CONNECTIONS_PER_CLIENT=8) as opened:
        for source in range(2, 12):
            for _ in range(12):
                opened.open(PART, source=f"127.0.0.{source}")
        assert opened.status(source="127.0.0.50") == 307
        assert opened.status() == 307


def test_a_client_that_takes_nothing_of_many_answers_is_bounded_and_others_are_served(home: DataFolder):
    large = home.current.resolve() / "distretto.duckdb"
    request = f"GET /releases/{large.parent.name}/{large.name} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
    with clients(home, STALLED_S=600, CONNECTIONS=12, CONNECTIONS_PER_CLIENT=4) as opened:
        held = [opened.open(request, source="127.0.0.9", buffer=4096) for _ in range(4)]
        for connection in held:
            assert connection.recv(12) == b"HTTP/1.1 200"
        fifth = opened.open(WHOLE, source="127.0.0.9")
        assert fifth.recv(12) == b"HTTP/1.1 503", "all of its connections are busy"
        assert opened.status(source="127.0.0.2") == 307
        for source in (10, 11, 12):
            for _ in range(4):
                opened.open(request, source=f"127.0.0.{source}", buffer=4096)
        assert opened.status(source="127.0.0.2") == 307, "the client with the most connections gives way"


def test_a_client_that_sends_a_request_byte_by_byte_is_cut_off(home: DataFolder):
    with clients(home, HEADERS_S=2) as opened:
        polite = opened.open(WHOLE)
        assert polite.recv(4096).startswith(b"HTTP/1.1 307")
        # the second request of a connection has the same deadline
        polite.sendall(b"GET /current/release.csv HT")
        slow = [polite, *(opened.open(b"") for _ in range(3)), *(opened.open(PART) for _ in range(20))]
        while slow:
            time.sleep(0.25)
            for connection in list(slow):
                with suppress(OSError):
                    if connection is not polite:
                        connection.sendall(b"x")
                if closed(connection):
                    slow.remove(connection)
        assert opened.status() == 307


def test_a_client_that_takes_nothing_of_an_answer_is_cut_off(home: DataFolder):
    large = home.current.resolve() / "distretto.duckdb"
    path = f"/releases/{large.parent.name}/{large.name}"
    with clients(home, STALLED_S=1) as opened:
        # the kernel takes much less than the file for a client that does not read; on a busy machine the server is late
        for pause in (2.5, 10, 40, 160):
            lazy = opened.open(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode(), buffer=4096)
            time.sleep(pause)
            taken = 0
            with suppress(ConnectionResetError):
                while some := lazy.recv(1 << 20):
                    taken += len(some)
            if taken < large.stat().st_size:
                break
        assert taken < large.stat().st_size
        assert opened.status(path=path) == 200
