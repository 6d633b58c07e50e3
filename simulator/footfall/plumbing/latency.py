"""How long others took to answer: quantiles in a fixed amount of memory, however long the run."""

from __future__ import annotations

import math
from threading import Lock
from typing import Any

import numpy as np

SHORTEST, LONGEST, STEPS = 1e-4, 1e4, 1024
"""Seconds that are told apart, in steps of 1.8%; what lies outside counts as the nearest."""

_WIDTH = math.log(LONGEST / SHORTEST) / STEPS


class Latencies:
    """A histogram with logarithmic steps; may be added to from several threads."""

    def __init__(self) -> None:
        self._counts = np.zeros(STEPS + 1, dtype=np.int64)
        self._longest = 0.0
        self._lock = Lock()

    def add(self, seconds: float) -> None:
        """Count one answer."""
        place = round(math.log(max(seconds, SHORTEST) / SHORTEST) / _WIDTH)
        with self._lock:
            self._counts[min(place, STEPS)] += 1
            self._longest = max(self._longest, seconds)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=Lock())

    def absorb(self, other: Latencies) -> None:
        """Add what was counted elsewhere."""
        with self._lock:
            self._counts += other._counts
            self._longest = max(self._longest, other._longest)

    def __len__(self) -> int:
        return int(self._counts.sum())

    def quantile(self, share: float) -> float:
        """Seconds within which ``share`` of the answers came; NaN before the first."""
        total = len(self)
        if not total:
            return math.nan
        place = int(np.searchsorted(np.cumsum(self._counts), math.ceil(share * total)))
        return min(SHORTEST * math.exp(place * _WIDTH), self._longest)

    def as_dict(self) -> dict[str, float]:
        """For manifests: how many, and p50, p95, p99 and the longest in seconds."""
        if not len(self):
            return {"requests": 0}
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        seconds = {name: round(self.quantile(share), 5) for name, share in shares.items()}
        return {"requests": len(self), **seconds, "max": round(self._longest, 5)}
