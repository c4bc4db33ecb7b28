"""A thousand cited addresses over four hundred nights, with pruning, rollback, rebuild and restore: none dead, none changed."""

from __future__ import annotations

import random
import traceback
from multiprocessing import get_context
from pathlib import Path

from tests.faults.ground import HANGS_S, Ground, Prepared
from tests.faults.judge import LOST, POISONED, Found

NIGHTS, ADDRESSES = 400, 1000
_processes = get_context("forkserver")


def nights(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """One simulation, in a process of its own since it sets the clock and the environment."""
    found.runs = NIGHTS
    with ground.case(None) as case:
        said = case.folder / "said"
        process = _processes.Process(target=_simulate, args=(case.folder, said, n))
        process.start()
        process.join(20 * HANGS_S)
        if process.is_alive():
            process.kill()
            found.add(POISONED, "the simulation hung")
        elif not said.exists():
            found.add(POISONED, f"the simulation ended with {process.exitcode}")
        else:
            for line in said.read_text().splitlines():
                found.add(LOST, line)
    del prepared, chance


def _simulate(folder: Path, said: Path, seed: int) -> None:
    import pytest

    from tests.figures.permanence import simulate

    with pytest.MonkeyPatch.context() as patch:
        try:
            notes = simulate(folder / "citations", patch, NIGHTS, ADDRESSES, seed).found
        except BaseException:
            notes = [repr(traceback.format_exc()[-1500:])]
    said.write_text("".join(f"{note}\n" for note in notes))
