"""Ctrl-C and SIGTERM: a command ends within seconds, whatever it is doing.

Belongs here: signals of this process. Does not belong here: what the work does when it is interrupted.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130
# the time for an orderly end: open connections are closed and the run is recorded as interrupted
GRACE_S = 5
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """While inside, SIGTERM raises KeyboardInterrupt as Ctrl-C does. Yields a function: whether one of them came.

    Libraries turn an interrupt into errors of other kinds, or do not return from C code or from a join of their threads
    until their work is done. Therefore a thread watches the signals too, and ends the process GRACE_S after the first:
    every file is written so that a kill loses nothing.
    """
    watched, bell = socket.socketpair()
    bell.setblocking(False)
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    wakeup = signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
    ended = threading.Event()
    threading.Thread(target=_watch, args=(watched, ended), name="signals", daemon=True).start()

    def interrupted() -> bool:
        return bool(select.select([watched], [], [], 0)[0])

    try:
        yield interrupted
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGTERM, handler)
        # after an interruption the thread stays, since threads of the work may keep the process alive
        if not interrupted():
            ended.set()
            bell.close()


def announce() -> None:
    """Say on stderr, once, that the command was interrupted. Not by rich, whose lock the main thread may hold."""
    if not _announced.is_set():
        _announced.set()
        print(
            "Interrupted: the published release stays; the next run continues with what is missing.",
            file=sys.stderr,
            flush=True,
        )


_announced = threading.Event()


def _watch(watched: socket.socket, ended: threading.Event) -> None:
    with watched:
        # left in the socket: `interrupted` looks for it as well
        signals = watched.recv(1, socket.MSG_PEEK)
        if ended.wait(GRACE_S if signals and signals[0] in SIGNALS else None):
            return
    announce()
    os._exit(INTERRUPTED)
