"""``footfall`` commands started from a page or the API: children of this process.

A run is started as anybody starts one, by ``footfall run``, and stopped as Ctrl-C stops it, so
that there is one way to run. Children have a session of their own: Ctrl-C at the server's terminal
reaches the server alone, which then stops them in turn.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from footfall_live.door.guard import TOKEN
from footfall_live.door.refusals import NOT_NOW, NOT_THERE, TOO_MANY, RequestError

Kind = Literal["run", "dry-run", "interview", "explain"]
State = Literal["running", "stopping", "done", "failed"]

REMEMBERED = 100
"""Commands that have ended and can still be asked about."""

LONGEST_WORDS = 4_000
"""Characters of what a command has said that are shown: the newest."""

LONGEST_ANSWER = 16_000_000
"""Bytes of a command's answer: pages of many arms that were taken apart hold prompts and images."""

GRACE = 20.0
"""Seconds that a run has to finish its epoch when the server ends; then it is stopped at once."""

_MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a server in the background ignores it
from footfall.cli.main import main
main()
"""
_COMMAND = (sys.executable, "-P", "-c", _MAIN)
"""Without the folder of the scenario on Python's path, where a file could pass for a library."""


@dataclass(frozen=True)
class CommandState:
    """A started command as it is now."""

    id: str
    kind: Kind
    about: str
    """The run, or the scenario of a dry run."""
    state: State
    exit_status: int | None
    """As ``footfall`` has them; None while it goes on."""
    said: str
    """The newest of what it said beside its answer."""
    result: Any
    """What a dry run, an interview or an explanation found, once it is done; else None."""

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.exit_status is not None

    @property
    def last_words(self) -> str:
        """Its last line: the reason, where it failed."""
        lines = self.said.strip().splitlines()
        return lines[-1].removeprefix("footfall: ") if lines else ""


@dataclass(eq=False)
class _Child:
    id: str
    kind: Kind
    about: str
    process: subprocess.Popen[bytes]
    answer: IO[bytes]
    words: IO[bytes]
    asked_to_stop: bool = False
    _result: Any = None

    def state(self) -> CommandState:
        status = self.process.poll()
        state: State = "stopping" if self.asked_to_stop else "running"
        if status is not None:
            state = "done" if status == 0 else "failed"
        return CommandState(
            id=self.id, kind=self.kind, about=self.about, state=state, exit_status=status,
            said=_tail(self.words, LONGEST_WORDS),
            result=None if status is None or self.kind == "run" else self._found(),
        )  # fmt: skip

    def _found(self) -> Any:
        """What it answered, read once."""
        if self._result is None:
            with contextlib.suppress(ValueError):
                self._result = json.loads(_tail(self.answer, LONGEST_ANSWER))
        return self._result

    def signal(self, number: int) -> None:
        """To all of its processes, as a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


@dataclass
class StartedCommands:
    """All commands that this server has started, so many of a kind at once."""

    folder: Path
    """Where they run."""
    at_once: int
    _children: list[_Child] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def start(self, kind: Kind, about: str, arguments: Sequence[str]) -> CommandState:
        """Start ``footfall`` with these arguments.

        Raises:
            RequestError: As many of this kind are under way as may be.
        """
        with self._turn:
            under_way = [one for one in self._children if one.process.poll() is None]
            same = [one for one in under_way if one.kind == kind]
            if self._closed or len(same) >= self.at_once:
                raise RequestError(
                    f"{len(same)} of {self.at_once} {kind} commands are under way; wait for one, "
                    "or stop one",
                    TOO_MANY,
                )
            if kind == "run" and any(one.about == about for one in same):
                raise RequestError(f"{about} is under way already", NOT_NOW)
            child = self._spawn(kind, about, arguments)
            ended = [one for one in self._children if one not in under_way]
            self._children = [*ended[-REMEMBERED:], *under_way, child]
            return child.state()

    def _spawn(self, kind: Kind, about: str, arguments: Sequence[str]) -> _Child:
        # Files, and no pipes: what nobody reads must not stop a run, nor the end of the server.
        answer, words = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        process = subprocess.Popen(  # noqa: S603 - our own command, and no shell
            [*_COMMAND, *arguments],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if name != TOKEN},
            stdin=subprocess.DEVNULL, stdout=answer, stderr=words, start_new_session=True,
        )  # fmt: skip
        return _Child(secrets.token_hex(8), kind, about, process, answer, words)

    def states(self) -> list[CommandState]:
        """All that are remembered, newest first."""
        with self._turn:
            return [one.state() for one in reversed(self._children)]

    def state(self, identity: str) -> CommandState:
        """One command.

        Raises:
            RequestError: There is none of that id, or it is forgotten.
        """
        return self._child(identity).state()

    def of_run(self, name: str) -> CommandState | None:
        """The newest command that played the run called ``name``; None: none did."""
        found = (one for one in self.states() if one.kind == "run" and one.about == name)
        return next(found, None)

    def stop(self, identity: str) -> CommandState:
        """Stop a command as Ctrl-C does; a run finishes its epoch, or stops at once the 2nd time.

        Raises:
            RequestError: It is unknown, or has ended.
        """
        child = self._child(identity)
        with self._turn:
            if child.process.poll() is not None:
                raise RequestError(f"{child.about} has ended already", NOT_NOW)
            child.asked_to_stop = True
            child.signal(signal.SIGINT)
        return child.state()

    def close(self, grace: float = GRACE) -> None:
        """Stop what is under way, resumable, and wait for it."""
        with self._turn:
            self._closed = True
            under_way = [one for one in self._children if one.process.poll() is None]
        for number, seconds in (
            (signal.SIGINT, grace),
            (signal.SIGTERM, GRACE),
            (signal.SIGKILL, GRACE),
        ):
            for child in under_way:
                child.signal(number)
            under_way = _left(under_way, seconds)
        with self._turn:  # a request that comes as the last one finds nobody, not closed files
            gone, self._children = self._children, []
        for child in gone:
            child.answer.close()
            child.words.close()

    def _child(self, identity: str) -> _Child:
        with self._turn:
            for one in self._children:
                if one.id == identity:
                    return one
        raise RequestError(f'no command "{identity:.40}" is known (any more)', NOT_THERE)


def _left(children: list[_Child], seconds: float) -> list[_Child]:
    """Those that still go on after so many seconds."""
    until = time.monotonic() + seconds
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, until - time.monotonic()))
    return [one for one in children if one.process.poll() is None]


def _tail(file: IO[bytes], most: int) -> str:
    """The newest bytes of a file that another process writes, its place left alone."""
    size = os.fstat(file.fileno()).st_size
    found = os.pread(file.fileno(), most, max(0, size - most))
    text = found.decode("utf-8", "replace").replace("\r", "\n")
    return "".join(sign for sign in text if sign.isprintable() or sign == "\n")
