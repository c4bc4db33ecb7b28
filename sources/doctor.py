"""What can be said of a provider before it is asked for figures: does it answer, and may it be asked now.

Belongs here: one question a provider, through the client that keeps pace and bans. Does not belong here: figures
(`protocols/`) and printing.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sources.errors import SourceError, TooSlow, Unreachable
from sources.http import Client
from sources.spec import Provider


def examine(provider: Provider, pace: Path, *, ask: bool) -> dict[str, Any]:
    """Whether `provider` answers (None: not asked), what it said, when it was last asked, until when it is not to be.

    Asking is one request for its base address, which counts against its pace and may meet its ban; any status is
    an answer.
    """
    client = Client(provider.model_copy(update={"attempts": 1}), pace)
    host = urlsplit(provider.base_url).hostname
    found: dict[str, Any] = {"provider": provider.id, "host": host, "answers": None, "said": "", "next": ""}
    found["credentials"] = (
        "none needed" if not provider.credentials else "not configured" if provider.unset else "configured"
    )
    if host and ask:
        with tempfile.TemporaryDirectory() as folder:
            try:
                client.get(provider.base_url, Path(folder) / "answer")
                found |= {"answers": True, "said": "HTTP 200."}
            except (Unreachable, TooSlow) as failure:
                found |= {"answers": False, "said": failure.message, "next": failure.hint}
            except SourceError as failure:
                found |= {"answers": True, "said": failure.message}
    asked, banned = client.standing()
    if banned and banned > datetime.now(UTC):
        found |= {
            "answers": None,
            "said": f"Not to be asked before {banned:%Y-%m-%d %H:%M} UTC.",
            "next": "nothing: the first run after that asks again.",
        }
    return found | {
        "seconds_between_requests": provider.min_interval_s,
        "last_asked": asked.isoformat() if asked else None,
        "not_before": banned.isoformat() if banned else None,
    }
