"""A clock that jumps by days or years, for one night or one decision, with providers that answer and without."""

from __future__ import annotations

import random

from tests.faults.ground import Ground, Prepared
from tests.faults.judge import LOST, POISONED, UNCLEAR, Found, figures, next_night, releases, standing, words

JUMPS = (-3650, -365, -31, -2, -0.1, 1.5, 2, 20, 31, 44, 46, 60, 365, 730, 3650, 20000)


def jump(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """One night at a wrong time: with providers it stops before anything is written, offline nothing is deleted."""
    days, offline = JUMPS[n // 2 % len(JUMPS)], n % 2 == 1
    with ground.case(prepared.first) as case:
        before = standing(case.home)
        ground.serve(1, case.home)
        ending = case.night(*(["--offline"] if offline else []), days=days, exports=False)
        words(ending, found)
        # a tenth of a day cannot be told from a slow one by what providers say
        if (days < 0 or (not offline and abs(days) > 1)) and ending.code != 1:
            found.add(POISONED, f"{days:+} days, offline {offline}: exit code {ending.code}")
        if ending.code == 1 and "clock" not in ending.text:
            found.add(UNCLEAR, f"{days:+} days: {ending.text[-300:]}")
        for name in before.releases:
            if name not in {folder.name for folder in releases(case.home)}:
                found.add(LOST, f"{days:+} days: release {name}")
        if ending.code == 1 and standing(case.home) != before:
            found.add(LOST, f"{days:+} days: something was written")
        if days > 0 and offline:
            stopped = case.night(exports=False)
            words(stopped, found)
            written = len(releases(case.home)) > len(before.releases)
            if written and stopped.code != 1:
                found.add(POISONED, f"{days:+} days ahead, then right: exit code {stopped.code}")
            if stopped.code == 1:
                confirmed = case.run("clock", "confirm", "--because", "it was ahead and is set")
                words(confirmed, found)
        next_night(case, prepared, found, exports=False)
        if any(row not in figures(case.home)["observations"] for row in prepared.expected["observations"]):
            found.add(LOST, f"{days:+} days: figures")
    del chance
