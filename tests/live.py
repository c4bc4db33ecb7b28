"""`make live`: every real provider asked for one small thing, told in a table. A person starts it; no test and no CI does.

Each provider is asked what one of its tables is like, by the client and the pace of the nightly run, whose memory on
disk is the data folder's: a ban in force is kept, and ISTAT waits its fifteen seconds. Belongs here: choosing what to
ask and printing. Does not belong here: the comparison (`assets/probe.py`) and what else is known (`distretto doctor`).
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from assets.observations import PROTOCOLS
from assets.probe import probe
from assets.run import RunContext
from pipelines import console
from sources.data_folder import DataFolder
from sources.doctor import examine
from sources.errors import DistrettoError, RateLimited, TooSlow, Unreachable
from sources.providers import Provider


def ask(run: RunContext, provider: Provider) -> dict[str, Any]:
    """One row of the table: `reachable` is None where nobody was asked."""
    entries = [d for d in run.catalogue.values() if d.provider == provider.id]
    row: dict[str, Any] = {"provider": provider.id, "reachable": None, "status": "", "learnt": ""}
    if not provider.base_url.startswith("http"):
        return row | {"status": "a folder"}
    if provider.unset:
        return row | {"status": "not configured", "learnt": f"needs {' and '.join(provider.unset)}"}
    print(f"asking {provider.title}, one request every {provider.min_interval_s:g} s", file=sys.stderr)
    begun = time.monotonic()
    if not (entries and hasattr(PROTOCOLS[provider.protocol], "structure")):
        found = examine(provider, run.home.pace, ask=True)
        status = {True: "answered", False: "Unreachable", None: "not asked"}[found["answers"]]
        row |= {
            "reachable": found["answers"],
            "status": status,
            "learnt": f"its base address: {found['said']}",
        }
    else:
        # the table with the fewest dimensions, live ones first
        entry = min(entries, key=lambda d: (d.status != "live", len(d.dimensions), d.id))
        try:
            found = probe(run, entry)
            periods = " to ".join(found["periods"]["provider"]) or "periods not told"
            row |= {
                "reachable": True,
                "status": "answered",
                "learnt": f"{entry.id}: {periods}; "
                + ("as the catalogue says" if found["agrees"] else f"differs: distretto probe {entry.id}"),
            }
        except DistrettoError as failure:
            # a ban or a spent budget: nobody was asked
            reachable = (
                None if isinstance(failure, RateLimited) else not isinstance(failure, Unreachable | TooSlow)
            )
            row |= {"reachable": reachable, "status": type(failure).__name__, "learnt": failure.message}
    return row | {"seconds": round(time.monotonic() - begun, 1)}


def main() -> None:
    if os.environ.get("CI"):
        print("CI is set: providers are asked by a person, never by a machine that tests.", file=sys.stderr)
        sys.exit(2)
    run = RunContext(DataFolder.from_env())
    rows = []
    for provider in run.providers.values():
        rows.append(ask(run, provider))
    console.table(rows, ["provider", "reachable", "status", "seconds", "learnt"])
    sys.exit(1 if any(row["reachable"] is False for row in rows) else 0)


if __name__ == "__main__":
    main()
