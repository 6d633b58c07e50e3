"""The application behind an address."""

from __future__ import annotations

from typing import Annotated

import typer
import uvicorn

from footfall.plumbing.stderr import stderr
from footfall_live.application import Served, application
from footfall_live.guard import Guard

AtOnce = Annotated[int, typer.Option(min=1, max=64, help="Runs that may go on at once.")]

PATIENCE = 2
"""Seconds that open connections get when the server ends: who follows a run never hangs up."""


def serve(served: Served, host: str, port: int, guard: Guard) -> None:
    """Serve until Ctrl-C; what was started is then stopped, to be resumed."""
    uvicorn.run(
        application(served, guard), host=host, port=port, server_header=False,
        timeout_graceful_shutdown=PATIENCE, **stderr.for_uvicorn,
    )  # fmt: skip
