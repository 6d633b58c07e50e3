"""Who may come from where, as the command line and the environment say."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from footfall.errors import UserError
from footfall.plumbing.secrets import read_secret
from footfall_live.door.guard import LOOPBACK, TOKEN, Guard

Host = Annotated[str, typer.Option(help="Address to listen at.")]

HOSTS = "FOOTFALL_HOSTS"
"""Environment variable with the names, set apart by commas, by which others call this server."""


def guard_of(host: str) -> Guard:
    """The guard of a server that listens at ``host``.

    Raises:
        UserError: It is open to others, and there is no token.
    """
    token = read_secret(TOKEN)
    if host not in LOOPBACK and not token:
        raise UserError(
            f"--host {host} is open to others: put a token into {TOKEN}, which is then asked for"
        )
    named = {name.strip().lower() for name in os.environ.get(HOSTS, "").split(",")} - {""}
    return Guard(LOOPBACK | {host.lower()} | named, token)
