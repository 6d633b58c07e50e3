"""A run that goes on, followed: server-sent events of what it says and of what it has found."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from math import isfinite
from typing import Any

import anyio

from footfall.errors import FootfallError
from footfall_live.opened import Opened
from footfall_live.shelf import RunEntry, Shelf
from footfall_live.so_far import SoFar

LOOKS_EVERY = 1.0
"""Seconds between two looks at least."""

TIMES_AS_LONG = 100.0
"""The pause after a look is so many times what the look took: following costs a run that shares
this machine 1% of a core at most, however large its log has become."""


async def followed(shelf: Shelf, opened: Opened, name: str) -> AsyncIterator[str]:
    """Server-sent events: what ``described`` says, whenever it changes, until the run has ended."""
    told = ""
    while True:
        begun = time.process_time()
        entry, said = await anyio.to_thread.run_sync(_look, shelf, opened, name)
        if said != told:
            told = said
            yield f"data: {said}\n\n"
        if entry.status != "running":
            return
        await anyio.sleep(max(LOOKS_EVERY, TIMES_AS_LONG * (time.process_time() - begun)))


def _look(shelf: Shelf, opened: Opened, name: str) -> tuple[RunEntry, str]:
    entry = shelf.entry(name)
    return entry, json.dumps(described(entry, found_by(opened, entry)), allow_nan=False)


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
