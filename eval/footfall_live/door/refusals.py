"""Why a request is refused: one line, and the status that says whose turn it is.

Programs get ``{"error": LINE}``, people a page. No answer holds a traceback.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from footfall.errors import FootfallError, UserError, one_line

NOT_THERE = 404
NOT_NOW = 409
"""What is asked for does not fit the state that things are in."""
TOO_LARGE = 413
UNFIT = 422
TOO_MANY = 429

MOST_BYTES = 4_000_000
"""Of a request's body."""

Next = Callable[[Request], Awaitable[Response]]
Page = Callable[[Request, str], Response]
"""Shows people what is wrong."""


class RequestError(UserError):
    """A request that is not granted."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


def refusal(words: str, status: int) -> Response:
    """A refusal for programs."""
    return JSONResponse({"error": one_line(words)}, status_code=status)


def for_programs(request: Request) -> bool:
    """Whether a program asks: its answers are JSON."""
    return request.url.path.startswith("/v1/") or request.url.path == "/metrics"


def refuse_in_a_line(app: FastAPI, page: Page | None = None) -> None:
    """Make everything that goes wrong in an application a line.

    Args:
        app: The application.
        page: Shows it to people, where the application has pages.
    """

    def told(request: Request, words: str, status: int) -> Response:
        if page is None or for_programs(request):
            return refusal(words, status)
        shown = page(request, one_line(words))
        shown.status_code = status
        return shown

    def refused(request: Request, error: Exception) -> Response:
        return told(request, str(error), _status(request, error))

    def misread(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError), "registered for these"
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        return told(request, f"{where}: {first['msg']}", UNFIT)

    def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for these"
        shown = told(request, str(error.detail), error.status_code)
        shown.headers.update(error.headers or {})
        return shown

    app.add_exception_handler(FootfallError, refused)
    app.add_exception_handler(RequestValidationError, misread)
    app.add_exception_handler(HTTPException, unknown)
    app.middleware("http")(_of_a_size)


def _status(request: Request, error: Exception) -> int:
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, UserError):  # a name that is not there, or something in a body
        return NOT_THERE if request.method == "GET" else UNFIT
    return NOT_NOW  # a log that is damaged, or has nothing in it yet


async def _of_a_size(request: Request, call_next: Next) -> Response:
    """Refuse bodies whose length is not told or too large, before they are read."""
    length = request.headers.get("content-length", "")
    has_body = request.method not in {"GET", "HEAD", "OPTIONS"}
    if has_body and not (length.isdecimal() and int(length) <= MOST_BYTES):
        return refusal(f"a request has at most {MOST_BYTES:,} bytes, and says how many", TOO_LARGE)
    return await call_next(request)
