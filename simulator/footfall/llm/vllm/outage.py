"""A circuit breaker: when a server fails, everybody waits while one asks whether it is back.

The circuit opens when a request has failed in spite of its retries, and it says so, once. Nothing
is sent then but a look at the server's door, after pauses that grow. It closes when a request is
answered again, or gives up for good when ``patience`` is over.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from footfall.errors import AwayError, ServerError

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds between two looks; they double, and are jittered by a quarter."""

_Opened = TypeVar("_Opened")


class Circuit:
    """The state of one server, as the requests to it found it.

    Args:
        where: The server's address, for messages.
        healthy: Whether the server looks well; raises ``ServerError`` if it is another one now.
        patience: Seconds without any answer after which the run is given up.
        announce: Told, in one line each, when the server fails and when it is back.
    """

    def __init__(
        self,
        where: str,
        healthy: Callable[[], Awaitable[bool]],
        patience: float,
        announce: Callable[[str], None],
    ) -> None:
        self.mends = 0
        """How often the server was found to be well again."""
        self.paused_seconds = 0.0
        """Wall time in which nobody got an answer."""
        self._where, self._healthy, self._patience = where, healthy, patience
        self._announce = announce
        self._since: float | None = None
        self._looks = 0
        self._lock = asyncio.Lock()

    def answered(self) -> None:
        """A request was answered: the circuit is closed."""
        if self._since is not None:
            seconds = time.monotonic() - self._since
            self.paused_seconds += seconds
            self._announce(f"{self._where} answers again after {seconds:.0f} s; going on")
            self._since, self._looks = None, 0

    async def mended(self, reason: str, mends: int) -> None:
        """Wait until the server looks well again.

        Args:
            reason: Why a request failed.
            mends: ``self.mends`` when that request was sent; if the server was found well since,
                nobody needs to wait again.

        Raises:
            ServerError: The server did not come back in time, or came back as another one.
        """
        async with self._lock:
            if self.mends > mends:
                return
            if self._since is None:
                self._since = time.monotonic()
                self._announce(
                    f"{self._where}: {reason}; waiting for it, up to {self._patience:,.0f} s"
                )
            while True:
                await self._pause(reason)
                if await self._healthy():
                    self.mends += 1
                    return

    async def _pause(self, reason: str) -> None:
        assert self._since is not None
        left = self._since + self._patience - time.monotonic()
        if left <= 0:
            raise ServerError(
                f"{self._where} stopped answering for {self._patience:,.0f} s ({reason}); "
                "start it again, then go on with --resume"
            )
        await asyncio.sleep(min(left, _pause_after(self._looks)))
        self._looks += 1


def waited_for(
    open_it: Callable[[], _Opened], patience: float, announce: Callable[[str], None]
) -> _Opened:
    """What ``open_it`` returns, as soon as the server that it needs answers.

    For a run that is resumed: whoever restarts machines starts the server and the run together.

    Raises:
        ServerError: The server did not answer within ``patience`` seconds.
    """
    began, looks = time.monotonic(), 0
    while True:
        try:
            return open_it()
        except AwayError as error:
            left = began + patience - time.monotonic()
            if left <= 0:
                raise ServerError(f"{error}, then go on with --resume") from error
            if not looks:
                announce(f"{error}; waiting for it, up to {patience:,.0f} s")
            time.sleep(min(left, _pause_after(looks)))
            looks += 1


def _pause_after(looks: int) -> float:
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(looks, 30))
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
