"""What can be said of a provider before it is asked for figures: does it answer, may it be asked, what does it owe us.

Belongs here: one question a provider, through the client that keeps pace and bans. Does not belong here: figures
(`protocols/`) and printing.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sources.catalogue import Dataset
from sources.errors import SourceError, TooSlow, Unreachable
from sources.http.client import Client
from sources.providers import Provider


def examine(provider: Provider, pace: Path, *, ask: bool) -> dict[str, Any]:
    """Whether `provider` answers (None: not asked), what it said, its credentials, its pace, and what to do next.

    Asking is one request for its base address, which counts against its pace and may meet its ban; any status is
    an answer. `may_be_asked_at`: when its pace and its ban, `not_before`, allow the next request. `requests_a_run`: how
    many its pace leaves room for in a run; the budgets of an hour and of a week: what is left. None: it has none.
    """
    client = Client(provider.model_copy(update={"attempts": 1}), pace)
    host = urlsplit(provider.base_url).hostname
    found: dict[str, Any] = {"provider": provider.id, "host": host, "answers": None, "said": "", "next": ""}
    found["credentials"] = (
        "none needed" if not provider.credentials else "not configured" if provider.unset else "configured"
    )
    if provider.unset:
        names = " and ".join(provider.unset)
        found |= {
            "said": f"Not asked: {names} not set.",
            "next": f"set {names} in the environment, or leave it as it is: no failure.",
        }
    elif host and ask:
        with tempfile.TemporaryDirectory() as folder:
            try:
                client.get(provider.base_url, Path(folder) / "answer")
                found |= {"answers": True, "said": "HTTP 200."}
            except (Unreachable, TooSlow) as failure:
                found |= {"answers": False, "said": failure.message, "next": failure.hint}
            except SourceError as failure:
                found |= {"answers": True, "said": failure.message}
    standing = client.standing()
    asked, banned = standing.last, standing.not_before
    now, interval = datetime.now(UTC), provider.min_interval_s
    allowed = max(now, banned or now, asked + timedelta(seconds=interval) if asked else now)
    if banned and banned > now:
        found |= {
            "answers": None,
            "said": f"Not to be asked before {banned:%Y-%m-%d %H:%M} UTC.",
            "next": "nothing: the first run after that asks again.",
        }
    elif standing.requests_left == 0 or standing.bytes_left == 0:
        found["next"] = "nothing: its budget is spent; the first run that has one again goes on."
    return found | {
        "seconds_between_requests": interval,
        "requests_a_run": int(provider.host_budget_s / interval) if host and interval else None,
        "requests_left_this_hour": standing.requests_left,
        "bytes_left_this_week": standing.bytes_left,
        "last_asked": asked.isoformat() if asked else None,
        "may_be_asked_at": allowed.isoformat() if host else None,
        "not_before": banned.isoformat() if banned else None,
    }


def owed(dataset: Dataset, state: dict[str, Any]) -> dict[str, Any]:
    """What is known of the dataset's next release: when in words, and the day after which it is late (None: not known).

    No provider tells days ahead in a form that a program can read; `state` is the dataset's in status.json.
    """
    updated, days = state["provider_updated_at"], dataset.calendar.late_after_days
    late_after = datetime.fromisoformat(updated) + timedelta(days=days) if updated and days else None
    return {
        "dataset": dataset.id,
        "state": state["state"],
        "updated": updated,
        "expected": dataset.calendar.expected,
        "late_after": late_after.date().isoformat() if late_after and dataset.status == "live" else None,
        "late": state["late"],
        "twin": (state.get("twin") or {}).get("code"),
        "failing": state.get("outcome") in ("failed", "quarantined"),
    }
