"""The application behind an address."""

from __future__ import annotations

from pathlib import Path

import uvicorn

from footfall_live.application import application
from footfall_live.guard import LOOPBACK, Guard


def serve(folder: Path, host: str, port: int, token: str) -> None:
    """Serve the runs in ``folder`` until Ctrl-C."""
    app = application(folder, Guard(LOOPBACK | {host.lower()}, token))
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)
