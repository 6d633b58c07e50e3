"""Who may come from where, as the command line and the environment say."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.errors import UserError
from footfall.plumbing.secrets import read_secret
from footfall_live.guard import LOOPBACK, TOKEN, Guard

Host = Annotated[str, typer.Option(help="Address to listen at.")]


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
    return Guard(LOOPBACK | {host.lower()}, token)
