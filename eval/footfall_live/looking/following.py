"""A run that goes on, followed: server-sent events of what it says and of what it has found."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from math import isfinite
from threading import Lock
from typing import Any

import anyio

from footfall.errors import FootfallError
from footfall_live.looking.opened import Opened
from footfall_live.looking.shelf import RunEntry, Shelf
from footfall_live.looking.so_far import SoFar

LOOKS_EVERY = 2.0
"""Seconds between two looks at what the run says about itself, at the least."""

LOOKS_TIMES = 200.0
"""Pause after a look, in times of what it took; a manifest of many parts takes its time."""

READS_TIMES = 100.0
"""The pause after reading the log is so many times what reading took: together with the looks, who
follows a run that shares this machine takes 1.5% of a core from it, however large its log is."""

FIRST_READ = 0.7
"""Core seconds that reading a log takes, before one has been read."""


@dataclass
class _Look:
    entry: RunEntry
    found: SoFar | None = None
    again: float = 0.0
    """When the run may be looked at again, on the monotonic clock."""
    reading: float = 0.0
    """When its log may be read again, likewise."""


class Looks:
    """Looks at runs that go on; those who follow the same one share them."""

    def __init__(self, shelf: Shelf, opened: Opened) -> None:
        self._shelf = shelf
        self._opened = opened
        self._turn = Lock()
        self._kept: dict[str, _Look] = {}

    def at(self, name: str) -> dict[str, Any]:
        """What a run says about itself, and has found as far as that was looked up."""
        kept = self._kept.get(name)
        # Who comes while somebody else looks is told what is known, and does not wait.
        if self._turn.acquire(blocking=kept is None):
            try:
                kept = self._kept.get(name)
                if kept is None or time.monotonic() >= kept.again:
                    kept = self._look(name, kept)
            finally:
                self._turn.release()
        assert kept is not None, "waited for where nothing is known"
        return described(kept.entry, kept.found)

    def _look(self, name: str, before: _Look | None) -> _Look:
        begun = time.process_time()
        entry = self._shelf.entry(name)
        took = time.process_time() - begun
        now = time.monotonic()
        if entry.status != "running":
            self._kept.pop(name, None)
            return _Look(entry)
        look = before or _Look(entry, reading=now + _until_first(entry))
        look.entry, look.again = entry, now + max(LOOKS_EVERY, LOOKS_TIMES * took)
        if now >= look.reading:
            begun = time.process_time()
            look.found = found_by(self._opened, entry)
            look.reading = now + READS_TIMES * (time.process_time() - begun)
        self._kept[name] = look
        return look


def _until_first(entry: RunEntry) -> float:
    """Seconds until the log of a run is worth its first reading."""
    return max(0.0, READS_TIMES * FIRST_READ - (entry.simulating_seconds or 0.0))


async def followed(looks: Looks, name: str) -> AsyncIterator[str]:
    """Server-sent events: what ``described`` says, whenever it changes, until the run has ended."""
    told = ""
    while True:
        found = await anyio.to_thread.run_sync(looks.at, name)
        said = json.dumps(found, allow_nan=False)
        if said != told:
            told = said
            yield f"data: {said}\n\n"
        if found["status"] != "running":
            return
        await anyio.sleep(LOOKS_EVERY)


def found_by(opened: Opened, entry: RunEntry) -> SoFar | None:
    """What a run has found; None where the log holds nothing yet."""
    if entry.trouble or not entry.epochs:
        return None
    try:
        return opened.so_far(entry.name)
    except FootfallError:  # being written, or damaged: its own page says which
        return None


def described(entry: RunEntry, found: SoFar | None = None) -> dict[str, Any]:
    """A run as JSON, with what it has found where that was looked up."""
    plain = {
        **asdict(entry),
        "engine_share": entry.engine_share,
        "stored_share": entry.stored_share,
    }
    if found is not None:
        seconds = entry.simulating_seconds
        plain["decisions"] = found.decisions
        plain["decisions_per_second"] = found.decisions / seconds if seconds else None
        plain["effects"] = [asdict(one) for one in found.effects if isfinite(one.ci_high)]
    return plain
