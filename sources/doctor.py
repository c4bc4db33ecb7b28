"""Status of a provider before figures are requested: whether it answers, when it may be asked, what is due.

Belongs here: one small documented request a provider, through the client that keeps rate limits and bans. Does not
belong here: figures (`protocols/`) and printing.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sources.catalogue import Dataset
from sources.errors import SourceError, TooSlow, Unreachable
from sources.http.client import Client
from sources.providers import Provider


def examine(provider: Provider, kept: Path, *, ask: bool) -> dict[str, Any]:
    """Whether `provider` answers (None: not asked), what it said, its credentials, its rate limit, and what to do next.

    Asking is one request, the `small_request` of providers.yml: it counts against the rate limit and respects a ban, but
    never sets one; any status is an answer. `kept` is the data folder's `pace/`. `may_be_asked_at`: when interval and
    ban, `not_before`, allow the next request. `requests_a_run`: how many the interval allows in a run; the quotas of an
    hour and of a week: what is left. None: it has none.
    """
    client = Client(provider.model_copy(update={"attempts": 1}), kept, remembers=False)
    host = urlsplit(provider.base_url).hostname
    found: dict[str, Any] = {"provider": provider.id, "host": host, "answers": None, "said": "", "next": ""}
    missing = [name for name in provider.credentials if name in provider.unset]
    found["credentials"] = (
        "none needed" if not provider.credentials else "not configured" if missing else "configured"
    )
    if provider.unset:
        names = " and ".join(provider.unset)
        found |= {
            "said": f"Not asked: {names} not set.",
            "next": f"set {names} in the environment if you want its data; unset, it is not a failure.",
        }
    elif host and ask:
        found |= _asked(client)
    state = client.limiter.state()
    asked, banned = state.last, state.not_before
    now, interval = datetime.now(UTC), provider.interval_s
    allowed = max(now, banned or now, asked + timedelta(seconds=interval) if asked else now)
    if banned and banned > now:
        found |= {
            "answers": None,
            "said": f"Not to be asked before {banned:%Y-%m-%d %H:%M} UTC.",
            "next": "nothing: the first run after that asks again.",
        }
    elif state.requests_left == 0 or state.bytes_left == 0:
        found["next"] = "nothing: its quota is used up; a run with a new quota continues."
    return found | {
        "seconds_between_requests": interval,
        "requests_a_run": int(provider.host_budget_s / interval) if host and interval else None,
        "requests_left_this_hour": state.requests_left,
        "bytes_left_this_week": state.bytes_left,
        "last_asked": asked.isoformat() if asked else None,
        "may_be_asked_at": allowed.isoformat() if host else None,
        "not_before": banned.isoformat() if banned else None,
    }


def _asked(client: Client) -> dict[str, Any]:
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
            return {"answers": False, "said": failure.message, "next": failure.hint}
        except SourceError as failure:
            return {"answers": True, "said": failure.message, "next": failure.hint}
    return {"answers": True, "said": "HTTP 200."}


def owed(dataset: Dataset, state: dict[str, Any]) -> dict[str, Any]:
    """What is known of the dataset's next release: when in words, and the day after which it is late (None: not known).

    No provider publishes release dates in a form that a program can read; `state` is the dataset's in status.json.
    """
    updated, days = state["provider_updated_at"], dataset.calendar.late_after_days
    late_after = datetime.fromisoformat(updated) + timedelta(days=days) if updated and days else None
    return {
        "dataset": dataset.id,
        "state": state["state"],
        "updated": updated,
        "expected": dataset.calendar.expected.en,
        "late_after": late_after.date().isoformat() if late_after and dataset.status != "frozen" else None,
        "late": state["late"],
        "twin": (state.get("twin") or {}).get("code"),
        "failing": state.get("outcome") in ("failed", "quarantined"),
    }
