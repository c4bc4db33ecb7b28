"""A real HTTP server on loopback for the test providers: what is asked is recorded, limits that are broken are noted.

Belongs here: the transport, and limits of servers in general (IIS: 260 characters a path segment). Does not belong here:
what a provider serves (`provider*.py`).
"""

from __future__ import annotations

import re
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

BASE = "/eurostat/api/dissemination"
LONGEST_SEGMENT = 260


@dataclass(frozen=True)
class Request:
    """One request as it came in; `code` is the table asked for in lower case, `inventory`, or empty."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    time: float
    target: str
    body: bytes = b""

    @property
    def code(self) -> str:
        found = re.match(rf"{BASE}/(?:sdmx/2\.1|statistics/1\.0)/data/([^/]+)", self.path)
        return found[1].lower() if found else "inventory" if self.path == f"{BASE}/files/inventory" else ""

    @property
    def is_statistics(self) -> bool:
        return self.path.startswith(f"{BASE}/statistics/")


@dataclass(frozen=True)
class Answer:
    """`body` is whole, or comes in chunks; `end` is how the connection ends where it does not end well."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    content_type: str = "text/plain"
    headers: dict[str, str] = field(default_factory=dict)
    end: str = ""


class Server:
    """A server, up inside its `with` block; `stop` and `start` take it down and up on the same port.

    A run that breaks a limit of the provider fails its test when the block ends: `violations` says which.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.stopping = threading.Event()  # one for each start
        self.violations: list[str] = []
        self._requests: list[Request] = []
        self._lock = threading.Lock()
        self._http: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        self.stop()
        if failure is None:
            assert not self.violations, self.violations

    def start(self) -> None:
        self.stopping = threading.Event()
        self._http = _Listener(("127.0.0.1", self.port), partial(_Handler, self))
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on; answers that still run break off."""
        if self._http:
            self.stopping.set()
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

    def record(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def answer(self, request: Request) -> Answer:
        """The answer to `request`, which is recorded."""
        raise NotImplementedError

    def limited(self, request: Request) -> Answer | None:
        """The refusal of a request that breaks a limit of the provider, which is noted."""
        segments = urlsplit(request.target).path.split("/")
        if longest := max(map(len, segments)):
            if longest > LONGEST_SEGMENT:
                self.violations.append(f"a segment of {longest} characters: {request.target[:80]}...")
                return Answer(400, b"<h2>Bad Request - Invalid URL</h2>", "text/html")
        return None


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, provider: Server, *connection: Any) -> None:
        self.provider, self.stopping = provider, provider.stopping
        super().__init__(*connection)

    def do_GET(self) -> None:
        url, posted = urlsplit(self.path), self.rfile.read(int(self.headers.get("Content-Length", 0)))
        about = parse_qs(url.query), dict(self.headers), time.time(), self.path, posted
        request = Request(self.command, unquote(url.path), *about)
        refused = self.provider.limited(request)
        if refused:
            self.provider.record(request)
        answer = refused or self.provider.answer(request)
        # a connection an answer: a provider that is stopped leaves none open
        self.close_connection = True
        try:
            if answer.end == "hang":
                self._hang()
            elif answer.end == "drip_headers":
                self._drip_headers()
            else:
                self._send(answer)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has left

    do_POST = do_GET

    def _send(self, answer: Answer) -> None:
        whole = isinstance(answer.body, bytes)
        framing = {"Content-Length": str(len(answer.body))} if whole else {"Transfer-Encoding": "chunked"}
        headers = {"Content-Type": answer.content_type, "Connection": "close"} | framing | answer.headers
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if whole:
            self.wfile.write(answer.body)
        else:
            for chunk in answer.body:
                if self.stopping.is_set():
                    return
                if chunk:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")
        if answer.end == "reset":
            # closed with nothing to linger for, the socket sends RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()

    def _drip_headers(self) -> None:
        """Headers without an end, a byte at a time, each sooner than any read timeout."""
        for byte in b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 100_000:
            if self.stopping.wait(0.05):
                return
            self.wfile.write(bytes([byte]))

    def _hang(self) -> None:
        while not self.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.05)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are recorded, not printed."""
