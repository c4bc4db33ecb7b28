"""`make live`: ask every real provider for one small thing and print a table. A person starts it; no test and no CI does.

Each provider is asked what its `smoke_table` of providers.yml is like, by the client and the rate limits of the nightly
run: a ban in force is respected, and ISTAT waits its fifteen seconds. Belongs here: asking and printing. Does not
belong here: the comparison (`assets/probe.py`) and what else is known (`distretto doctor`).
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from assets.probe import probe
from assets.run import RunContext
from pipelines import console
from sources.data_folder import DataFolder
from sources.doctor import examine
from sources.errors import DistrettoError, RateLimited, TooSlow, Unreachable
from sources.protocols.interface import DescribesTables, implementation
from sources.providers import Provider


def ask(run: RunContext, provider: Provider) -> dict[str, Any]:
    """One row of the table: `reachable` is None if no request was sent."""
    entry = run.catalogue.get(provider.smoke_table or "")
    row: dict[str, Any] = {"provider": provider.id, "reachable": None, "status": "", "learnt": ""}
    if not provider.base_url.startswith("http"):
        return row | {"status": "a folder"}
    if provider.unset:
        return row | {"status": "not configured", "learnt": f"needs {' and '.join(provider.unset)}"}
    print(f"asking {provider.title}, one request every {provider.interval_s:g} s", file=sys.stderr)
    begun = time.monotonic()
    if entry is None or not issubclass(implementation(provider.protocol), DescribesTables):
        small = examine(provider, run.home.pace, [], ask=True)
        status = {True: "answered", False: "Unreachable", None: "not asked"}[small.answers]
        row |= {
            "reachable": small.answers,
            "status": status,
            "learnt": f"its small request: {small.said}",
        }
    else:
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
            # a ban or a spent budget: no request was sent
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
