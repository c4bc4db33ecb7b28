"""Refusals as problem documents (RFC 9457, `application/problem+json`).

Belongs here: the document, and which failure has which status. Does not belong here: deciding what is refused.
"""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sources.errors import DistrettoError, NoSuchFigure
from warehouse.publishing.release_pool import NothingPublished, QueryTooLong
from warehouse.publishing.releases import DamagedRelease, OtherVersion

MEDIA_TYPE = "application/problem+json"
# part of texts that a client sent and that are repeated to it
LONGEST = 200
UNAVAILABLE = (NothingPublished, DamagedRelease, OtherVersion, QueryTooLong)
log = logging.getLogger("distretto")


class Refused(Exception):
    """A request that is answered with a problem document.

    `kind` is a short name for programs, the end of the document's `type`; `more` are further members of the document,
    such as `near`, the names that an unknown one may mean.
    """

    def __init__(self, status: int, kind: str, detail: str, **more: Any):
        super().__init__(detail)
        self.status, self.kind, self.detail, self.more = status, kind, detail, more


def shown(text: str) -> str:
    """`text` of a client as it can be repeated to it: on one line and not long."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return plain if len(plain) <= LONGEST else plain[:LONGEST] + "..."


def document(status: int, kind: str, detail: str, **more: Any) -> Response:
    """A problem document as a response."""
    body = {
        "type": f"urn:distretto:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return Response(
        json.dumps(body, ensure_ascii=False),
        status,
        {"cache-control": "no-store", "x-content-type-options": "nosniff"},
        MEDIA_TYPE,
    )


def answer(failure: Refused | DistrettoError) -> Response:
    """The document of a refusal. A DistrettoError has 503 if the release cannot be read, 404 if it lacks a figure, else 400."""
    if isinstance(failure, Refused):
        return document(failure.status, failure.kind, failure.detail, **failure.more)
    status = 503 if isinstance(failure, UNAVAILABLE) else 404 if isinstance(failure, NoSuchFigure) else 400
    more: dict[str, Any] = {"hint": failure.hint} if failure.hint else {}
    if isinstance(failure, NoSuchFigure):
        more["near"] = list(failure.near)
    return document(status, _kebab(type(failure).__name__), failure.message, **more)


async def explained(request: Request, failure: Exception) -> Response:
    """The document of a refusal that no handler of an address caught."""
    assert isinstance(failure, Refused | DistrettoError)
    return answer(failure)


async def http_error(request: Request, failure: Exception) -> Response:
    """The document of an HTTPException, such as 404 for an address that does not exist."""
    assert isinstance(failure, HTTPException)
    said = failure.detail if failure.detail != HTTPStatus(failure.status_code).phrase else ""
    detail = said or {
        404: "Nothing is published at this address.",
        405: "This server only reads: use GET or HEAD.",
    }.get(failure.status_code, HTTPStatus(failure.status_code).description)
    response = document(failure.status_code, "http", detail)
    response.headers.update(failure.headers or {})
    return response


async def fault(request: Request, failure: Exception) -> Response:
    """The document of an error of the code, whose details are logged and not shown."""
    log.error("%s %s failed", request.method, shown(request.url.path), exc_info=failure)
    return document(500, "fault", "The request failed because of an error in this server; it was logged.")


def _kebab(name: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


HANDLERS = {Refused: explained, DistrettoError: explained, HTTPException: http_error, Exception: fault}
