"""`python -m tests.faults`: the whole campaign, one kind of it, or one fault by its number."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path


def main() -> None:
    from tests.conftest import ROOT
    from tests.faults.campaign import KINDS, Campaign

    parser = argparse.ArgumentParser(
        "python -m tests.faults", description="Faults, and what they leave behind."
    )
    parser.add_argument(
        "--kind", choices=list(KINDS), action="append", help="this kind alone; may be repeated"
    )
    parser.add_argument("--fault", metavar="KIND:N", help="one fault by its number, with the same seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=110, help="begin no fault after so many (110)")
    parser.add_argument("--share", type=float, default=1.0, help="of the faults of each kind (1.0)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--state", type=Path, help="what is done already (build/faults-SEED.jsonl)")
    parser.add_argument("--fresh", action="store_true", help="forget what is done already")
    given = parser.parse_args()
    os.chdir(ROOT)
    state = given.state or ROOT / "build" / f"faults-{given.seed}.jsonl"
    if given.fresh:
        state.unlink(missing_ok=True)
    kinds, only = given.kind or list(KINDS), None
    if given.fault:
        name, _, number = given.fault.partition(":")
        if name not in KINDS or not number.isdigit():
            parser.error(f"--fault takes KIND:N, where KIND is one of {', '.join(KINDS)}")
        kinds, only = [name], int(number)
    campaign = Campaign(
        given.seed, state, kinds, time.monotonic() + 60 * given.minutes, given.workers, given.share, only
    )
    done = campaign.run()
    print(
        f"\n{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    )
    print("\n".join(campaign.table()))
    if not done:
        print("Not finished in time: the same command goes on where this one ended.", file=sys.stderr)
    sys.exit(0 if done and campaign.sound else 1)


if __name__ == "__main__":
    main()
