"""What a command says beside its answer: lines for people, or with ``--log json`` JSON objects.

Everything goes to stderr, and through here: steps, warnings, progress, what libraries log. A JSON
object stands on one line and has ``time`` (UTC), ``level``, ``event``, ``message`` and what else
the event is made of; no secret stands in it. ``--verbose`` adds what Footfall and its libraries
log about their work (Python's ``logging``, from level DEBUG and INFO on).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from footfall.plumbing.secrets import hidden_in_logs

FORMATS = ("text", "json")

TELLS_EVERY = 5.0
"""Seconds between two JSON objects about progress."""

WARNS = "! "
"""Beginning of an announced line that warns."""

_HANDED_ON = "FOOTFALL_LOG"
"""Environment variable through which worker processes learn how to log."""

OnProgress = Callable[..., None]
"""Called with (done, total) and fields by name."""


class Stderr:
    """One for the process: ``stderr``."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._json = False
        self._verbose = False

    @contextmanager
    def as_asked(self, *, as_json: bool, verbose: bool) -> Iterator[None]:
        """While inside, speak like this; worker processes that are started do so too."""
        before = os.environ.get(_HANDED_ON)
        os.environ[_HANDED_ON] = f"{'json' if as_json else 'text'},{'verbose' if verbose else ''}"
        self._json, self._verbose = as_json, verbose
        try:
            with self._listening():
                yield
        finally:
            self._json = self._verbose = False
            os.environ.pop(_HANDED_ON)
            if before is not None:
                os.environ[_HANDED_ON] = before

    @contextmanager
    def as_parent(self) -> Iterator[None]:
        """In a worker process: speak like the process that started it."""
        words = os.environ.get(_HANDED_ON, "").split(",")
        with self.as_asked(as_json="json" in words, verbose="verbose" in words):
            yield

    def say(self, message: str, *, event: str = "step", level: str = "info", **fields: Any) -> None:
        """Say one line, or write one object.

        Args:
            message: For people; one that begins with "! " is a warning.
            event: What happened, in a word.
            level: debug, info, warning or error.
            fields: What the event is made of; people are not shown these.
        """
        if message.startswith(WARNS) and level == "info":
            level = "warning"
        if not self._json:
            # A terminal's lines are broken between words; those of a file or a pipe, and what
            # went wrong, stay whole.
            whole = level in {"warning", "error"} or not self._console.is_terminal
            self._console.print(message, markup=False, soft_wrap=whole)
            return
        self._write(event, level, message.removeprefix(WARNS), fields)

    def tells_crash(self, error: Exception) -> bool:
        """Whether an error that nobody expected was told of; people see Python's own words."""
        if self._json:
            fault = f"a fault in Footfall itself: {type(error).__name__}: {error}"
            logging.getLogger("footfall").error(fault, exc_info=error)
        return self._json

    @contextmanager
    def progress(self, task: str, words: str, **fields: Any) -> Iterator[OnProgress]:
        """Show how far a task is: as a bar, or as an object every few seconds.

        Args:
            task: What is going on.
            words: Of the bar, in the manner of rich's ``TextColumn``.
            fields: First values of what ``words`` shows beside done and total.
        """
        if self._json:
            told = _Told(task, self._write)
            yield told.note
            told.tell()
            return
        columns = (
            SpinnerColumn(), TextColumn(task), BarColumn(bar_width=24), TextColumn(words),
            TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=self._console, transient=True) as bar:
            number = None

            def on_progress(done: float, total: float, **now: Any) -> None:
                nonlocal number
                if number is None:
                    number = bar.add_task(task, total=total, **{**fields, **now})
                bar.update(number, completed=done, total=total, **now)

            yield on_progress

    @property
    def hears_libraries(self) -> bool:
        """Whether what libraries log comes here."""
        return self._json or self._verbose

    @property
    def for_uvicorn(self) -> dict[str, Any]:
        """Arguments of ``uvicorn.run`` that let this hear what the server says."""
        return {"log_config": None, "log_level": "info" if self._verbose else "warning"}

    def _write(self, event: str, level: str, message: str, fields: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {"time": now, "level": level, "event": event, "message": message, **fields}
        sys.stderr.write(hidden_in_logs(json.dumps(told, default=str)) + "\n")
        sys.stderr.flush()

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Hear what is logged, and in JSON what is warned of, if either was asked for."""
        if not self.hears_libraries:
            yield
            return
        root, own, handler = logging.getLogger(), logging.getLogger("footfall"), _Handler(self)
        engine = logging.getLogger("vllm")
        before = root.level, own.level, engine.level
        root.addHandler(handler)
        root.setLevel(logging.INFO if self._verbose else logging.WARNING)
        own.setLevel(logging.DEBUG if self._verbose else logging.INFO)
        if not self._verbose:  # it warns of the same thing with every question
            engine.setLevel(logging.ERROR)
        logging.captureWarnings(self._json)
        try:
            yield
        finally:
            logging.captureWarnings(False)
            root.removeHandler(handler)
            root.setLevel(before[0])
            own.setLevel(before[1])
            engine.setLevel(before[2])

    def hear(self, record: logging.LogRecord) -> None:
        """Tell what was logged; for the handler."""
        message = record.getMessage()
        if self._json:
            trace = logging.Formatter().formatException
            fields = {"traceback": trace(record.exc_info)} if record.exc_info else {}
            told = {"logger": record.name, **fields}
            self._write("log", record.levelname.lower(), message, told)
            return
        now = datetime.fromtimestamp(record.created, tz=UTC).astimezone().strftime("%H:%M:%S")
        line = f"{now} {record.levelname.lower()} {record.name}: {message}"
        self._console.print(hidden_in_logs(line), markup=False, soft_wrap=True)


class _Told:
    """Progress as objects: the first, one every few seconds, and the last."""

    def __init__(self, task: str, write: Callable[[str, str, str, dict[str, Any]], None]) -> None:
        self._task, self._write = task, write
        self._now: dict[str, Any] = {}
        self._last = -TELLS_EVERY

    def note(self, done: float, total: float, **now: Any) -> None:
        self._now = {"done": round(done), "total": round(total), **now}
        if time.monotonic() - self._last >= TELLS_EVERY:
            self.tell()

    def tell(self) -> None:
        if self._now:
            self._write("progress", "info", self._task, {"task": self._task, **self._now})
        self._last, self._now = time.monotonic(), {}


class _Handler(logging.Handler):
    def __init__(self, ear: Stderr) -> None:
        super().__init__()
        self._ear = ear

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._ear.hear(record)
        except Exception:  # noqa: BLE001 - as every handler of logging does
            self.handleError(record)


stderr = Stderr()
"""The process's own."""
