"""Stop a run: one flag that ends every wait and cuts every open connection.

Belongs here: the flag of a run and the connections that it cuts. Does not belong here: signals (the command line turns SIGTERM
and Ctrl-C into an exception in the main thread) and what a provider is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sources.errors import Interrupted


class Stop:
    """Whether this run is to end. One object serves all threads of a run."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._cuts: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def set(self) -> None:
        """End the run: every wait returns, every open connection is cut."""
        with self._lock:
            self._event.set()
            cuts = list(self._cuts)
        for cut in cuts:
            cut()

    def is_set(self) -> bool:
        """True once the run is to end."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise Interrupted if the run is to end."""
        if self._event.is_set():
            raise Interrupted("The run was stopped.")

    def wait(self, seconds: float) -> None:
        """Wait `seconds`; raises Interrupted as soon as the run is to end."""
        if seconds > 0:
            self._event.wait(seconds)
        self.check()

    @contextmanager
    def cutting(self, cut: Callable[[], None]) -> Iterator[None]:
        """While inside, `cut` is called when the run is to end, from the thread that ends it."""
        with self._lock:
            self._cuts.append(cut)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._cuts.remove(cut)
