"""``footfall view``: look at runs in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from footfall.errors import UserError
from footfall.plumbing.stderr import stderr
from footfall_live.access import guard_of
from footfall_live.serving import serve


def view(
    folder: Annotated[Path, typer.Argument(help="Folder with runs.")] = Path("runs"),
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8765,
) -> None:
    """Look at runs in a browser: what came out, live progress, and users day by day.

    Reads run folders and changes nothing. Beyond this machine it listens only if the environment
    variable FOOTFALL_TOKEN holds a token, which is then asked for.

    Examples:
        footfall view runs
        FOOTFALL_TOKEN=... footfall view runs --host 0.0.0.0 --port 8080
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give one that runs lie in")
    guard = guard_of(host)
    address = f"http://{host}:{port}/"
    line = f"{address} shows the runs in {folder}; Ctrl-C ends it"
    stderr.say(line, event="serving", address=address)
    serve(folder, host, port, guard)
