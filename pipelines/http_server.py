"""Releases over HTTP, read-only, with ranges: for DuckDB, browsers and programs that read Parquet.

Belongs here: files of releases, headers and limits of the server. Does not belong here: the content of a release, addresses
that answer from its tables (`pipelines/service`). `/current/`
redirects to the current release, so that the ranges of one download never come from two releases. An ETag is the
file's SHA-256 in the release's SHA256SUMS.
"""

from __future__ import annotations

import asyncio
import html
import ipaddress
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipelines.service.problems import HANDLERS
from pipelines.service.router import routes
from pipelines.service.service import RELEASE_HEADER, Service
from sources.data_folder import DataFolder
from sources.errors import DistrettoError
from warehouse.publishing.releases import KEPT, Release, current, mirror

RELEASE_ID = re.compile(r"\d{8}T\d{6}Z")
# a release is never edited, but retention removes it: clients validate their copy again after a day
CACHE_FILE = "public, max-age=86400, immutable"
CONNECTIONS = 256
# an office behind one address, or a program with fifty requests at once
CONNECTIONS_PER_CLIENT = 64
IDLE_S = 15
HEADERS_S = 10
STALLED_S = 60


class ReleaseFiles(StaticFiles):
    """Files of published releases: nothing unfinished, nothing hidden, no listing, nothing outside the folder."""

    def __init__(self, home: DataFolder):
        super().__init__(directory=home.releases, check_dir=False)
        self.home = home

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at `path`, RELEASE/FILE; 410 for every file of a removed release except those KEPT."""
        release_id, _, file = Path(path).as_posix().partition("/")
        if not RELEASE_ID.fullmatch(release_id) or any(part.startswith(".") for part in file.split("/")):
            raise HTTPException(404)
        folder = self.home.releases / release_id
        if self.home.lake and not folder.exists():
            await run_in_threadpool(mirror, self.home, release_id)
        if file.partition("/")[0] not in KEPT and _removed(folder):
            return self._gone(release_id, file)
        if not file and folder.is_dir():
            return RedirectResponse(
                f"/releases/{release_id}/site/index.html", 307, {"cache-control": "no-cache"}
            )
        return await super().get_response(path, scope)

    def file_response(
        self,
        full_path: os.PathLike[str] | str,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """The file, or 304 where the client's copy has its ETag."""
        path = Path(full_path)
        root = next(folder for folder in path.parents if RELEASE_ID.fullmatch(folder.name))
        headers = {"cache-control": CACHE_FILE, "x-content-type-options": "nosniff"}
        if digest := checksums(root).get(path.relative_to(root).as_posix()):
            headers["etag"] = f'"{digest}"'
        response = FileResponse(path, status_code, stat_result=stat_result, headers=headers)
        asked = Request(scope).headers
        return (
            NotModifiedResponse(response.headers)
            if self.is_not_modified(response.headers, asked)
            else response
        )

    def _gone(self, release_id: str, file: str) -> Response:
        """A page that names the removed release, its record, and the same file in the current release."""
        newer = html.escape(f"/current/{file}", quote=True)
        record = f"/releases/{release_id}/release.json"
        return HTMLResponse(
            f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Release {release_id} was removed</title>
<p>Release {release_id} was removed to free space: releases are kept for thirty nights, and the last of each month
after that. Its record is kept: <a href="{record}">{record}</a>. The current release: <a href="{newer}">{newer}</a>.</p>
<p lang="it">La pubblicazione {release_id} è stata rimossa per liberare spazio: le pubblicazioni si conservano per trenta
notti, poi resta l'ultima di ogni mese. La sua scheda è conservata: <a href="{record}">{record}</a>. La pubblicazione
corrente: <a href="{newer}">{newer}</a>.</p></html>
""",
            410,
            {
                "cache-control": "no-cache",
                "x-content-type-options": "nosniff",
                "link": f'<{record}>; rel="describedby", </current/{quote(file)}>; rel="successor-version"',
            },
        )


def _removed(folder: Path) -> bool:
    """Whether retention removed the release that was in `folder`, which leaves what is KEPT."""
    return (folder / "release.json").exists() and not (folder / "distretto.duckdb").exists()


@lru_cache(maxsize=64)
def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 by file of the release in `folder`."""
    sums = folder / "SHA256SUMS"
    return {line[66:]: line[:64] for line in sums.read_text().splitlines()} if sums.exists() else {}


def application(home: DataFolder) -> Starlette:
    """The ASGI application that serves the releases of `home`."""
    service = Service(home)

    @asynccontextmanager
    async def open_pool(app: Starlette) -> AsyncIterator[None]:
        yield
        service.pool.close()

    def shown() -> Release:
        release = current(home)
        if release is None:
            raise HTTPException(503, "No release is published yet.")
        return release

    async def to_current(request: Request) -> Response:
        wanted = request.path_params.get("path") or "site/index.html"
        return RedirectResponse(
            f"/releases/{shown().id}/{wanted}", 307, headers={"cache-control": "no-cache"}
        )

    return Starlette(
        routes=[
            Route("/", to_current),
            Route("/current", to_current),
            Route("/current/{path:path}", to_current),
            *routes(service),
            Mount("/releases", ReleaseFiles(home)),
        ],
        middleware=_cross_origin(os.environ.get("DISTRETTO_CORS") or "*"),
        exception_handlers=HANDLERS,
        lifespan=open_pool,
    )


def _cross_origin(setting: str) -> list[Middleware]:
    """Headers that let pages of other origins read: of any, of those named with commas, or of `none`."""
    if setting == "none":
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=[origin.strip() for origin in setting.split(",")],
            allow_methods=["GET", "HEAD"],
            allow_headers=["Range", "If-Range", "If-None-Match"],
            expose_headers=[
                "ETag",
                "Link",
                "Content-Range",
                "Accept-Ranges",
                "Content-Disposition",
                RELEASE_HEADER,
            ],
            max_age=86400,
        )
    ]


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 with limits in time and number, so that no client can shut out the others.

    A connection is closed if its request is not complete HEADERS_S after it began, or if it takes nothing of its
    response for STALLED_S. A client (an IPv4 address, an IPv6 /64 network) has CONNECTIONS_PER_CLIENT: for one more the
    connection that has waited longest for a request is closed, or, if all are busy, the new one is answered with 503.
    When CONNECTIONS are open, the client that has the most gives way. uvicorn bounds only their sum, and only those
    that are idle.
    """

    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _waiting_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for this connection, and expect its request in time."""
        super().connection_made(transport)
        self._waiting_since = self.loop.time()
        self._deadline = self.loop.call_later(HEADERS_S, transport.close)
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Once the request is complete its deadline is over; that of the next begins with its first byte."""
        super().data_received(data)
        if self._busy:
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_S, self.transport.close)

    def on_response_complete(self) -> None:
        """The connection waits for its next request."""
        self._waiting_since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not take its response."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The client took some of its response."""
        super().resume_writing()
        if self._stalled:
            self._stalled.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the timers."""
        self._forget()
        if self._stalled:
            self._stalled.cancel()
        super().connection_lost(exc)

    @property
    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _network(self) -> str:
        try:
            address = ipaddress.ip_address(self.client[0]) if self.client else None
        except ValueError:
            return self.client[0] if self.client else ""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        return str(address)

    def _make_room(self) -> None:
        others = [one for one in self.connections if one is not self and isinstance(one, BoundedProtocol)]
        held = Counter(one._network for one in others)
        if held[self._network] >= CONNECTIONS_PER_CLIENT:
            waiting = [one for one in others if one._network == self._network and not one._busy]
        elif len(others) >= CONNECTIONS:
            network, most = held.most_common(1)[0]
            theirs = [one for one in others if one._network == network]
            waiting = [one for one in theirs if not one._busy]
            if not waiting and most > held[self._network] + 1:
                waiting = theirs
        else:
            return
        if waiting:
            closing = min(waiting, key=lambda one: one._waiting_since)
            self.connections.discard(closing)
            closing.transport.abort()
        else:
            self.transport.write(
                b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()

    def _forget(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


def listen(home: DataFolder, host: str, port: int) -> Callable[[], None]:
    """Take the port; the function returned serves until it is interrupted. Raises DistrettoError if the port is in use."""
    config = uvicorn.Config(
        application(home),
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        log_level="warning",
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=2,
    )
    try:
        listening = config.bind_socket()
    except SystemExit:
        raise DistrettoError(
            f"Cannot listen on {host}:{port}.",
            hint="another program may use it: choose another --port.",
        ) from None
    return partial(uvicorn.Server(config).run, sockets=[listening])
