"""``footfall view``: look at runs in a browser, and start them there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from footfall.errors import UserError
from footfall.plumbing.stderr import stderr
from footfall_live.application import AT_ONCE, Served
from footfall_live.door.access import Host, guard_of
from footfall_live.serving import AtOnce, serve
from footfall_live.starting.starter import Speaker


def view(
    folder: Annotated[Path, typer.Argument(help="Folder of runs and scenarios.")] = Path(),
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8765,
    read_only: Annotated[bool, typer.Option(help="Only look: nothing is started.")] = False,
    at_once: AtOnce = AT_ONCE,
    model: Annotated[
        str | None, typer.Option(help="Who plays users in interviews, if not the run's model.")
    ] = None,
    server: Annotated[str | None, typer.Option(help="URL of a server of that model.")] = None,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the server's key.")
    ] = None,
) -> None:
    """Look at runs in a browser: what came out, live progress, and users day by day.

    Scenarios of the folder are edited, checked and run there, too; runs that were started end with
    this command, to be resumed. Beyond this machine it listens only if the environment variable
    FOOTFALL_TOKEN holds a token, which is then asked for.

    Examples:
        footfall view
        footfall view runs --read-only
        FOOTFALL_TOKEN=... footfall view --host 0.0.0.0 --port 8080
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give one that runs or scenarios lie in")
    if model is None and (server or api_key_env):
        raise UserError("--server and --api-key-env want the name of the model: --model NAME")
    guard = guard_of(host)
    offered = Served(
        folder,
        starts=not read_only,
        at_once=at_once,
        speaker=Speaker(model, server, api_key_env),
    )
    address = f"http://{host}:{port}/"
    line = f"{address} shows the runs in {folder}; Ctrl-C ends it"
    stderr.say(line, event="serving", address=address)
    serve(offered, host, port, guard)
