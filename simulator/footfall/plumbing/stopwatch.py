"""Where the wall time of a run went."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LOG = logging.getLogger(__name__)


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
