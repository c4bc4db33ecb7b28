"""A provider that lies, in every way that the test provider knows, about a table, the inventory, or both.

Nothing of it may keep the other datasets from their night, or outlast the lie.
"""

from __future__ import annotations

import json
import random

from tests.faults.ground import Ground, Prepared
from tests.faults.judge import LOST, POISONED, UNCLEAR, Found, figures, next_night, standing, words
from tests.provider_faults import ANSWERS, FIGURES

# where a behaviour needs one: what a small test needs of it
ARGUMENTS = {"zip_bomb": 20_000_000, "redirect_port": 9, "rate_limited": 31_536_000}
WAYS = tuple(
    (name, about)
    for about in ("toy", "*", "inventory")
    for name in (*ANSWERS, *FIGURES)
    if not (name in FIGURES and about == "inventory")
)


def lie(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """One night with one lie; other datasets' figures of that night are published, and the next night is sound."""
    name, about = WAYS[n % len(WAYS)]
    with ground.case(prepared.first) as case:
        before = standing(case.home)
        ground.serve(1, case.home)
        ground.set_provider(max_decoded_bytes=2_000_000, max_bytes=2_000_000)
        ground.server.behave(about, name, argument=ARGUMENTS.get(name))
        found.notes.append(f"({name} for {about})")
        ending = case.night(exports=False)
        ground.set_provider()
        words(ending, found)
        look_at = figures(case.home)
        others = [
            row for row in prepared.expected["observations"] if row[0] == "uploads"
        ] + prepared.expected["district"]
        if ending.code not in (0, 3):
            found.add(POISONED, f"{name} for {about}: exit code {ending.code}: {ending.text[-300:]}")
        elif missing := [row for row in others if row not in look_at["observations"] + look_at["district"]]:
            found.add(POISONED, f"{name} for {about}: other datasets lack {missing[:2]}")
        known = prepared.expected["observations"] + before.rows["observations"]
        if invented := [row for row in look_at["observations"] if row not in known]:
            found.add(LOST, f"{name} for {about}: published {invented[:2]}")
        for dataset, check in json.loads((case.home / "status.json").read_text())["datasets"].items():
            failure = check.get("failure")
            if failure and not (failure["message"].strip(" .:") and failure["hint"]):
                found.add(UNCLEAR, f"{name} for {about}: {dataset}: {failure}")
        next_night(case, prepared, found, exports=False)
    del chance
