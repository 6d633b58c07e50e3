"""``footfall service``: the users of a scenario as a service for one's own test bench."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from footfall.deciding import Decider
from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.scenario.overriding import read_with_options
from footfall_live.access import guard_of
from footfall_live.deciding import deciding
from footfall_live.health import model_answers, with_health


def service(
    scenario: Annotated[str, typer.Argument(help="A YAML file, or a shipped scenario's name.")],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8766,
    store: Annotated[Path | None, typer.Option(help="Store of model answers.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Replaces the scenario's model.")
    ] = None,
    server: Annotated[str | None, typer.Option(help="URL of a running vLLM server.")] = None,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the server's key.")
    ] = None,
) -> None:
    """Ask simulated users about slates over HTTP: chances of clicks and purchases.

    POST /v1/decide takes slates for users and returns what is to be expected of them. Beyond this
    machine it listens only if the environment variable FOOTFALL_TOKEN holds a token, which is then
    asked for.

    Examples:
        footfall service shop.yaml
        footfall service shop.yaml --model none --port 9000
    """
    guard = guard_of(host)
    model_options = {"name": model, "server": server, "api_key_env": api_key_env}
    resolved = read_with_options(scenario, {}, {"model": model_options})
    opened = Decider(resolved, folder_of(scenario), store=store, announce=stderr.say)
    with closing(opened) as decider:
        address = f"http://{host}:{port}/v1/decide"
        line = f"{address} asks the users of {resolved.name}; Ctrl-C ends it"
        stderr.say(line, event="serving", address=address)
        asked = resolved.model.server
        ready = model_answers(None if asked is None else str(asked))
        app = with_health(deciding(decider, guard), ready)
        uvicorn.run(app, host=host, port=port, server_header=False, **stderr.for_uvicorn)
