"""One polite HTTP client on requests: pace kept on disk, bounded retries, caps on bytes and time.

Belongs here: what every provider shares. Does not belong here: what a body means (`protocols/`).
Retried are 408, 429, 5xx and broken reads. A failed connect is not: the host is down for this run.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from filelock import FileLock
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import HTTPError, NewConnectionError

from sources.data_folder import write_atomic
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
)
from sources.providers import Provider

CHUNK = 1 << 16
HEAD = 1 << 13
LARGEST_TEXT = 64_000_000
KEPT_HEADERS = (
    *("content-type", "content-encoding", "content-length", "last-modified", "etag", "date"),
    # of EPO's: how busy the service is, what of the quota is used, why it refuses
    *("x-throttling-control", "x-rejection-reason", "x-registeredquotaperweek-used"),
)
HOUR_S = 3600
# no ban that is known of lasts longer, and a header may be wrong
LONGEST_WAIT_S = 7 * 24 * HOUR_S
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
class Standing:
    """When a host was last asked, before when it is not to be asked again, and what its budgets leave; None: has none."""

    last: datetime | None
    not_before: datetime | None
    requests_left: int | None
    bytes_left: int | None


@dataclass
class Client:
    """Asks one provider, one request at a time. `pace` is a folder shared by all processes."""

    provider: Provider
    pace: Path
    session: requests.Session = field(default_factory=requests.Session)
    down: Unreachable | None = None
    _deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.session.headers["User-Agent"] = "distretto/0.1 (territorial indicator pipeline)"
        self.session.headers["Accept-Encoding"] = "gzip"
        self._deadline = time.monotonic() + self.provider.host_budget_s

    def get(
        self,
        url: str,
        into: Path,
        *,
        dataset: str = "",
        accept: str = "*/*",
        since: datetime | None = None,
        judge: Callable[[int, Body], SourceError | None] = lambda status, body: None,
        auth: Auth | None = None,
        form: dict[str, str] | None = None,
    ) -> Body:
        """Fetch `url` into the file `into`, where it has changed `since`; a `form` is posted. What `auth` and `form` send
        is kept nowhere.

        `judge` reads status and body of each attempt and may name the failure; where it names none, the
        status decides. Raises a SourceError of the kind that fits.
        """
        if self.down:
            raise Unreachable(self.down.message, provider=self.provider.id, dataset=dataset, url=url)
        retrying = Retrying(
            retry=retry_if_exception(lambda failure: isinstance(failure, SourceError) and failure.transient),
            stop=self._stop,
            wait=self._wait,
            sleep=time.sleep,
            reraise=True,
        )
        headers = {"Accept": accept}
        if since:
            headers["If-Modified-Since"] = format_datetime(since.astimezone(UTC), usegmt=True)
        try:
            return retrying(
                self._attempt, url, into, dataset, judge, {"headers": headers, "auth": auth, "form": form}
            )
        except RateLimited as failure:
            if failure.retry_after:
                self._remember(not_before=time.time() + min(failure.retry_after, LONGEST_WAIT_S))
            raise
        except Unreachable as failure:
            self.down = failure
            raise

    def _stop(self, state: RetryCallState) -> bool:
        spent = (state.seconds_since_start or 0) + state.upcoming_sleep
        return (
            stop_after_attempt(self.provider.attempts)(state)
            or spent > self.provider.retry_budget_s
            or time.monotonic() + state.upcoming_sleep > self._deadline
        )

    def _wait(self, state: RetryCallState) -> float:
        asked = getattr(state.outcome.exception(), "retry_after", None) or 0
        backoff = wait_random_exponential(multiplier=self.provider.backoff_s, max=60)(state)
        return max(asked, backoff)

    def _attempt(
        self,
        url: str,
        into: Path,
        dataset: str,
        judge: Callable[[int, Body], SourceError | None],
        sending: dict[str, Any],
    ) -> Body:
        about = {"provider": self.provider.id, "dataset": dataset, "url": url}
        try:
            body = self._transfer(url, into, about, **sending)
        except requests.exceptions.SSLError as failure:
            raise Unreachable(f"TLS failed: {failure}.", **about) from None
        except requests.exceptions.ConnectTimeout:
            raise Unreachable(
                f"No connection within {self.provider.connect_timeout_s:g} s.", **about
            ) from None
        except requests.exceptions.ConnectionError as failure:
            reason = getattr(failure.args[0] if failure.args else None, "reason", None)
            if isinstance(reason, NewConnectionError) or isinstance(failure, requests.exceptions.ProxyError):
                raise Unreachable(f"No connection: {_last_words(reason or failure)}.", **about) from None
            raise BrokenRead(f"The connection broke: {_last_words(failure)}.", **about) from None
        except (requests.exceptions.RequestException, HTTPError, OSError) as failure:
            if isinstance(failure, OSError) and not isinstance(failure, requests.exceptions.RequestException):
                raise
            raise BrokenRead(f"The answer broke off: {_last_words(failure)}.", **about) from None
        failure = judge(body.status, body) or _by_status(body, about, self.provider.ban_s)
        if failure:
            failure.provider, failure.dataset, failure.url = self.provider.id, dataset, url
            into.unlink(missing_ok=True)
            raise failure
        return body

    def _transfer(
        self,
        url: str,
        into: Path,
        about: dict[str, str],
        headers: dict[str, str],
        auth: Auth | None,
        form: dict[str, str] | None,
    ) -> Body:
        """One exchange, redirects within the host followed, written to `into` as it comes."""
        origin = urlsplit(url)
        timeout = (self.provider.connect_timeout_s, self.provider.read_timeout_s)
        for _ in range(4):
            self._keep_pace(about)
            response = self.session.request(
                "POST" if form else "GET",
                url,
                headers=headers,
                auth=auth,
                data=form,
                stream=True,
                timeout=timeout,
                allow_redirects=False,
            )
            if not response.is_redirect:
                break
            target = urljoin(url, response.headers["location"])
            response.close()
            if urlsplit(target).hostname != origin.hostname or (
                origin.scheme == "https" and urlsplit(target).scheme != "https"
            ):
                raise RedirectedElsewhere(f"Redirected to {target}.", **about)
            url = target
        else:
            raise RedirectedElsewhere("Redirected in circles.", **about)
        with response:
            return self._receive(response, url, into, about, headers)

    def _receive(
        self,
        response: requests.Response,
        url: str,
        into: Path,
        about: dict[str, str],
        headers: dict[str, str],
    ) -> Body:
        fetched_at = datetime.now(UTC)
        ends = min(time.monotonic() + self.provider.max_seconds, self._deadline)
        digest, head, size, decoded_size = hashlib.sha256(), b"", 0, 0
        inflate = None
        with open(into, "wb") as handle:
            magic = response.raw.read(2, decode_content=False)
            if magic == b"\x1f\x8b":
                # Eurostat sends gzip without Content-Encoding, asked or not
                inflate = _Gunzip()
            # read1 hands over what has arrived: `stream` would wait for a whole chunk of a slow drip
            for chunk in chain([magic], iter(lambda: response.raw.read1(CHUNK, decode_content=False), b"")):
                size += len(chunk)
                handle.write(chunk)
                if size > self.provider.max_bytes:
                    raise TooLarge(f"More than {self.provider.max_bytes:,} bytes.", **about)
                if time.monotonic() > ends:
                    raise TooSlow(
                        f"Not complete after {size:,} bytes and {self.provider.max_seconds:g} s.", **about
                    )
                for piece in _inflated(inflate, chunk, about):
                    decoded_size += len(piece)
                    digest.update(piece)
                    head += piece[: HEAD - len(head)]
                    if decoded_size > self.provider.max_decoded_bytes:
                        raise TooLarge(
                            f"Expands to more than {self.provider.max_decoded_bytes:,} bytes.", **about
                        )
        if inflate and not inflate.eof:
            raise BrokenRead("The gzip stream is truncated.", **about)
        if self.provider.max_bytes_a_week:
            self._add_to_week(size)
        kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        sent = {name: value for name, value in headers.items()} | {
            "User-Agent": str(self.session.headers["User-Agent"])
        }
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

    def standing(self) -> Standing:
        """How this host stands with all processes of this machine."""
        state, provider = self._recall(), self.provider
        moments = (state.get(key) for key in ("last", "not_before"))
        last, not_before = (datetime.fromtimestamp(moment, UTC) if moment else None for moment in moments)
        return Standing(
            last,
            not_before,
            max(provider.max_per_hour - len(_last_hour(state)), 0) if provider.max_per_hour else None,
            max(provider.max_bytes_a_week - _week_bytes(state), 0) if provider.max_bytes_a_week else None,
        )

    @property
    def _state(self) -> Path:
        return self.pace / f"{urlsplit(self.provider.base_url).hostname}.json"

    def _keep_pace(self, about: dict[str, str]) -> None:
        """Wait until this host may be asked again by any process on this machine."""
        if time.monotonic() > self._deadline:
            raise TooSlow(f"The {self.provider.host_budget_s:g} s for this host are spent.", **about)
        self.pace.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._state}.lock", timeout=self.provider.host_budget_s):
            state = self._recall()
            if (banned := state.get("not_before", 0) - time.time()) > 0:
                until = datetime.fromtimestamp(state["not_before"], UTC)
                raise RateLimited(
                    f"The provider asked not to be asked before {until:%Y-%m-%d %H:%M} UTC.",
                    **about,
                    retry_after=banned,
                    hint="nothing: the first run after that asks again.",
                )
            self._refuse_past_budget(state, about)
            interval = self.provider.min_interval_s
            # a clock set back must not make us wait longer than one interval
            time.sleep(min(max(state.get("last", 0) + interval - time.time(), 0), interval))
            state["last"] = time.time()
            if self.provider.max_per_hour:
                state["hour"] = [*_last_hour(state), state["last"]]
            self._write(state)

    def _refuse_past_budget(self, state: dict[str, Any], about: dict[str, str]) -> None:
        """Raise RateLimited where this hour's requests or this week's bytes are spent."""
        most, now = self.provider.max_per_hour, time.time()
        if most and len(hour := _last_hour(state)) >= most:
            raise RateLimited(
                f"{len(hour)} requests within an hour, of {most} that the provider is to be asked.",
                **about,
                retry_after=hour[-most] + HOUR_S - now,
                hint="nothing: the first run after that goes on.",
            )
        most = self.provider.max_bytes_a_week
        if most and (used := _week_bytes(state)) >= most:
            raise RateLimited(
                f"{used:,} bytes this week, of {most:,} that the provider is to be asked for.",
                **about,
                retry_after=until_monday(),
                hint="nothing: the first run of the next week goes on.",
            )

    def _add_to_week(self, size: int) -> None:
        with FileLock(f"{self._state}.lock", timeout=self.provider.host_budget_s):
            state = self._recall()
            before = state["week_bytes"] if state.get("week") == _week() else 0
            self._write(state | {"week": _week(), "week_bytes": before + size})

    def _remember(self, not_before: float) -> None:
        with FileLock(f"{self._state}.lock", timeout=self.provider.host_budget_s):
            self._write(self._recall() | {"not_before": not_before})

    def _recall(self) -> dict[str, Any]:
        try:
            return json.loads(self._state.read_text())
        except (OSError, ValueError):
            return {}

    def _write(self, state: dict[str, Any]) -> None:
        write_atomic(self._state, json.dumps(state).encode())


def _last_hour(state: dict[str, Any]) -> list[float]:
    """The moments of the requests of the last hour; a clock set back makes none of the future count."""
    return [moment for moment in state.get("hour", []) if 0 <= time.time() - moment < HOUR_S]


def _week_bytes(state: dict[str, Any]) -> int:
    return state["week_bytes"] if state.get("week") == _week() else 0


def _week() -> str:
    return f"{datetime.now(UTC):%G-W%V}"


def until_monday() -> float:
    """Seconds until the next Monday, UTC."""
    now = datetime.now(UTC)
    monday = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=7 - now.weekday())
    return (monday - now).total_seconds()


class _Gunzip:
    """A gzip stream of one member or several, decoded as it comes."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._member.eof

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """`chunk` decoded, in pieces of bounded size, so that a zip bomb meets the cap before the memory."""
        while chunk:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            yield self._member.decompress(chunk, CHUNK * 16)
            chunk = self._member.unconsumed_tail or self._member.unused_data


def _inflated(inflate: _Gunzip | None, chunk: bytes, about: dict[str, str]) -> Iterator[bytes]:
    try:
        yield from inflate.feed(chunk) if inflate else [chunk]
    except zlib.error as failure:
        raise BrokenRead(f"The gzip stream is damaged: {failure}.", **about) from None


def _by_status(body: Body, about: dict[str, str], ban_s: float | None) -> SourceError | None:
    status = body.status
    retry_after = (
        float(body.response_headers["retry-after"]) if "retry-after" in body.response_headers else None
    )
    if status == 200:
        return None
    if ban_s and status in (403, 429):
        # this provider bans addresses, and does not say for how long
        wait = min(max(retry_after or 0, ban_s), LONGEST_WAIT_S)
        until = datetime.fromtimestamp(time.time() + wait, UTC)
        return RateLimited(
            f"HTTP {status}: this address is banned; not asked again before {until:%Y-%m-%d %H:%M} UTC.",
            **about,
            retry_after=wait,
            hint="nothing: the first run after that asks again; see that nobody else asks from this address.",
        )
    if status == 429:
        return RateLimited("HTTP 429: asked too often.", **about, retry_after=retry_after)
    if status == 408 or status >= 500:
        return Unavailable(f"HTTP {status}.", **about, retry_after=retry_after)
    if status in (401, 403):
        return Forbidden(f"HTTP {status}.", **about)
    if status in (404, 410):
        return NotFound(f"HTTP {status}.", **about)
    return SourceError(
        f"HTTP {status}: {body.head[:200].decode(errors='replace')}",
        **about,
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
    text = str(failure).rstrip(".)' ").rsplit(": ", 1)[-1].strip("'() ")
    return text or type(failure).__name__
