"""Answers over HTTP that come to an end: bounded as a whole, in time and in size.

The time-outs of HTTP clients are about silence: a server that drips a byte a second, of its
headers or of its body, keeps its caller for ever. A limit for the whole holds on an event loop
only, whatever is being waited for there. So requests are made on one, on a thread of its own;
callers need not have a loop, and may have one.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import httpx

from footfall.errors import one_line

PLAIN = {"Accept-Encoding": "identity"}
"""Header that asks for answers as they are: a megabyte may unpack to gigabytes."""

_Result = TypeVar("_Result")


UNPACKED = frozenset({"identity"})
SIMPLY_PACKED = frozenset({"identity", "gzip", "deflate"})
"""A block of these unpacks to a thousand times its size at most; of others, and of these packed
twice over, to any size."""


class UnboundedError(httpx.HTTPError):
    """An answer that is too large, or packed otherwise than it may be."""


def reason(error: httpx.HTTPError) -> str:
    """Why there is no answer, in one line; of some errors a client has nothing to say itself."""
    if told := one_line(error):
        return told
    late = isinstance(error, httpx.TimeoutException)
    return "no answer in time" if late else "the connection broke off"


class _Blocks(Protocol):
    """What is needed of an answer; the client of a model server brings its own class."""

    headers: Any

    def aiter_bytes(self) -> Any: ...


class Caller:
    """An HTTP client whose answers are bounded. Threads may share it; a forked process may not."""

    def __init__(
        self,
        *,
        within: float,
        largest: int,
        packings: frozenset[str] = SIMPLY_PACKED,
        **settings: Any,
    ) -> None:
        """Open no connection yet.

        Args:
            within: Seconds from the request to the last byte of its answer.
            largest: Bytes of an answer, unpacked.
            packings: How answers may be packed.
            settings: Of ``httpx.AsyncClient``.
        """
        self._within, self._largest, self._packings = within, largest, packings
        self._client = httpx.AsyncClient(**settings)

    def ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        """A whole answer, whatever its status.

        Raises:
            httpx.HTTPError: There is none.
            httpx.ReadTimeout: It does not come to an end in time.
            UnboundedError: It is too large, or packed too well.
        """
        return _on_loop(self._ask(method, url, request))

    def close(self) -> None:
        """Close the connections. May be called twice."""
        _on_loop(self._client.aclose())

    async def _ask(self, method: str, url: str, request: Mapping[str, Any]) -> httpx.Response:
        try:
            async with (
                asyncio.timeout(self._within),
                self._client.stream(method, url, **request) as answer,
            ):
                return _read_already(answer, await whole(answer, self._largest, self._packings))
        except TimeoutError:
            raise httpx.ReadTimeout(f"no end of its answer within {self._within:g} s") from None


async def whole(answer: _Blocks, largest: int, packings: frozenset[str]) -> bytes:
    """The body of an answer.

    Raises:
        UnboundedError: It has more than ``largest`` bytes, or is packed otherwise.
    """
    packing = answer.headers.get("content-encoding", "identity")
    if packing.strip().lower() not in packings:
        raise UnboundedError(f"packed ({packing:.20}), which nobody asked for")
    size, blocks = 0, []
    async for block in answer.aiter_bytes():
        size += len(block)
        if size > largest:
            raise UnboundedError(f"of more than {largest:,} bytes")
        blocks.append(block)
    return b"".join(blocks)


def _read_already(answer: httpx.Response, body: bytes) -> httpx.Response:
    """The answer without its connection. What tells how it was packed is gone with that."""
    gone = ("content-encoding", "content-length", "transfer-encoding")
    told = [(name, value) for name, value in answer.headers.multi_items() if name not in gone]
    return httpx.Response(answer.status_code, headers=told, content=body, request=answer.request)


_starting = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}
"""By process: threads do not live on in a fork."""


def _loop() -> asyncio.AbstractEventLoop:
    with _starting:
        if os.getpid() not in _loops:
            _loops[os.getpid()] = loop = asyncio.new_event_loop()
            # A daemon, so that whoever forgets to close does not keep the process from its end.
            threading.Thread(target=loop.run_forever, name="http", daemon=True).start()
        return _loops[os.getpid()]


def _on_loop(asked: Coroutine[Any, Any, _Result]) -> _Result:
    waiting: Future[_Result] = asyncio.run_coroutine_threadsafe(asked, _loop())
    try:
        return waiting.result()
    except BaseException:
        waiting.cancel()  # after Ctrl-C nobody waits any more
        raise
