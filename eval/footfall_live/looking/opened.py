"""Runs that were opened, kept for the next request."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from threading import Lock

from footfall.run_folder.layout import MANIFEST, PROGRESS
from footfall_eval import Comparison, RunLog, compare
from footfall_eval.reporting.report import render
from footfall_live.looking.shelf import Shelf
from footfall_live.looking.so_far import SoFar, so_far
from footfall_live.looking.timeline import Timeline, Titles, timeline, titles, users

KEPT = 16
"""Opened runs, and timelines, that are kept for the next request."""

RESULTS = 256
"""Comparisons that are kept: the list of runs asks for all of them, and they are small."""


class Opened:
    """Runs that were opened, by folder and by when their manifest was written.

    A connection to a log answers one question at a time, so requests take turns here.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._turn = Lock()
        self._log = lru_cache(KEPT)(lambda path, _written: RunLog.open(path))
        self._compared = lru_cache(RESULTS)(lambda path, written: compare(self._log(path, written)))
        self._rendered = lru_cache(KEPT)(self._render)
        self._timeline = lru_cache(KEPT)(self._read_timeline)
        self._titles = lru_cache(KEPT)(lambda path, written: titles(self._log(path, written)))
        self._users = lru_cache(KEPT)(lambda path, written: users(self._log(path, written)))
        self._so_far = lru_cache(KEPT)(lambda path, written: so_far(self._log(path, written)))

    def compared(self, name: str) -> Comparison:
        """The run's arms compared, as far as the run has come."""
        with self._turn:
            return self._compared(*self._key(name))

    def report(self, name: str) -> str:
        """The run's report as HTML."""
        with self._turn:
            return self._rendered(*self._key(name))

    def users(self, name: str) -> list[str]:
        """Some of the users who came."""
        with self._turn:
            return self._users(*self._key(name))

    def timeline(self, name: str, user: str) -> Timeline:
        """A user's pages in all arms."""
        with self._turn:
            return self._timeline(*self._key(name), user)

    def so_far(self, name: str) -> SoFar:
        """What a run that goes on has found."""
        with self._turn:
            return self._so_far(*self._key(name))

    def _render(self, path: Path, written: int) -> str:
        return render(self._log(path, written), self._compared(path, written))

    def _read_timeline(self, path: Path, written: int, user: str) -> Timeline:
        found: Titles = self._titles(path, written)
        return timeline(self._log(path, written), user, found)

    def _key(self, name: str) -> tuple[Path, int]:
        path = self._shelf.path(name)
        # A long run tells of its newest parts beside the manifest, which it seldom writes whole.
        told = (path / name for name in (MANIFEST, PROGRESS))
        return path, max(file.stat().st_mtime_ns for file in told if file.exists())
