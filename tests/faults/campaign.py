"""The campaign: which faults of which kinds, in which order, what is remembered of each, and the table.

Belongs here: numbering, workers, the state file, progress, the table. Does not belong here: what a fault does.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import citations, clocks, damage, disks, kills, lies, nights, writers
from tests.faults.ground import Ground, Prepared, prepare
from tests.faults.judge import POISONED, TROUBLES, Found

Fault = Callable[[Ground, Prepared, int, random.Random, Found], None]


@dataclass(frozen=True)
class Kind:
    """A kind of fault: how many a whole campaign has, and what injects one. Whole `nights` are counted apart."""

    name: str
    faults: int
    inject: Fault
    about: str
    nights: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("kill", 320, kills.night, "kill -9 in a night"),
        Kind("kill-drawing", 100, kills.drawing, "kill -9 in a night with Dagster and pages"),
        Kind("kill-restore", 60, kills.restore, "kill -9 in restore"),
        Kind("kill-withdraw", 60, kills.withdraw, "kill -9 in withdraw"),
        Kind("disk", 80, disks.full, "full disk"),
        Kind("damage", 192, damage.one, "torn, flipped, blanked, emptied, missing file"),
        Kind("lie", len(lies.WAYS), lies.lie, "lying provider"),
        Kind("clock", 32, clocks.jump, "clock jump"),
        Kind("writers", 40, writers.two, "two writers"),
        Kind("readers", 20, writers.readers, "a release under twenty readers"),
        Kind("term", 40, kills.term, "SIGTERM"),
        Kind("nights", 200, nights.chain, "random bodies, ten nights each", nights=True),
        Kind("citations", 1, citations.nights, "1,000 cited addresses, 400 nights", nights=True),
        Kind(
            "nights-drawing", 50, nights.drawn, "random bodies, a night with Dagster and pages", nights=True
        ),
    )
}


@dataclass
class Campaign:
    """Faults of these kinds, by one seed; each result is a line of `state`, and is not tried again."""

    seed: int
    state: Path
    kinds: list[str]
    deadline: float  # of time.monotonic
    workers: int = 2
    share: float = 1.0
    only: int | None = None
    results: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def plan(self) -> list[tuple[str, int]]:
        """Every fault, the kinds in turn, so that a campaign that ends early has tried each."""
        if self.only is not None:
            return [(name, self.only) for name in self.kinds]
        found = [
            ((n + 0.5) / count, name, n)
            for name in self.kinds
            for count in [max(1, round(KINDS[name].faults * self.share))]
            for n in range(count)
        ]
        return [(name, n) for _, name, n in sorted(found)]

    def run(self) -> bool:
        """Inject what is not done yet. Returns whether all of it was done before the deadline."""
        self.read()
        waiting = [fault for fault in self.plan() if fault not in self.results]
        whole, begun, folder = len(waiting), time.monotonic(), Path(tempfile.mkdtemp(prefix="faults-"))
        print(
            f"Seed {self.seed}; {whole:,} to do, {len(self.results):,} done before; {self.state}", flush=True
        )
        if not waiting or time.monotonic() > self.deadline:
            return not waiting
        print(f"A full disk is a {disks.means()}.", flush=True)
        try:
            with Ground() as ground:
                prepared = prepare(ground, folder)
            threads = [
                threading.Thread(target=self._work, args=(waiting, whole, begun, prepared))
                for _ in range(self.workers)
            ]
            for thread in threads:
                thread.start()
            try:
                for thread in threads:
                    thread.join()
            except KeyboardInterrupt:
                # the folder that the faults under way begin with must outlive them
                self._stopped.set()
                print("Stopping; the same command goes on from here.", file=sys.stderr, flush=True)
                for thread in threads:
                    thread.join()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return not waiting

    def _work(self, waiting: list[tuple[str, int]], whole: int, begun: float, prepared: Prepared) -> None:
        with Ground() as ground:
            while True:
                with self._lock:
                    if not waiting or self._stopped.is_set() or time.monotonic() > self.deadline:
                        return
                    fault = waiting.pop(0)
                found = inject(ground, prepared, self.seed, *fault)
                with self._lock:
                    if self._stopped.is_set():
                        return  # Ctrl-C reaches the fault's own process too
                    self._keep(fault, found)
                    done = whole - len(waiting)
                    left = (time.monotonic() - begun) / done * len(waiting) / 60
                    print(
                        f"{done}/{whole} {fault[0]}:{fault[1]} seed {self.seed}, about {left:.0f} min left",
                        flush=True,
                    )
                    for note in found.notes if found.counts else []:
                        print(f"  {fault[0]}:{fault[1]} {note}", flush=True)

    def read(self) -> None:
        """Take over what is done already, with the same seed."""
        if self.only is not None or not self.state.exists():
            return
        for line in self.state.read_text().splitlines():
            known = json.loads(line)
            if known["seed"] == self.seed:
                self.results[known["kind"], known["n"]] = known

    def _keep(self, fault: tuple[str, int], found: Found) -> None:
        result = {
            "seed": self.seed, "kind": fault[0], "n": fault[1], "runs": found.runs, "counts": dict(found.counts),
            "notes": found.notes,
        }  # fmt: skip
        self.results[fault] = result
        if self.only is None:
            self.state.parent.mkdir(parents=True, exist_ok=True)
            with open(self.state, "a") as file:
                file.write(json.dumps(result, default=str) + "\n")

    def table(self) -> list[str]:
        """The results as a table, a line each kind."""
        lines = [f"| kind | runs | {' | '.join(TROUBLES)} |", f"|---|{'---|' * (len(TROUBLES) + 1)}"]
        for kind in KINDS.values():
            ours = [result for (name, _), result in self.results.items() if name == kind.name]
            if ours:
                lines.append(self._line(f"{kind.name}: {kind.about}", ours))
        for label, nights_ in (("all faults", False), ("all nights", True)):
            ours = [result for (name, _), result in self.results.items() if KINDS[name].nights == nights_]
            lines.append(self._line(label, ours))
        return lines

    @staticmethod
    def _line(label: str, ours: list[dict[str, Any]]) -> str:
        counts = sum((Counter(result["counts"]) for result in ours), Counter())
        runs = sum(result["runs"] for result in ours)
        return f"| {label} | {runs:,} | {' | '.join(str(counts[trouble]) for trouble in TROUBLES)} |"

    @property
    def sound(self) -> bool:
        return not any(result["counts"] for result in self.results.values())


def inject(ground: Ground, prepared: Prepared, seed: int, name: str, n: int) -> Found:
    """One fault, by its kind, its number and the seed alone."""
    found = Found()
    try:
        KINDS[name].inject(ground, prepared, n, random.Random(f"{seed}/{name}/{n}"), found)
    except Exception as failure:  # looking at what a fault left must not end the campaign
        import traceback

        found.add(POISONED, f"{type(failure).__name__}: {failure}")
        traceback.print_exc(file=sys.stderr)
    return found
