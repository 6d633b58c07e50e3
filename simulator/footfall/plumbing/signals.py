"""Ctrl-C and polite kills while a run is under way.

The first Ctrl-C lets the epoch be finished, the second stops at once; SIGTERM stops at once, and
so does SIGHUP (the terminal went away, for instance because ssh did). All of them leave a run that
can be resumed: what the model answered is stored.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from footfall.errors import InterruptError, RunError


class Terminated(SystemExit):
    """SIGTERM or SIGHUP came; ``code`` is the exit status, 143 or 129, as shells have it."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into ``Terminated``: files and engines are closed on the way out."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Terminated(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # nohup wants the terminal's end not to be noticed
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """While inside, neither Ctrl-C nor SIGTERM nor SIGHUP is heard: last words are said whole.

    Outside the main thread, where no signal arrives, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
