"""The steps of a run in a process of their own, without Dagster: `python -m tests.cluster.steps [AT] STEP...`.

STEP is a dataset, which is collected and judged, or `release`. `AT` makes the process end itself there with SIGKILL, or wait
there for a line on standard input.
"""

from __future__ import annotations

import os
import signal
import sys

from assets import observations, release
from assets.run import RunContext
from sources.data_folder import DataFolder
from sources.errors import DistrettoError
from sources.lake.lake import Lake
from warehouse.history import vintages


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def pause() -> None:
    print("waiting", flush=True)
    sys.stdin.readline()


def after(place: object, name: str, then) -> None:
    """Let `place.name` be followed by `then`."""
    before = getattr(place, name)

    def followed(*given, **named):
        found = before(*given, **named)
        then()
        return found

    setattr(place, name, followed)


POINTS = {
    "--die-after-commit": lambda: after(vintages, "append", die),
    "--die-after-hold": lambda: after(Lake, "hold", die),
    "--die-after-confirm": lambda: after(Lake, "confirm", die),
    "--die-after-upload": lambda: after(Lake, "upload", die),
    "--wait-after-hold": lambda: after(Lake, "hold", pause),
}


def main(words: list[str]) -> None:
    home = DataFolder.from_env()
    with home.running():
        run = RunContext(home)
        ended: dict[str, str] = {}
        for word in words:
            if word in POINTS:
                POINTS[word]()
            elif word == "release":
                release.publish(run, ended)
            else:
                run.read_again()
                observations.collect(run, [word])
                with run.writing(word), run.warehouse() as con:
                    observations.judge(run, con, word)
                    now = run.store.current(word)
                    ended[word] = now.id if now else "none"


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except DistrettoError as failure:
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr)
        sys.exit(1)
