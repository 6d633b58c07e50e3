"""How much memory a command takes, with all processes that it starts."""

from __future__ import annotations

import contextlib
import threading
from typing import Self

import psutil


class MemoryOfAll:
    """The most memory that a process and its children held at one time, looked at each second."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self.peak = 0
        """Bytes; what several processes share counts once."""

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(1.0):
            family = _family(self._root)
            held = 0
            for process in family:
                with contextlib.suppress(psutil.Error):  # it has just ended
                    # Proportional sizes take the kernel long; a process alone shares nothing.
                    alone = len(family) == 1
                    held += process.memory_info().rss if alone else process.memory_full_info().pss
            self.peak = max(self.peak, held)


def _family(root: psutil.Process) -> list[psutil.Process]:
    """A process with all that it has started and that still run."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
