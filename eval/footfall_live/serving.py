"""The application behind an address."""

from __future__ import annotations

import gc
from typing import Annotated

import typer
import uvicorn

from footfall.plumbing.stderr import stderr
from footfall_live.application import Served, application
from footfall_live.door.guard import Guard
from footfall_live.door.health import Ready, with_health

AtOnce = Annotated[int, typer.Option(min=1, max=64, help="Runs that may go on at once.")]

PATIENCE = 2
"""Seconds that open connections get when the server ends: who follows a run never hangs up."""


def serve(served: Served, host: str, port: int, guard: Guard, ready: Ready = lambda: "") -> None:
    """Serve until Ctrl-C; what was started is then stopped, to be resumed.

    Args:
        served: What is offered.
        host: Address to listen at.
        port: Likewise.
        guard: Who may come.
        ready: Why it cannot work just now, beside a folder that is not there; see ``health``.
    """

    def can_work() -> str:
        there = served.folder is None or served.folder.is_dir()
        return ready() if there else "the folder of runs is not there"

    gc.collect()
    gc.freeze()  # what is there for good is not looked through again: half a second, now and then
    uvicorn.run(
        with_health(application(served, guard), can_work), host=host, port=port,
        server_header=False, timeout_graceful_shutdown=PATIENCE, **stderr.for_uvicorn,
    )  # fmt: skip
