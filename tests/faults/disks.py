"""A disk that takes no more: a tmpfs of a few spare kilobytes where this may be mounted, else a limit to the size of a file."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.faults.ground import Ground, Prepared
from tests.faults.judge import Found, look, next_night, standing, words

BLOCK = 4096


@cache
def means() -> str:
    """How a full disk is made here."""
    if sys.platform == "linux" and os.geteuid() == 0:
        with tempfile.TemporaryDirectory() as folder:
            if _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", folder):
                subprocess.run(["umount", folder], check=True)
                return "tmpfs"
    return "RLIMIT_FSIZE"


def _mount(*words: str) -> bool:
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


def full(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """The disk is full at some moment of a night: said, nothing lost, and with space the next night is sound."""
    draws = n % 5 == 4
    if means() == "RLIMIT_FSIZE":
        with ground.case(prepared.first) as case:
            before = standing(case.home)
            ground.serve(1, case.home)
            limit = int(10 ** chance.uniform(2, 7))
            words(case.night(draws=draws, most_bytes=limit), found)
            look(case, before, prepared, found)
            next_night(case, prepared, found, exports=False)
        return
    disk = Path(tempfile.mkdtemp(prefix="disk-", dir=ground.folder))
    try:
        assert _mount("-t", "tmpfs", "-o", "size=400m", "tmpfs", str(disk))
        with ground.case(prepared.first, into=disk) as case:
            before = standing(case.home)
            ground.serve(1, case.home)
            used = BLOCK * (-(-(_used(disk)) // BLOCK))
            size = used + int(10 ** chance.uniform(3.6, 7.2))
            assert _mount("-o", f"remount,size={size}", str(disk))
            ending = case.night(draws=draws)
            words(ending, found)
            look(case, before, prepared, found)
            assert _mount("-o", "remount,size=400m", str(disk))
            next_night(case, prepared, found, exports=False)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
        disk.rmdir()


def _used(disk: Path) -> int:
    about = os.statvfs(disk)
    return (about.f_blocks - about.f_bfree) * about.f_frsize
