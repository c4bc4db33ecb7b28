"""Status of a provider before figures are requested: whether it answers, when it may be asked, what is due.

Belongs here: one small documented request a provider, through the client that keeps rate limits and bans. Does not
belong here: figures (`protocols/`) and printing.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sources.catalogue import Dataset
from sources.errors import SourceError, TooSlow, Unreachable
from sources.http.client import Client
from sources.providers import Provider


@dataclass(frozen=True)
class NextRelease:
    """What is known of a dataset's next release. `expected`: when, in words; `late_after`: the last day on which it is in time.

    `twin` is the code of its table in NACE Rev. 2.1, if the provider has one.
    """

    dataset: str
    state: str
    updated: str | None
    expected: str
    late_after: date | None
    late: bool
    twin: str | None
    failing: bool


@dataclass(frozen=True)
class Examination:
    """The state of a provider, and what to do next.

    `answers` is None if it was not asked. `may_be_asked_at`: when interval and ban (`not_before`) allow the next request.
    `requests_a_run`: how many the interval allows in a run; of the quotas of an hour and of a week, what is left; None: it
    has none. A folder has no `host`.
    """

    provider: str
    host: str | None
    answers: bool | None
    said: str
    next: str
    credentials: str
    seconds_between_requests: float
    requests_a_run: int | None
    requests_left_this_hour: int | None
    bytes_left_this_week: int | None
    last_asked: datetime | None
    may_be_asked_at: datetime | None
    not_before: datetime | None
    datasets: list[NextRelease]


@dataclass(frozen=True)
class _Answer:
    answers: bool | None = None
    said: str = ""
    next: str = ""


def examine(provider: Provider, kept: Path, releases: list[NextRelease], *, ask: bool) -> Examination:
    """Ask `provider` if `ask`, and report its credentials and rate limit; `releases` are those of its datasets.

    Asking is one request, the `small_request` of providers.yml: it counts against the rate limit and respects a ban, but
    never sets one; any status is an answer. `kept` is the data folder's `pace/`.
    """
    client = Client(provider.model_copy(update={"attempts": 1}), kept, remembers=False)
    host = urlsplit(provider.base_url).hostname
    missing = [name for name in provider.credentials if name in provider.unset]
    found = _Answer()
    if provider.unset:
        names = " and ".join(provider.unset)
        found = _Answer(
            said=f"Not asked: {names} not set.",
            next=f"set {names} in the environment if you want its data; unset, it is not a failure.",
        )
    elif host and ask:
        found = _ask(client)
    state = client.limiter.state()
    asked, banned = state.last, state.not_before
    now, interval = datetime.now(UTC), provider.interval_s
    if banned and banned > now:
        found = _Answer(
            said=f"Not to be asked before {banned:%Y-%m-%d %H:%M} UTC.",
            next="nothing: the first run after that asks again.",
        )
    elif state.requests_left == 0 or state.bytes_left == 0:
        found = replace(found, next="nothing: its quota is used up; a run with a new quota continues.")
    allowed = max(now, banned or now, asked + timedelta(seconds=interval) if asked else now)
    return Examination(
        provider=provider.id,
        host=host,
        answers=found.answers,
        said=found.said,
        next=found.next,
        credentials="none needed"
        if not provider.credentials
        else "not configured"
        if missing
        else "configured",
        seconds_between_requests=interval,
        requests_a_run=int(provider.host_budget_s / interval) if host and interval else None,
        requests_left_this_hour=state.requests_left,
        bytes_left_this_week=state.bytes_left,
        last_asked=asked,
        may_be_asked_at=allowed if host else None,
        not_before=banned,
        datasets=releases,
    )


def _ask(client: Client) -> _Answer:
    """The result of the provider's one small request."""
    provider = client.provider
    method, _, path = (provider.small_request or "").rpartition(" ")
    secrets = tuple(os.environ[name] for name in provider.credentials)
    # credentials are those of an OAuth 2.0 client (RFC 6749, 4.4), and the request its token
    granted: dict[str, Any] = (
        {"auth": secrets, "form": {"grant_type": "client_credentials"}} if len(secrets) == 2 else {}
    )
    url = f"{provider.base_url}/{path}" if path else provider.base_url
    with tempfile.TemporaryDirectory() as folder:
        try:
            client.get(url, Path(folder) / "answer", head=method == "HEAD", **granted)
        except (Unreachable, TooSlow) as failure:
            return _Answer(False, failure.message, failure.hint)
        except SourceError as failure:
            return _Answer(True, failure.message, failure.hint)
    return _Answer(True, "HTTP 200.")


def next_release(dataset: Dataset, state: dict[str, Any]) -> NextRelease:
    """What is known of the dataset's next release; `state` is the dataset's in `distretto status --json`.

    No provider publishes release dates in a form that a program can read.
    """
    updated, days = state["provider_updated_at"], dataset.calendar.late_after_days
    late_after = datetime.fromisoformat(updated) + timedelta(days=days) if updated and days else None
    return NextRelease(
        dataset=dataset.id,
        state=state["state"],
        updated=updated,
        expected=dataset.calendar.expected.en,
        late_after=late_after.date() if late_after and dataset.status != "frozen" else None,
        late=state["late"],
        twin=(state.get("twin") or {}).get("code"),
        failing=state.get("outcome") in ("failed", "quarantined"),
    )
