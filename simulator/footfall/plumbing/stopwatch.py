"""Where the wall time of a run went."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LEAST = 0.2
"""Computed seconds from which on it can be told how busy a machine is; clocks tick coarsely."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Took:
    """Seconds by the clock, and those that it had taken without other programs beside it."""

    seconds: float
    alone: float

    @classmethod
    def now(cls) -> Took:
        """This moment, by the clock and by what this process and its children computed so far."""
        return cls(time.perf_counter(), sum(os.times()[:4]))

    @classmethod
    def since(cls, start: Took) -> Took:
        """From a moment (``Took.now()``) until now."""
        now = cls.now()
        seconds = now.seconds - start.seconds
        # Threads count together in what was computed.
        return cls(seconds, min(seconds, now.alone - start.alone))

    @property
    def busy(self) -> float:
        """How many times as long as alone it took; 1 where that cannot be told."""
        return max(1.0, self.seconds / self.alone) if self.alone >= LEAST else 1.0

    def __add__(self, other: Took) -> Took:
        """Both, one after the other."""
        return Took(self.seconds + other.seconds, self.alone + other.alone)

    def __mul__(self, times: float) -> Took:
        """So many times as long."""
        return Took(self.seconds * times, self.alone * times)


class Stopwatch:
    """Seconds by section; sections may be entered again and then add up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Time what is inside."""
        start = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + took
            _LOG.debug("%s: %.2f s", name, took)

    def total(self) -> float:
        """Seconds since this stopwatch was made."""
        return time.perf_counter() - self._start
