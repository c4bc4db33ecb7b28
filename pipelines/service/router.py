"""The dynamic addresses: each with the handler that answers it.

Belongs here: the list. Does not belong here: handlers.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipelines.service import claim, data, figure, openapi, sdmx
from pipelines.service.service import Service
from warehouse.publishing.release_pool import Reading


def routes(service: Service) -> list[Route]:
    """Every dynamic address, in the order in which they are tried."""
    return [
        service.get("/api/v1/openapi.json", openapi.document),
        service.get("/api/v1/release", release),
        service.get("/api/v1/data.{form}", data.data),
        service.get("/sdmx/v2/data/{path:path}", sdmx.data),
        service.get("/sdmx/v2/structure/{path:path}", sdmx.structure),
        service.get("/sdmx/v2/{resource:path}", sdmx.other),
        service.get("/verify-figure", claim.claim),
        service.get("/figure/{geo}/{indicator}/{period}", figure.figure),
    ]


def release(request: Request, reading: Reading) -> Response:
    """The release that answers are read from: its release.json."""
    return JSONResponse(reading.release.record)
