"""Who may look: loopback by default; elsewhere only with the token. Host and Origin are checked.

A page of a stranger in the same browser can send requests to a server on this machine. It cannot
choose the ``Host`` and ``Origin`` that the browser sends along, so those are what is looked at
(DNS rebinding; cross-site requests).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from footfall_live.door.refusals import Next, for_programs, refusal

TOKEN = "FOOTFALL_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable that holds the token."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer, forms of our own name no Origin
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Guard:
    """Checks each request before anything is read."""

    hosts: frozenset[str]
    """Names and addresses that a request may be sent to."""
    token: str = ""
    """What ``Authorization: Bearer`` or the cookie must hold; "": nothing is asked."""

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Refuse in one line, or let the request through."""
        reason, status = self._refusal(request)
        if reason and for_programs(request):
            response = refusal(reason, status)
        elif reason:
            response = PlainTextResponse(f"{reason}\n", status_code=status)
        else:
            response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _refusal(self, request: Request) -> tuple[str, int]:
        if host_of(request.headers.get("host", "")) not in self.hosts:
            return "this server does not go by that name; see `footfall view --host`", 421
        if not _is_own(request.headers):
            return "requests from other sites are refused", 403
        if self.token and not hmac.compare_digest(_shown(request).encode(), self.token.encode()):
            return "a token is asked for: `Authorization: Bearer TOKEN`, or ?token= once", 401
        return "", 200


def _is_own(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a page of this very server, or from no page at all.

    Another port of this machine is another site: who knows what is served there.
    """
    origin = headers.get("origin")
    same_site = headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
    if origin is None:
        return same_site or headers.get("sec-fetch-mode") == "navigate"
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    except ValueError:
        return False


def host_of(netloc: str) -> str:
    """The name in "name:port" or "[address]:port", in lower case."""
    try:
        return (urlsplit(f"//{netloc}").hostname or "").lower()
    except ValueError:  # "[" without "]"
        return ""


def _shown(request: Request) -> str:
    header = request.headers.get("authorization", "")
    bearer = header[7:] if header.lower().startswith("bearer ") else ""
    return bearer or request.query_params.get("token", "") or request.cookies.get("token", "")
