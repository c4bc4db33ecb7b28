"""Releases over plain HTTP: read-only, with ranges, for DuckDB, browsers and whatever reads Parquet.

Belongs here: addresses and headers. Does not belong here: what a release holds. `/current/` redirects to the
release that stands, so that ranges of one download never come from two; ETags are the sha256 of its SHA256SUMS.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from sources.data_folder import DataFolder
from sources.errors import DistrettoError
from warehouse.publishing.release import Release, current

NAMED = re.compile(r"^\d{8}T\d{6}Z/")
# a release is never edited
FOR_EVER = "public, max-age=31536000, immutable"
CONNECTIONS = 64
IDLE_S = 15
HEADERS_S = 10
STALLED_S = 60


class Files(StaticFiles):
    """Files of whole releases: nothing half built, nothing hidden, no listing, nothing outside the folder."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        place = Path(path).as_posix()
        if not NAMED.match(place) or any(part.startswith(".") for part in place.split("/")):
            raise HTTPException(404)
        return await super().get_response(path, scope)

    def file_response(
        self, full_path: os.PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        path = Path(full_path)
        root = next(folder for folder in path.parents if NAMED.match(folder.name + "/"))
        headers = {"cache-control": FOR_EVER, "x-content-type-options": "nosniff"}
        if digest := checksums(root).get(path.relative_to(root).as_posix()):
            headers["etag"] = f'"{digest}"'
        response = FileResponse(path, status_code, stat_result=stat_result, headers=headers)
        asked = Request(scope).headers
        return (
            NotModifiedResponse(response.headers)
            if self.is_not_modified(response.headers, asked)
            else response
        )


@lru_cache(maxsize=64)
def checksums(folder: Path) -> dict[str, str]:
    """sha256 by file of the release in `folder`."""
    sums = folder / "SHA256SUMS"
    return {line[66:]: line[:64] for line in sums.read_text().splitlines()} if sums.exists() else {}


def application(home: DataFolder) -> Starlette:
    """The ASGI application over the releases of `home`."""

    def standing() -> Release:
        release = current(home)
        if release is None:
            raise HTTPException(503, "No release is published yet.")
        return release

    async def to_current(request: Request) -> Response:
        wanted = request.path_params.get("path") or "site/index.html"
        return RedirectResponse(
            f"/releases/{standing().id}/{wanted}", 307, headers={"cache-control": "no-cache"}
        )

    return Starlette(
        routes=[
            Route("/", to_current),
            Route("/current", to_current),
            Route("/current/{path:path}", to_current),
            Mount("/releases", Files(directory=home.releases, check_dir=False)),
        ]
    )


class Punctual(H11Protocol):
    """Closes a connection whose request is not whole HEADERS_S after it began, or that takes nothing of its answer for
    STALLED_S.

    uvicorn bounds connections that are idle, not those that send or take a byte now and then; and CONNECTIONS of them
    would shut everybody out.
    """

    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADERS_S, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle and not self.cycle.response_complete:
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_S, self.transport.close)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        if self._stalled:
            self._stalled.cancel()
        super().connection_lost(exc)

    def _forget(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


def listen(home: DataFolder, host: str, port: int) -> Callable[[], None]:
    """What serves until interrupted, with the port taken already. Raises DistrettoError where another program has it."""
    config = uvicorn.Config(
        application(home),
        host=host,
        port=port,
        http=Punctual,
        log_level="warning",
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=5,
    )
    try:
        listening = config.bind_socket()
    except SystemExit:
        raise DistrettoError(
            f"{host}:{port} cannot be listened on.",
            hint="another program may have it: choose another --port.",
        ) from None
    return partial(uvicorn.Server(config).run, sockets=[listening])
