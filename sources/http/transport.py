"""Connections that another thread can cut, so that a deadline also ends a response whose headers never end.

Belongs here: sockets. Does not belong here: retries, rate limits and what is asked (`client.py`, `rate_limit.py`).
The read timeout of `requests` limits the wait for each piece; a byte now and then would keep such a response open forever.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests.adapters
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sources.http.stopping import Stop


class Line:
    """The open connections of one client; `cut` ends every read and write on them."""

    def __init__(self) -> None:
        self._handles: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.overdue = False

    def opened(self, connection: socket.socket) -> socket.socket:
        """A handle on `connection` that stays valid while TLS replaces the socket object."""
        handle = connection.dup()
        with self._lock:
            self._handles.add(handle)
        return handle

    def closed(self, handle: socket.socket) -> None:
        with self._lock:
            self._handles.discard(handle)
        handle.close()

    def cut(self) -> None:
        """Shut down every connection: reads of other threads return at once."""
        with self._lock:
            for handle in self._handles:
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def deadline(self, ends: float, stop: Stop) -> Iterator[None]:
        """While inside, connections are cut at the monotonic time `ends` (then `overdue`), or when the run is to end."""

        def expire() -> None:
            self.overdue = True
            self.cut()

        self.overdue = False
        timer = threading.Timer(max(ends - time.monotonic(), 0), expire)
        timer.daemon = True
        timer.start()
        try:
            with stop.cutting(self.cut):
                yield
        finally:
            timer.cancel()


class Adapter(requests.adapters.HTTPAdapter):
    """The adapter of requests, its connections registered with `line`."""

    def __init__(self, line: Line) -> None:
        self._schemes = _pools(line)
        super().__init__()

    def init_poolmanager(self, *args: Any, **keys: Any) -> None:
        super().init_poolmanager(*args, **keys)
        self.poolmanager.pool_classes_by_scheme = self._schemes

    def proxy_manager_for(self, *args: Any, **keys: Any) -> Any:
        manager = super().proxy_manager_for(*args, **keys)
        manager.pool_classes_by_scheme = self._schemes
        return manager


def _pools(line: Line) -> dict[str, Any]:
    """Pools of urllib3 by scheme, whose connections are registered with `line`."""

    class Registered:
        _handle: socket.socket | None = None

        def _new_conn(self) -> socket.socket:
            opened: socket.socket = super()._new_conn()  # type: ignore[misc]
            self._handle = line.opened(opened)
            return opened

        def close(self) -> None:
            handle, self._handle = self._handle, None
            if handle:
                line.closed(handle)
            super().close()  # type: ignore[misc]

    class Plain(Registered, HTTPConnection):
        pass

    class Secure(Registered, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
