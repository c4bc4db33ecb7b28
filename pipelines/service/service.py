"""Runs a handler on one release: in a thread, on a connection of the pool, with the headers that every answer has.

Belongs here: what all dynamic addresses share. Does not belong here: an address (`router.py`) or its content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipelines.service.problems import Refused, answer
from sources.data_folder import DataFolder
from sources.errors import DistrettoError
from warehouse.publishing.release_pool import Reading, ReleasePool

# queries at the same time; further requests wait for a place, none is refused
QUERIES = 6
RELEASE_HEADER = "x-distretto-release"
# a copy may be kept, and is validated again each time: the address answers from whatever release is current
CACHE = "public, no-cache"
# writes the response to `request` from the release that it is given
Handler = Callable[[Request, Reading], Response]


class Service:
    """Dynamic addresses on the releases of one data folder."""

    def __init__(self, home: DataFolder):
        self.pool = ReleasePool(home)
        self._places: CapacityLimiter | None = None

    def get(self, path: str, handler: Handler) -> Route:
        """The route that answers GET and HEAD at `path` with `handler`."""

        async def respond(request: Request) -> Response:
            # made in the loop that uses it
            self._places = self._places or CapacityLimiter(QUERIES)
            return await to_thread.run_sync(partial(self._answer, request, handler), limiter=self._places)

        endpoint: Callable[[Request], Awaitable[Response]] = respond
        return Route(path, endpoint, methods=["GET"])

    def _answer(self, request: Request, handler: Handler) -> Response:
        with self.pool.reading() as reading:
            tag = etag(reading, request)
            if tag in _tags(request.headers.get("if-none-match", "")):
                response = Response(status_code=304)
            else:
                try:
                    response = handler(request, reading)
                except (Refused, DistrettoError) as failure:
                    response = answer(failure)
            if response.status_code in (200, 304):
                response.headers.setdefault("etag", tag)
                response.headers.setdefault("cache-control", CACHE)
                response.headers["vary"] = "accept, accept-language"
            response.headers[RELEASE_HEADER] = reading.release.id
            response.headers["x-content-type-options"] = "nosniff"
            return response


def etag(reading: Reading, request: Request) -> str:
    """The ETag of the answer to `request`: releases are never edited, so release and request decide the answer."""
    asked = [
        reading.release.id,
        request.url.path,
        request.url.query,
        request.headers.get("accept", ""),
        request.headers.get("accept-language", ""),
    ]
    return f'"{hashlib.sha256(chr(10).join(asked).encode()).hexdigest()[:32]}"'


def _tags(header: str) -> set[str]:
    """The ETags of an If-None-Match header, without the marks of weak ones."""
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
