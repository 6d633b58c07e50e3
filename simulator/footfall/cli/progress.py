"""The progress of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from footfall.options import OnRound
from footfall.plumbing.stderr import stderr

WORDS = "{task.completed:,.0f}/~{task.total:,.0f} item decisions {task.fields[rate]:,.0f}/s"


@contextmanager
def simulating() -> Iterator[Callable[[float], OnRound]]:
    """Show item decisions, their rate and the time left while a run is under way.

    Yields a function that takes the expected number of item decisions and returns what is to
    be called after every round with (pages, item decisions).
    """
    with stderr.progress("simulating", WORDS, rate=0.0) as tell:

        def begin(expected: float) -> OnRound:
            start, done = time.perf_counter(), 0

            def on_round(_pages: int, items: int) -> None:
                nonlocal done
                done += items
                rate = done / (time.perf_counter() - start)
                # The total is an expectation: a run may take a little more.
                tell(done, max(expected, done), rate=round(rate, 1))

            tell(0, expected, rate=0.0)
            return on_round

        yield begin
