"""Zip archives within bounds: opening one, and writing a member to a file.

Belongs here: what may go wrong with the archive itself. Does not belong here: which members a format expects (`records.py`,
`regional_archive.py`, `tabular.py`).
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sources.errors import NotData, UnreadableBody

PIECE = 1 << 20


@contextmanager
def opened(body: Path | IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The archive, while the block runs. Raises NotData if it is not a zip, UnreadableBody if it is damaged."""
    try:
        with zipfile.ZipFile(body) as archive:
            yield archive
    except zipfile.BadZipFile as failure:
        raise NotData(f"No zip archive: {failure}.") from None
    except (EOFError, zlib.error, OSError, RuntimeError, NotImplementedError, ValueError) as failure:
        raise UnreadableBody(f"The zip cannot be unpacked: {failure}.") from None


def extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path, largest: int, *, left: int) -> int:
    """Write `member` to the file `into`; returns what is left of the `left` bytes. Raises UnreadableBody beyond them.

    `largest` is the limit that the message names.
    """
    with archive.open(member) as packed, open(into, "wb") as file:
        while piece := packed.read(PIECE):
            left -= len(piece)
            if left < 0:
                raise UnreadableBody(f"The zip expands to more than {largest:,} bytes.")
            file.write(piece)
    return left
