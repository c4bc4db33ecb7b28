"""The ways in which Eurostat fails, by name: figures that are wrong, and answers that are wrong.

Belongs here: bad days. Does not belong here: what is served on a good day (`provider.py`).
"""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.provider_http import BASE, Answer, Request
from tests.provider_table import Table

if TYPE_CHECKING:
    from tests.provider import EurostatServer

ERRORS = Path(__file__).parent / "specimens" / "errors"
HTML, JSON, XML = "text/html", "application/json", "application/xml"
FAULT = (
    '<S:Fault xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"> <faultcode>{code}</faultcode> '
    "<faultstring>{words}</faultstring> </S:Fault>"
)
NO_SUCH_VALUE = (
    "INVALID_QUERY_DIMENSION_VALUE: Query is invalid as per its structure's definition. "
    "The following values for dimension are not allowed: {given}."
)


@dataclass(frozen=True)
class Exchange:
    """What a behaviour may look at: the provider, the request, and its own argument."""

    provider: EurostatServer
    request: Request
    argument: Any

    @cached_property
    def good(self) -> Answer:
        """The answer of a good day."""
        return self.provider.route(self.request)

    @cached_property
    def body(self) -> bytes:
        """The body of the good answer, in one piece."""
        return self.good.body if isinstance(self.good.body, bytes) else b"".join(self.good.body)

    def specimen(self, status: int, name: str, content_type: str) -> Answer:
        return Answer(status, (ERRORS / name).read_bytes(), content_type)

    def redirect(self, root: str, prefix: str) -> Answer:
        target = self.request.target.replace(f"{BASE}/", f"{BASE}/{prefix}", 1)
        return Answer(302, headers={"Location": root + target})


def not_found(request: Request) -> Answer:
    code = request.code.upper() or request.path
    if not request.is_statistics:
        words = f"ERR_NOT_FOUND_2: DATA_SET:{code} is not available for dissemination."
        return refused(request, 404, 100, words)
    text = (ERRORS / "eurostat_404_not_found.json").read_text()
    return Answer(404, text.replace("NOT_A_DATASET", code).encode(), JSON)


def refused(request: Request, status: int, code: int, words: str) -> Answer:
    """A failure in the words of the API that was asked."""
    if request.is_statistics:
        told = {"error": [{"status": status, "id": code, "label": words}]}
        return Answer(status, json.dumps(told).encode(), JSON)
    return Answer(status, FAULT.format(code=code, words=words).encode(), XML)


def ticket_body(name: str, ticket: str, status: str) -> bytes:
    text = (ERRORS / name).read_text()
    return text.replace("e3d39a1b-27eb-4ce4-936d-8f95b23bf74f", ticket).replace("SUBMITTED", status).encode()


def packed(body: bytes) -> bytes:
    return body if body.startswith(b"\x1f\x8b") else gzip.compress(body, compresslevel=6, mtime=0)


def unpacked(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


# figures that are wrong, in every format


def _empty(table: Table) -> Table:
    return replace(table, cells=[])


def _reordered(table: Table) -> Table:
    return replace(
        table, dimensions=table.dimensions[::-1], cells=[(key[::-1], cells) for key, cells in table.series]
    )


def _renamed(table: Table) -> Table:
    """The first dimension that is neither freq nor geo, under another name."""
    chosen = next(name for name in table.dimensions if name not in ("freq", "geo"))
    return replace(table, dimensions=[f"{name}_new" if name == chosen else name for name in table.dimensions])


def _duplicated(table: Table) -> Table:
    return replace(table, cells=[*table.series, table.series[0]])


def _unreadable(table: Table) -> Table:
    (key, cells), *others = table.series
    return replace(table, cells=[(key, cells | {table.periods[0]: "n/a"}), *others])


def _latin1(table: Table) -> Table:
    (key, cells), *others = table.series
    return replace(table, cells=[((*key[:-1], "Forlì"), cells), *others], encoding="latin-1")


FIGURES: dict[str, Callable[[Table], Table]] = {
    "empty_table": _empty,
    "reordered_dimensions": _reordered,
    "renamed_dimension": _renamed,
    "duplicated_keys": _duplicated,
    "unreadable_cell": _unreadable,
    "latin1": _latin1,
}


# answers that are wrong


def _bad_request(asked: Exchange) -> Answer:
    if asked.request.is_statistics:
        return asked.specimen(400, "eurostat_400_bad_dimension.json", JSON)
    return refused(asked.request, 400, 150, NO_SUCH_VALUE.format(given="GEO=EU27"))


def _too_large(asked: Exchange) -> Answer:
    if asked.request.is_statistics:
        return asked.specimen(413, "eurostat_413_async.json", JSON)
    return refused(asked.request, 413, 510, "Response size exceeds service limit")


def _async(asked: Exchange) -> Answer:
    """Queued for `argument` polls (2). The Statistics API gives no ticket."""
    if asked.request.is_statistics:
        return asked.specimen(200, "eurostat_200_warning_async.json", JSON)
    polls = 2 if asked.argument is None else asked.argument
    waiting = ["SUBMITTED", *["PROCESSING"] * (polls - 1)][:polls]
    return asked.provider.queue(asked.request, [*waiting, "AVAILABLE"])


def _rate_limited(asked: Exchange) -> Answer:
    """`Retry-After: argument` (1)."""
    wait = 1 if asked.argument is None else asked.argument
    return Answer(429, b"Too Many Requests", headers={"Retry-After": str(wait)})


def _truncated(asked: Exchange) -> Answer:
    whole = packed(asked.body)
    return replace(asked.good, body=[whole[: len(whole) * 2 // 3]])


def _in_members(asked: Exchange) -> Answer:
    body = unpacked(asked.body)
    half = len(body) // 2
    return replace(asked.good, body=[gzip.compress(body[:half]), gzip.compress(body[half:])])


def _encoded(asked: Exchange) -> Answer:
    return replace(asked.good, body=[packed(asked.body)], headers={"Content-Encoding": "gzip"})


def _drip(asked: Exchange) -> Answer:
    body, stopping = asked.body or b" ", asked.provider.stopping

    def drops() -> Iterator[bytes]:
        for byte in itertools.cycle(body):
            yield bytes([byte])
            stopping.wait(0.2)

    return replace(asked.good, body=drops())


def _cut(asked: Exchange, end: str) -> Answer:
    promised = {"Content-Length": str(len(asked.body) + 1000)}
    return replace(asked.good, body=asked.body[: len(asked.body) // 2], headers=promised, end=end)


def _endless(asked: Exchange) -> Answer:
    lines = unpacked(asked.body).splitlines(keepends=True)
    block = lines[-1] * (1 + (1 << 16) // len(lines[-1]))
    return replace(asked.good, body=itertools.chain(lines, itertools.repeat(block)))


def _bomb(asked: Exchange) -> Answer:
    """Zeros, `argument` bytes of them (300 MB), packed as they are sent."""

    def packed() -> Iterator[bytes]:
        left = asked.argument or 300_000_000
        packer = zlib.compressobj(1, wbits=31)
        while left > 0:
            yield packer.compress(bytes(min(left, 1 << 20)))
            left -= 1 << 20
        yield packer.flush()

    return replace(asked.good, body=packed())


# a provider's settings under which an answer that never ends fails soon; else its limits are too long for load to reach
LIMITS: dict[str, dict[str, float]] = {
    "hang": {"read_timeout_s": 0.5},
    "slow_drip": {"max_seconds": 1},
    "async_never": {"async_budget_s": 0.5},
    "413_async": {"async_budget_s": 0.5},
    "warning_200": {"async_budget_s": 0.5},
    "footer_413": {"async_budget_s": 0.5},
}
ANSWERS: dict[str, Callable[[Exchange], Answer]] = {
    "400": _bad_request,
    "404": lambda asked: not_found(asked.request),
    "413": _too_large,
    "500": lambda asked: refused(asked.request, 500, 500, "Internal server error"),
    "503": lambda asked: refused(asked.request, 503, 503, "Service unavailable"),
    "too_big": lambda asked: asked.specimen(413, "eurostat_413_too_big.xml", XML),
    "413_async": lambda asked: asked.specimen(413, "eurostat_413_async.json", JSON),
    "warning_200": lambda asked: asked.specimen(200, "eurostat_200_warning_async.json", JSON),
    "footer_413": lambda asked: asked.specimen(200, "eurostat_sdmx21_footer_413.xml", XML),
    "html_200": lambda asked: asked.specimen(200, "eurostat_200_maintenance.html", HTML),
    "fault_200": lambda asked: Answer(200, FAULT.format(code=150, words="Semantic error").encode(), XML),
    "rate_limited": _rate_limited,
    "banned": lambda asked: Answer(403, b"Forbidden"),
    "async": _async,
    "async_never": lambda asked: asked.provider.queue(asked.request, ["SUBMITTED", "PROCESSING"]),
    "async_expired": lambda asked: asked.provider.queue(asked.request, ["SUBMITTED", "EXPIRED"]),
    "redirect": lambda asked: asked.redirect("", "redirected/"),
    # the other host is this server too: whoever follows is seen in `requests`
    "redirect_elsewhere": lambda asked: asked.redirect(
        f"http://localhost:{asked.provider.port}", "redirected/"
    ),
    # the same host, at the port that is the argument
    "redirect_port": lambda asked: asked.redirect(f"http://127.0.0.1:{asked.argument}", "redirected/"),
    "redirect_loop": lambda asked: asked.redirect("", ""),
    "truncated_gzip": _truncated,
    "gzip_without_header": lambda asked: replace(asked.good, body=[packed(asked.body)]),
    "gzip_with_header": _encoded,
    "gzip_in_members": _in_members,
    "wrong_content_type": lambda asked: replace(asked.good, content_type=HTML),
    "empty_body": lambda asked: replace(asked.good, body=b""),
    "hang": lambda asked: Answer(end="hang"),
    "drip_headers": lambda asked: Answer(end="drip_headers"),
    "page_behind_comment": lambda asked: Answer(
        200, b"<!-- cache -->\n<!DOCTYPE html><html>busy</html>", HTML
    ),
    "page_behind_declaration": lambda asked: Answer(
        200, b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x" "y"><html/>', XML
    ),
    "error_without_number": lambda asked: Answer(
        200, b'{"error":[{"status":"x","id":"E100","label":"boom"}]}', JSON
    ),
    "slow_drip": _drip,
    "drop_connection": lambda asked: _cut(asked, "close"),
    "reset_connection": lambda asked: _cut(asked, "reset"),
    "huge_body": _endless,
    "zip_bomb": _bomb,
}
