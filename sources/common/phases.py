"""The phases of a run, in their order. Log records carry one as `extra={"phase": ...}`, so that progress can be counted.

Belongs here: their names. Does not belong here: how progress is shown (`pipelines/progress.py`).
"""

from __future__ import annotations

from enum import IntEnum


class Phase(IntEnum):
    """A phase of `refresh`, by its number from 1."""

    COLLECT = 1  # ask the providers
    ADMIT = 2  # decode, check, take into history
    BUILD = 3  # compute the tables of the release
    CHECK = 4  # run the release checks
    EXPORT = 5  # write the tables as files
    DRAW = 6  # draw the pages and the board sheet
    PUBLISH = 7  # show the release
