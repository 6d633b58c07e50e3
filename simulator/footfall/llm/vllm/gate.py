"""Who may ask a served model: those with the key, or, where there is none, this machine.

A web page that somebody visits here can have its own name point to 127.0.0.1 and then ask as a
page of that server (DNS rebinding). What it cannot choose is the header ``Host``, which then holds
its name; so without a key only the names of this machine are answered.

vLLM asks for its key below ``/v1`` and a few other places only: ``/invocations``, for one, answers
completions to anybody. So ``footfall serve`` puts this in front of all of it.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from footfall.plumbing.hosts import is_here
from footfall.plumbing.secrets import read_secret

KEY = "VLLM_API_KEY"
"""Environment variable with the key, vLLM's own."""

OPEN = frozenset({"/health"})
"""What load balancers ask; it says nothing but that the server is there."""

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Gate:
    """ASGI middleware that lets nobody in without the key or under another name.

    vLLM makes it by name.
    """

    def __init__(self, app: Callable[[_Scope, _Receive, _Send], Awaitable[None]]) -> None:
        self._app = app
        key = read_secret(KEY)
        self._wanted = f"Bearer {key}".encode() if key else b""

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] == "lifespan" or scope.get("path") in OPEN or self._knows(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"error": "Unauthorized"}'})

    def _knows(self, scope: _Scope) -> bool:
        if not self._wanted:
            return is_here(_header(scope, b"host").decode("latin-1"))
        return hmac.compare_digest(_header(scope, b"authorization"), self._wanted)


def _header(scope: _Scope, wanted: bytes) -> bytes:
    """The value of a header; none where it is missing or given twice."""
    given: list[bytes] = [value for name, value in scope["headers"] if name == wanted]
    return given[0] if len(given) == 1 else b""
