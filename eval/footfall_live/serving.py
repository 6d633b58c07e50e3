"""The application behind an address."""

from __future__ import annotations

from pathlib import Path

import uvicorn

from footfall.plumbing.stderr import stderr
from footfall_live.application import application
from footfall_live.guard import Guard
from footfall_live.health import with_health


def serve(folder: Path, host: str, port: int, guard: Guard) -> None:
    """Serve the runs in ``folder`` until Ctrl-C."""

    def ready() -> str:
        return "" if folder.is_dir() else "the folder of runs is not there"

    app = with_health(application(folder, guard), ready)
    uvicorn.run(app, host=host, port=port, server_header=False, **stderr.for_uvicorn)
