"""HTTP client built on requests: bounded retries, one deadline an exchange, redirects, caps on bytes.

Belongs here: what every provider shares. Does not belong here: how often to ask (`rate_limit.py`), sockets
(`transport.py`), what a body means (`sources/protocols/`).
It retries 408, 429, 5xx and broken reads. It does not retry a failed connect: the host is down for this run.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import HTTPError, NewConnectionError

from sources.common.version import version
from sources.errors import (
    BrokenRead,
    Forbidden,
    NotFound,
    RateLimited,
    RedirectedElsewhere,
    SourceError,
    TooLarge,
    TooSlow,
    Unavailable,
    Unreachable,
    Where,
)
from sources.http.rate_limit import LONGEST_WAIT_S, RateLimiter
from sources.http.stopping import Stop
from sources.http.transport import Adapter, Line
from sources.providers import Provider

if TYPE_CHECKING:
    from sources.lake.lake import Lake

CHUNK = 1 << 16
HEAD = 1 << 13
LARGEST_TEXT = 64_000_000
KEPT_HEADERS = (
    *("content-type", "content-encoding", "content-length", "last-modified", "etag", "date"),
    # EPO's headers: how busy the service is, how much of the quota is used, why it refuses
    *("x-throttling-control", "x-rejection-reason", "x-registeredquotaperweek-used"),
)
# headers that are never shown or stored
SECRETS = frozenset({"Authorization", "Proxy-Authorization", "Cookie"})
# a name and a secret, or what puts its headers on a request
Auth = tuple[str, str] | Callable[[requests.PreparedRequest], requests.PreparedRequest]


@dataclass(frozen=True)
class Body:
    """A complete answer on disk: bytes as served at `path`; `sha256` and `decoded_size` after gunzip."""

    path: Path
    url: str
    status: int
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    fetched_at: datetime
    size: int
    decoded_size: int
    sha256: str
    gzipped: bool
    head: bytes

    def text(self) -> str:
        """The whole decoded body as text, for lists and notices. Raises TooLarge past 64 MB."""
        if self.decoded_size > LARGEST_TEXT:
            raise TooLarge(
                f"{self.decoded_size:,} bytes where a list or a notice was expected.", url=self.url
            )
        data = self.path.read_bytes()
        return (gzip.decompress(data) if self.gzipped else data).decode("utf-8-sig", errors="replace")


@dataclass(frozen=True)
class Exchange:
    """One request and its complete response, before it is judged; `secret` if its body must not be kept."""

    method: str
    sent: dict[str, str]
    received: dict[str, str]
    body: Body
    secret: bool


class Client:
    """Asks one provider, one request at a time.

    `pace` is the data folder's folder of that name: protocols keep there what holds between runs (`kept`), unless `own`
    names another place. `stop` ends waiting and reading. With `remembers` off, a refusal sets no ban. `observe` is
    shown every exchange. A `lake` shares the pace with other machines.
    """

    def __init__(
        self,
        provider: Provider,
        pace: Path,
        *,
        own: Path | None = None,
        stop: Stop | None = None,
        remembers: bool = True,
        observe: Callable[[Exchange], None] | None = None,
        lake: Lake | None = None,
    ) -> None:
        self.provider, self.kept, self.stop = provider, own or pace, stop or Stop()
        self.limiter = RateLimiter(provider, pace, self.stop, lake)
        self.down: Unreachable | None = None
        self._remembers, self._observe = remembers, observe
        self._line = Line()
        self.session = requests.Session()
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, Adapter(self._line))
        self.session.headers.update({"User-Agent": user_agent(), "Accept-Encoding": "gzip"})
        self._deadline = time.monotonic() + provider.host_budget_s

    def get(
        self,
        url: str,
        into: Path,
        *,
        dataset: str = "",
        accept: str = "*/*",
        since: datetime | None = None,
        classify: Callable[[int, Body], SourceError | None] = lambda status, body: None,
        auth: Auth | None = None,
        form: dict[str, str] | None = None,
        head: bool = False,
    ) -> Body:
        """Fetch `url` into the file `into` if it has changed `since`; a `form` is posted, `head` asks for headers alone.

        What `auth` and `form` send is stored nowhere. `classify` reads status and body of each attempt and may name
        the failure; where it names none, the status decides. Raises a SourceError of the kind that fits, Interrupted.
        """
        if self.down:
            raise Unreachable(self.down.message, provider=self.provider.id, dataset=dataset, url=url)
        retrying = Retrying(
            retry=retry_if_exception(lambda failure: isinstance(failure, SourceError) and failure.transient),
            stop=self._give_up,
            wait=self._wait,
            sleep=self.stop.wait,
            reraise=True,
        )
        headers = {"Accept": accept}
        if since:
            headers["If-Modified-Since"] = format_datetime(since.astimezone(UTC), usegmt=True)
        asked = _Request("POST" if form else "HEAD" if head else "GET", url, headers, auth, form)
        try:
            return retrying(self._attempt, asked, into, dataset, classify)
        except (RateLimited, Unavailable) as failure:
            if failure.retry_after and self._remembers:
                self.limiter.block(failure.retry_after)
            raise
        except Unreachable as failure:
            self.down = failure
            raise

    def _give_up(self, state: RetryCallState) -> bool:
        spent = (state.seconds_since_start or 0) + state.upcoming_sleep
        return (
            stop_after_attempt(self.provider.attempts)(state)
            or spent > self.provider.retry_budget_s
            or time.monotonic() + state.upcoming_sleep > self._deadline
        )

    def _wait(self, state: RetryCallState) -> float:
        asked = getattr(state.outcome.exception() if state.outcome else None, "retry_after", None) or 0
        backoff = wait_random_exponential(multiplier=self.provider.backoff_s, max=60)(state)
        return max(asked, backoff)

    def _attempt(
        self,
        asked: _Request,
        into: Path,
        dataset: str,
        classify: Callable[[int, Body], SourceError | None],
    ) -> Body:
        where: Where = {"provider": self.provider.id, "dataset": dataset, "url": asked.url}
        try:
            body = self._transfer(asked, into, where)
        except requests.exceptions.SSLError as failure:
            self._raise_if_cut(where)
            raise Unreachable(f"TLS failed: {failure}.", **where) from failure
        except requests.exceptions.ConnectTimeout as failure:
            raise Unreachable(
                f"No connection within {self.provider.connect_timeout_s:g} s.", **where
            ) from failure
        except requests.exceptions.ConnectionError as failure:
            self._raise_if_cut(where)
            reason = getattr(failure.args[0] if failure.args else None, "reason", None)
            if isinstance(reason, NewConnectionError) or isinstance(failure, requests.exceptions.ProxyError):
                raise Unreachable(f"No connection: {_last_words(reason or failure)}.", **where) from failure
            raise BrokenRead(f"The connection broke: {_last_words(failure)}.", **where) from failure
        except (requests.exceptions.RequestException, HTTPError) as failure:
            self._raise_if_cut(where)
            raise BrokenRead(f"The answer broke off: {_last_words(failure)}.", **where) from failure
        except OSError:
            # of the disk, unless the connection was cut
            self._raise_if_cut(where)
            raise
        refusal = classify(body.status, body) or status_failure(body, self.provider.ban_s)
        if refusal:
            refusal.provider, refusal.dataset, refusal.url = self.provider.id, dataset, asked.url
            if isinstance(refusal, RateLimited) and refusal.retry_after is None:
                refusal.retry_after = self.provider.ban_s
            into.unlink(missing_ok=True)
            raise refusal
        return body

    def _raise_if_cut(self, where: Where) -> None:
        """Raise Interrupted if the run is to end, TooSlow if the exchange took too long."""
        self.stop.check()
        if self._line.overdue:
            raise TooSlow(f"Not complete within {self.provider.max_seconds:g} s.", **where)

    def _transfer(self, asked: _Request, into: Path, where: Where) -> Body:
        """One exchange within one deadline: redirects, headers and body, written to `into` as it comes."""
        url = asked.url
        self.limiter.acquire(where, self._deadline)
        ends = min(time.monotonic() + self.provider.max_seconds, self._deadline)
        with self._line.deadline(ends, self.stop):
            for _ in range(4):
                response = self.session.request(
                    asked.method,
                    url,
                    headers=asked.headers,
                    auth=asked.auth,
                    data=asked.form,
                    stream=True,
                    timeout=(self.provider.connect_timeout_s, self.provider.read_timeout_s),
                    allow_redirects=False,
                )
                if not response.is_redirect:
                    break
                target = urljoin(url, response.headers["location"])
                response.close()
                # credentials never follow to another origin
                further = [] if asked.auth or asked.form else self.provider.redirects_to
                if _origin(target) not in {_origin(asked.url), *map(_origin, further)}:
                    raise RedirectedElsewhere(f"Redirected to {target}.", **where)
                url = target
                self.limiter.acquire(where, ends)
            else:
                raise RedirectedElsewhere("Redirected in circles.", **where)
            with response:
                body = self._receive(response, url, into, where, asked.headers)
            # a cut connection can look like a body that ended
            self._raise_if_cut(where)
        if self._observe:
            sent = {name: value for name, value in response.request.headers.items() if name not in SECRETS}
            self._observe(Exchange(asked.method, sent, dict(response.headers), body, secret=bool(asked.form)))
        return body

    def _receive(
        self,
        response: requests.Response,
        url: str,
        into: Path,
        where: Where,
        headers: dict[str, str],
    ) -> Body:
        fetched_at = datetime.now(UTC)
        digest, head, size, decoded_size = hashlib.sha256(), b"", 0, 0
        inflate = None
        with open(into, "wb") as handle:
            magic = response.raw.read(2, decode_content=False)
            if magic == b"\x1f\x8b":
                # Eurostat sends gzip without Content-Encoding, asked or not
                inflate = _Gunzip()
            # read1 returns the bytes that have arrived; `stream` would wait for a whole chunk of a slow response
            for chunk in chain([magic], iter(lambda: response.raw.read1(CHUNK, decode_content=False), b"")):
                self._raise_if_cut(where)
                size += len(chunk)
                handle.write(chunk)
                if size > self.provider.max_bytes:
                    raise TooLarge(f"More than {self.provider.max_bytes:,} bytes.", **where)
                for piece in _inflated(inflate, chunk, where):
                    decoded_size += len(piece)
                    digest.update(piece)
                    head += piece[: HEAD - len(head)]
                    if decoded_size > self.provider.max_decoded_bytes:
                        raise TooLarge(
                            f"Expands to more than {self.provider.max_decoded_bytes:,} bytes.", **where
                        )
        self._raise_if_cut(where)
        if inflate and not inflate.eof:
            raise BrokenRead("The gzip stream is truncated.", **where)
        self.limiter.add_bytes(size)
        kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        sent = {**headers, "User-Agent": str(self.session.headers["User-Agent"])}
        return Body(
            into,
            url,
            response.status_code,
            sent,
            kept | _waiting(response),
            fetched_at,
            size,
            decoded_size,
            digest.hexdigest(),
            inflate is not None,
            head,
        )


@dataclass(frozen=True)
class _Request:
    """What is sent; `auth` and `form` are secrets."""

    method: str
    url: str
    headers: dict[str, str]
    auth: Auth | None = field(repr=False)
    form: dict[str, str] | None = field(repr=False)


def user_agent() -> str:
    """The User-Agent of requests: the version, and the contact if DISTRETTO_CONTACT is set."""
    contact = "".join(c for c in os.environ.get("DISTRETTO_CONTACT", "") if c.isascii() and c.isprintable())
    return f"distretto/{version()}" + (f" (+{contact.strip()})" if contact.strip() else "")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of `url`; an address that cannot be read is no origin of anything."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", None, None
    return parts.scheme, parts.hostname, port


class _Gunzip:
    """A gzip stream of one member or several, decoded as it comes."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._member.eof

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """`chunk` decoded, in pieces of bounded size, so that a zip bomb reaches the size limit before memory runs out."""
        while chunk:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            yield self._member.decompress(chunk, CHUNK * 16)
            chunk = self._member.unconsumed_tail or self._member.unused_data


def _inflated(inflate: _Gunzip | None, chunk: bytes, where: Where) -> Iterator[bytes]:
    try:
        yield from inflate.feed(chunk) if inflate else [chunk]
    except zlib.error as failure:
        raise BrokenRead(f"The gzip stream is damaged: {failure}.", **where) from None


def status_failure(body: Body, ban_s: float | None) -> SourceError | None:
    """The failure that the status alone names; None for 200. `ban_s`: how long this provider's bans last, if it bans."""
    status = body.status
    retry_after = (
        float(body.response_headers["retry-after"]) if "retry-after" in body.response_headers else None
    )
    if status == 200:
        return None
    if ban_s and status in (403, 429):
        wait = min(max(retry_after or 0, ban_s), LONGEST_WAIT_S)
        until = datetime.fromtimestamp(time.time() + wait, UTC)
        return RateLimited(
            f"HTTP {status}: this address is banned; not asked again before {until:%Y-%m-%d %H:%M} UTC.",
            retry_after=wait,
            hint="nothing: the first run after that asks again; check that no other program sends requests from this address.",
        )
    if status == 429 or (status == 403 and retry_after):
        return RateLimited(f"HTTP {status}: asked too often.", retry_after=retry_after)
    if status == 408 or status >= 500:
        return Unavailable(f"HTTP {status}.", retry_after=retry_after)
    if status in (401, 403):
        return Forbidden(f"HTTP {status}.")
    if status in (404, 410):
        return NotFound(f"HTTP {status}.")
    said = body.head[:200].decode(errors="replace").strip()
    return SourceError(
        f"HTTP {status}: {said}" if said else f"HTTP {status}, with an empty body.",
        hint="open the URL in a browser and read what the provider says.",
    )


def http_date(text: str) -> datetime:
    """A date of a header as a moment; one of an unknown zone, `-0000`, is in UTC. Raises ValueError."""
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _waiting(response: requests.Response) -> dict[str, str]:
    """`Retry-After` as seconds, from either of its two forms."""
    text = response.headers.get("retry-after")
    if text is None:
        return {}
    try:
        seconds = (
            float(text) if text.strip().isdigit() else (http_date(text) - datetime.now(UTC)).total_seconds()
        )
    except ValueError:
        return {}
    return {"retry-after": f"{max(seconds, 0):.0f}"}


def _last_words(failure: BaseException | None) -> str:
    """The innermost message of a chain that requests and urllib3 wrap in class names and addresses."""
    link = failure
    while link is not None and link.args and isinstance(link.args[0], BaseException):
        link = getattr(link.args[0], "reason", None) or link.args[0]
    text = str(link).rsplit(": ", 1)[-1].strip(" .'")
    while text.count(")") > text.count("(") and text.endswith((")", "'")):
        text = text[:-1].rstrip(" .'")
    return text or type(failure).__name__
