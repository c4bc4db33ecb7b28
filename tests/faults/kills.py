"""kill -9 before any change to a file or after any amount of work; SIGTERM; in nights, `restore` and `withdraw`.

Odd numbers are killed before a change to a file, even ones by the kernel after so many seconds of CPU, which reaches into DuckDB
and the drawing of pages as well.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from tests.faults.ground import Case, Ending, Ground, Prepared
from tests.faults.judge import (
    LOST,
    POISONED,
    Found,
    figures,
    look,
    next_night,
    problems,
    releases,
    standing,
    words,
)

KILLED = (-signal.SIGKILL, -signal.SIGPROF)
# that an orderly end may take on a loaded machine: the promise is five seconds
ENDS_S = 20


def _moment(n: int, chance: random.Random, whole: Ending) -> dict[str, Any]:
    if n % 2:
        return {"kill_at": chance.randint(1, whole.changes)}
    return {"cpu_s": max(chance.uniform(0.01, 1) * whole.cpu_s, 0.02)}


def night(
    ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found, draws: bool = False
) -> None:
    """A night is killed, and the next one finds its way."""
    with ground.case(prepared.first) as case:
        before = standing(case.home)
        ground.serve(1, case.home)
        ending = case.night(draws=draws, **_moment(n, chance, prepared.drawn if draws else prepared.night))
        if ending.code not in KILLED:
            words(ending, found)
        look(case, before, prepared, found)
        next_night(case, prepared, found, exports=False)


def drawing(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """The same through Dagster, with the real pages; half of the kills in the second half, where they are drawn."""
    night(ground, prepared, n, chance, found, draws=True)


def withdraw(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """`withdraw` is killed; it can be said again, and the next night publishes what it left."""
    with ground.case(prepared.first) as case:
        before = standing(case.home)
        order = ["withdraw", "uploads", _uploaded(case, "attive-2023.csv"), "--because", "a trial"]
        whole = Ending(0, "", 30, 1.6)
        ending = case.run(*order, **_moment(n, chance, whole))
        if ending.code not in KILLED:
            words(ending, found)
        look(case, before, prepared, found)
        again = case.run(*order)
        words(again, found)
        if again.code != 0 and "is not in history" not in " ".join(again.text.split()):
            found.add(POISONED, f"withdraw said again: {again.text[-300:]}")
        ground.serve(1, case.home)
        ending = case.night(exports=False)
        words(ending, found)
        if ending.code not in (0, 3):
            found.add(POISONED, f"exit code {ending.code}: {ending.text[-300:]}")
            return
        years = {row[3] for row in figures(case.home)["observations"] if row[0] == "uploads"}
        if years != {"2024", "2025"}:
            found.add(LOST, f"uploads has {sorted(years)} after 2023 was withdrawn")


def _uploaded(case: Case, name: str) -> str:
    """The id of the snapshot of an uploaded file."""
    for line in (case.home / "snapshots" / "manifest.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "snapshot" and event["url"].endswith(name):
            return event["id"]
    raise LookupError(name)


def restore(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """`restore` is killed; the backup is whole, and the same command said again brings everything."""
    with ground.case(prepared.first) as case:
        backup = case.folder / "backup"
        os.rename(case.home, backup)
        (backup / "targets-1.tsr").write_bytes(b"a time stamp")
        before = standing(backup)
        ending = case.run("restore", str(backup), **_moment(n, chance, Ending(0, "", 420, 0.8)))
        if ending.code not in KILLED:
            words(ending, found)
        if standing(backup) != before:
            found.add(LOST, "the backup was changed")
        again = case.run("restore", str(backup))
        words(again, found)
        if again.code != 0 and "has figures already" not in " ".join(again.text.split()):
            found.add(POISONED, f"restore said again: {again.text[-300:]}")
            return
        left = {*_names(backup)} - {*_names(case.home)}
        if left or figures(case.home) != before.rows:
            found.add(LOST, f"not restored: {sorted(left)[:3]}")
        for folder in releases(case.home):
            if wrong := problems(folder):
                found.add(LOST, f"{folder.name}: {wrong[0]}")
        if beside := list(case.folder.glob(".*.restoring")):
            found.add(POISONED, f"left behind: {beside[0].name}")
        next_night(case, prepared, found, exports=False)


def _names(folder: Path) -> list[str]:
    """Files of a data folder that a run does not build again."""
    kept = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    built = ("warehouse.duckdb", "staged", "baselines", "incoming", "spill", ".lock", "current")
    return [str(path) for path in kept if path.parts[0] not in built]


def term(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """SIGTERM at any moment, every other time while a provider keeps the run waiting: it ends within seconds."""
    with ground.case(prepared.first) as case:
        before = standing(case.home)
        ground.serve(1, case.home)
        waits = n % 2 == 0
        if waits:
            ground.set_provider(read_timeout_s=900, max_seconds=900, async_budget_s=900, host_budget_s=900)
            ground.server.behave("toy", chance.choice(["hang", "async_never", "slow_drip", "drip_headers"]))
        try:
            asked = len(ground.server.requests)
            running = case.start(*case.refresh, draws=n % 4 == 3)
            while waits and running.process.is_alive():
                if any(request.code == "toy" for request in ground.server.requests[asked:]):
                    break
                time.sleep(0.05)
            time.sleep(chance.uniform(0, 1 if waits else 2.5 * prepared.night.cpu_s))
            running.process.terminate()
            sent = time.monotonic()
            ending = running.ending(ENDS_S * 3)
            if ending.code is None or time.monotonic() - sent > ENDS_S:
                found.add(POISONED, "SIGTERM: the run went on")
            elif ending.code == -signal.SIGTERM:
                pass  # before the command had begun
            elif ending.code not in (0, 3, 130):
                words(ending, found)
                found.add(POISONED, f"SIGTERM: exit code {ending.code}: {ending.text[-300:]}")
            else:
                words(ending, found)
        finally:
            ground.set_provider()
        look(case, before, prepared, found, partly=waits)
        next_night(case, prepared, found, exports=False)
