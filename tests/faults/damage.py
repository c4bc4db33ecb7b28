"""Files of the data folder torn, flipped, blanked, emptied or taken away, then a night, then the way out that is documented."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from tests.faults.ground import Ground, Prepared, copy, unlink_from_base
from tests.faults.judge import (
    FAILED,
    HALF,
    POISONED,
    Found,
    figures,
    next_night,
    problems,
    releases,
    standing,
    words,
)

WAYS = ("torn", "flipped", "blanked", "emptied", "gone", "another type")
# what is damaged, as patterns in the data folder or, of pace, in the state folder
TARGETS = (
    "warehouse.duckdb", "snapshots/manifest.jsonl", "status.json", "targets.yml", "staged/**/*", "baselines/**/*",
    "snapshots/objects/*/*", "releases/*/distretto.duckdb", "releases/*/release.json", "releases/*/SHA256SUMS",
    "releases/*/*.csv", "releases/*/*.parquet", "releases/*/site/**/*", "pace/*", "current", "drop/own_figures.csv",
)  # fmt: skip
# what a run builds again: the messages say to delete it
BUILT = ("warehouse.duckdb", "status.json", "staged", "baselines", "pace", "current")
# a flipped byte in these can be a letter in a sentence, or another figure
UNPROTECTED = ("drop",)


def damage(path: Path, way: str, chance: random.Random) -> None:
    """Damage one file, whose bytes are its own."""
    whole = path.read_bytes()
    at = chance.randrange(max(len(whole), 1))
    match way:
        case "torn":
            path.write_bytes(whole[:at])
        case "flipped":
            path.write_bytes(
                whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :]
                if whole
                else b"\1"
            )
        case "blanked":
            path.write_bytes(whole[:at] + bytes(min(4096, len(whole) - at)) + whole[at + 4096 :])
        case "emptied":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "another type":
            path.write_bytes(chance.choice([b"[]", b"null", b'{"a": [1]}', b"1", b"\xff\xfe\x00", b"a: b\n"]))


def one(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """A file is damaged between two nights. The night after goes through or says what is wrong; put right, all is as it was."""
    target, way = TARGETS[n % len(TARGETS)], WAYS[n // len(TARGETS) % len(WAYS)]
    with ground.case(prepared.first) as case:
        before = standing(case.home)
        ground.serve(1, case.home)
        if target == "pace/*":
            case.night(exports=False)
            shutil.rmtree(case.home)
            copy(prepared.first, case.home)
            ground.serve(1, case.home)
        folder = case.state if target == "pace/*" else case.home
        candidates = sorted(path for path in folder.glob(target) if path.is_file() or path.is_symlink())
        if not candidates:
            found.runs = 0
            return
        path = chance.choice(candidates)
        found.notes.append(f"({way} {path.relative_to(folder)})")
        kept = path.readlink() if path.is_symlink() else path.read_bytes()
        if path.is_symlink():
            path.unlink()
        else:
            unlink_from_base(path)
            damage(path, way, chance)
        ending = case.night(exports=n % 2 == 0)
        words(ending, found)
        if target in ("drop/own_figures.csv",):
            path.write_bytes(kept if isinstance(kept, bytes) else b"")
        if ending.code in (0, 3):
            _new_release_is_whole(case.home, before.releases, found)
            if ending.code == 0 and not target.startswith("drop"):
                shown = figures(case.home)
                if shown["observations"] != prepared.expected["observations"]:
                    found.add(POISONED, f"{way} {target}: other figures were published")
        # the documented way out
        if path.parts and isinstance(kept, bytes) and ending.code == 1:
            if target.split("/")[0] in BUILT:
                path.unlink(missing_ok=True)
                if target.split("/")[0] in ("baselines", "warehouse.duckdb"):
                    (case.home / "warehouse.duckdb").unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                path.write_bytes(kept)
        elif isinstance(kept, bytes) and target.startswith(("releases", "snapshots/objects")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_bytes(kept)
        next_night(case, prepared, found, exports=False)


def _new_release_is_whole(home: Path, before: dict[str, str], found: Found) -> None:
    for folder in releases(home):
        if folder.name not in before and (wrong := problems(folder)):
            found.add(HALF, f"{folder.name}, published after the damage: {wrong[0]}")
    try:
        figures(home)
    except Exception as failure:
        found.add(FAILED, f"reading current: {failure}")
