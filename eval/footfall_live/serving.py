"""The application behind an address."""

from __future__ import annotations

from pathlib import Path

import uvicorn

from footfall.plumbing.stderr import stderr
from footfall_live.application import application
from footfall_live.guard import Guard


def serve(folder: Path, host: str, port: int, guard: Guard) -> None:
    """Serve the runs in ``folder`` until Ctrl-C."""
    uvicorn.run(
        application(folder, guard), host=host, port=port, server_header=False, **stderr.for_uvicorn
    )
