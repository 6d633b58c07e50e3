"""Ctrl-C and polite kills while a run is under way.

The first Ctrl-C lets the epoch be finished, the second stops at once; SIGTERM stops at once.
All three leave a run that can be resumed: what the model answered is stored.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from footfall.errors import InterruptError, RunError

TERMINATED = 143
"""Exit status after SIGTERM, as shells have it."""


class Terminated(SystemExit):
    """SIGTERM came."""

    def __init__(self) -> None:
        super().__init__(TERMINATED)


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM into ``Terminated``, so that files and engines are closed on the way out."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def patient(announce: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """While inside, the first Ctrl-C only makes what is yielded true; the second interrupts."""
    asked = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        announce("finishing this epoch first; Ctrl-C again stops at once")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: asked
    except RunError as error:
        # Ctrl-C reaches every process of the terminal: an engine may have taken it as its end.
        if asked and not isinstance(error, InterruptError):
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
