"""``/healthz`` and ``/readyz``: what those ask who start and end servers, load balancers too.

They are answered before any guard, because whoever asks knows no token and calls the server by an
address; so they say no more than that it is there, and whether it can work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import closing
from typing import Any

import anyio
import httpx

from footfall.plumbing.http_answers import Caller

ALIVE, READY = "/healthz", "/readyz"

_PATIENCE = 2.0
"""Seconds in which a model server must answer."""

_LARGEST = 2**20
"""Bytes of its answer, of which its status is all that counts."""

Ready = Callable[[], str]
"""Why no request can be answered just now, in a line; "" if one can."""

_Scope = MutableMapping[str, Any]
_App = Callable[[_Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Any]


def with_health(app: _App, ready: Ready = lambda: "") -> _App:
    """The ASGI application, with both addresses in front of it.

    Args:
        app: Any.
        ready: Asked for each ``/readyz``, on a thread of its own.
    """

    async def answering(scope: _Scope, receive: Any, send: Any) -> None:
        path = scope.get("path")
        if scope["type"] != "http" or path not in {ALIVE, READY}:
            await app(scope, receive, send)
            return
        why = await anyio.to_thread.run_sync(ready) if path == READY else ""
        body = f"{why or 'ok'}\n".encode()
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
        status = 503 if why else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answering


def model_answers(server: str | None) -> Ready:
    """Ready if the model server at this URL is well; None: the model is in this process."""
    if server is None:
        return lambda: ""
    address = f"{server.rstrip('/').removesuffix('/v1')}/health"

    def ready() -> str:
        try:
            with closing(Caller(within=_PATIENCE, largest=_LARGEST, timeout=_PATIENCE)) as caller:
                answer = caller.ask("GET", address)
        except httpx.HTTPError:
            return "the model server cannot be reached"
        return "" if answer.is_success else f"the model server answers {answer.status_code}"

    return ready
