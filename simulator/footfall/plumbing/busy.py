"""How busy this machine is with other programs, for those who want all of its cores."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

NOTICED = 1.5
"""Times as long as alone from which on people are told of it."""

LOOK = 1.0
"""Seconds for which it is looked at."""

_ROUNDS = 10_000
"""Of hashing between two looks at the clock: a few milliseconds."""


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def slowed(threads: int, seconds: float = LOOK) -> float:
    """How many times as long as alone so many threads take now that compute all the time.

    One thread may find a core free where two do not, and what a scheduler deals out among programs
    may not grow with their threads: so as many are tried as there will be.
    """
    with ThreadPoolExecutor(threads) as pool:
        begun = time.perf_counter()
        computed = sum(pool.map(_compute, [begun + seconds] * threads))
        took = time.perf_counter() - begun
    return as_alone(took, computed, threads)


def slowed_lately(now: float, threads: int) -> float:
    """The same over the last quarter of an hour, where that was busier than the last minute.

    By how much is told by the queues that the kernel counts; what a program that waits in one gets
    of the cores is not (some come first), so it is taken from what was measured.

    Args:
        now: What ``slowed`` has found.
        threads: As there.
    """
    minute, _, quarter = os.getloadavg()
    return max(now, now * _queue(quarter, threads) / _queue(minute, threads))


def _queue(load: float, threads: int) -> float:
    return max(0.0, load - 1.0) + threads  # whoever asks is in the queue, too


def as_alone(seconds: float, computed: float, threads: int) -> float:
    """How many times as long as alone something took.

    Args:
        seconds: By the clock.
        computed: Core seconds.
        threads: That compute all the time.
    """
    return max(1.0, seconds * threads / computed) if computed > 0 else 1.0


def _compute(until: float) -> float:
    """Core seconds that this thread got until then."""
    begun = time.thread_time()
    while time.perf_counter() < until:
        hashlib.pbkdf2_hmac("sha256", b"busy", b"", _ROUNDS)  # lets other threads run meanwhile
    return time.thread_time() - begun
