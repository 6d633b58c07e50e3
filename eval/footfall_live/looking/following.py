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
from footfall_live.looking.opened import Opened
from footfall_live.looking.shelf import RunEntry, Shelf
from footfall_live.looking.so_far import SoFar

LOOKS_EVERY = 2.0
"""Seconds between two looks at what the run says about itself: a millisecond or two each."""

TIMES_AS_LONG = 100.0
"""The pause after reading the log is so many times what reading took: who follows a run that shares
this machine takes 1% of a core from it, however large its log has become."""

FIRST_PAUSE = 20.0
"""Seconds before the log is read for the first time; the page itself came with what it held."""


async def followed(shelf: Shelf, opened: Opened, name: str) -> AsyncIterator[str]:
    """Server-sent events: what ``described`` says, whenever it changes, until the run has ended."""
    told, found, due = "", None, time.monotonic() + FIRST_PAUSE
    while True:
        entry = await anyio.to_thread.run_sync(shelf.entry, name)
        if entry.status == "running" and time.monotonic() >= due:
            begun = time.process_time()
            found = await anyio.to_thread.run_sync(found_by, opened, entry)
            due = time.monotonic() + TIMES_AS_LONG * (time.process_time() - begun)
        said = json.dumps(described(entry, found), allow_nan=False)
        if said != told:
            told = said
            yield f"data: {said}\n\n"
        if entry.status != "running":
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
