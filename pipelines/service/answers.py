"""Answers written to a file first: sent at once if short, else in parts, so that memory does not grow with their number.

Belongs here: sending such a file. Does not belong here: writing it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from starlette.responses import Response, StreamingResponse

PART = 1 << 18


def written(
    spool: Path,
    write: Callable[[Path], None],
    media_type: str,
    headers: dict[str, str] | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> Response:
    """The response of `before`, what `write` writes to the file it is given, in the folder `spool`, and `after`."""
    descriptor, name = tempfile.mkstemp(dir=spool)
    os.close(descriptor)
    try:
        write(Path(name))
        handle = open(name, "rb")
    finally:
        os.unlink(name)
    start = handle.read(PART)
    if len(start) < PART:
        handle.close()
        return Response(before + start + after, 200, headers, media_type)

    def parts() -> Iterator[bytes]:
        with handle:
            yield before + start
            while part := handle.read(PART):
                yield part
            yield after

    return StreamingResponse(parts(), 200, headers, media_type)
