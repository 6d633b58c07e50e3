"""``footfall service``: runs and simulated users over HTTP, for one's own programs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from footfall.deciding import Decider
from footfall.errors import UserError
from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.scenario.overriding import read_with_options
from footfall_live.application import AT_ONCE, Served
from footfall_live.door.access import Host, guard_of
from footfall_live.door.health import model_answers
from footfall_live.serving import AtOnce, serve


def service(
    scenario: Annotated[
        str | None, typer.Argument(help="Whose users are asked: a YAML file, or a shipped name.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of runs and scenarios to start and read.")
    ] = None,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8766,
    at_once: AtOnce = AT_ONCE,
    store: Annotated[Path | None, typer.Option(help="Store of model answers.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Replaces the scenario's model.")
    ] = None,
    server: Annotated[str | None, typer.Option(help="URL of a running vLLM server.")] = None,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the server's key.")
    ] = None,
) -> None:
    """Runs and simulated users over HTTP: GET /v1/openapi.json describes it.

    With a scenario, POST /v1/decide takes slates for its users and returns chances of clicks and
    purchases. With a folder, /v1/runs and /v1/scenarios list, start, stop and read. Beyond this
    machine it listens only if the environment variable FOOTFALL_TOKEN holds a token, which is then
    asked for.

    Examples:
        footfall service shop.yaml
        footfall service --folder . --at-once 1
        footfall service shop.yaml --folder . --model none --port 9000
    """
    if scenario is None and folder is None:
        raise UserError("name a scenario whose users are asked, or a --folder of runs, or both")
    if folder is not None and not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give one that runs or scenarios lie in")
    guard = guard_of(host)
    offered = Served(folder, pages=False, at_once=at_once)
    if scenario is None:
        address = f"http://{host}:{port}/v1/runs"
        line = f"{address} starts and lists runs in {folder}; Ctrl-C ends it"
        stderr.say(line, event="serving", address=address)
        serve(offered, host, port, guard)
        return
    model_options = {"name": model, "server": server, "api_key_env": api_key_env}
    resolved = read_with_options(scenario, {}, {"model": model_options})
    opened = Decider(resolved, folder_of(scenario), store=store, announce=stderr.say)
    with closing(opened) as decider:
        address = f"http://{host}:{port}/v1/decide"
        line = f"{address} asks the users of {resolved.name}; Ctrl-C ends it"
        stderr.say(line, event="serving", address=address)
        asked = resolved.model.server
        ready = model_answers(None if asked is None else str(asked))
        serve(replace(offered, decider=decider), host, port, guard, ready)
