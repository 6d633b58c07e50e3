"""``POST /v1/decide``: simulated users asked about slates that somebody else made up.

Questions of many clients are put to the model together: whatever has come while it was busy is the
next batch. A page gets the same answer in any company (``footfall.deciding``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import anyio
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from footfall.deciding import MOST_DAYS, Decider, MadeUpPage, PageChances
from footfall.errors import FootfallError, ModelError, UserError
from footfall_live.api.metrics import AskedFigures
from footfall_live.door.refusals import UNFIT, refusal

MOST_PAGES = 1_000
"""Pages in one request."""

MOST_AT_ONCE = 4_096
"""Pages that are put to the model together."""

MOST_WAITING = 100_000
"""Pages that wait; more are refused with status 503 and may be sent again."""

AWAY, BUSY = 502, 503
"""Statuses: the model does not answer, or too many wait for it."""

Id = Annotated[str, Field(min_length=1, max_length=500)]


class AskedPage(BaseModel):
    """A slate for a user, top first."""

    model_config = ConfigDict(extra="forbid")

    user: Id
    items: Annotated[list[Id], Field(min_length=1, max_length=200)]
    day: Annotated[float, Field(ge=0, le=MOST_DAYS, allow_inf_nan=False)] = 0.0
    """Days after the scenario's split; the page is shown at noon, UTC."""


class Asked(BaseModel):
    """Pages to decide."""

    model_config = ConfigDict(extra="forbid")

    pages: Annotated[list[AskedPage], Field(min_length=1, max_length=MOST_PAGES)]


@dataclass(eq=False)
class _Waiting:
    pages: list[MadeUpPage]
    answer: asyncio.Future[list[PageChances]]


class Batches:
    """Puts the pages of all clients to one decider, together and in turn."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self.figures = AskedFigures()
        """For Prometheus."""

    async def ask(self, pages: list[MadeUpPage]) -> list[PageChances]:
        """Chances of the pages, as soon as it is their turn.

        Raises:
            OverflowError: Too many pages wait already.
        """
        if self.figures.waiting + len(pages) > MOST_WAITING:
            self.figures.refused += len(pages)
            raise OverflowError
        answer: asyncio.Future[list[PageChances]] = asyncio.get_running_loop().create_future()
        self.figures.waiting += len(pages)
        try:
            await self._queue.put(_Waiting(pages, answer))
            return await answer
        finally:
            self.figures.waiting -= len(pages)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """While inside, pages are answered."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            task.cancel()

    async def _work(self) -> None:
        """Answer for ever; one batch at a time, because a model does one thing at a time."""
        while True:
            batch = await self._next()
            pages = [page for one in batch for page in one.pages]
            start = time.perf_counter()
            try:
                found = await anyio.to_thread.run_sync(self._decider.foresee, pages)
            except Exception as error:  # noqa: BLE001 - told to those who asked, and it goes on
                self.figures.failed += len(pages)
                for one in batch:
                    _settle(one, error)
                continue
            finally:
                self.figures.batches += 1
                self.figures.seconds += time.perf_counter() - start
            self.figures.pages += len(pages)
            self.figures.unanswered += sum(not page.answered for page in found)
            for one in batch:
                _settle(one, found[: len(one.pages)])
                found = found[len(one.pages) :]

    async def _next(self) -> list[_Waiting]:
        batch = [await self._queue.get()]
        size = len(batch[0].pages)
        while size < MOST_AT_ONCE and not self._queue.empty():
            batch.append(self._queue.get_nowait())
            size += len(batch[-1].pages)
        return batch


def _settle(one: _Waiting, found: list[PageChances] | Exception) -> None:
    if one.answer.done():  # the client has gone
        return
    if isinstance(found, Exception):
        one.answer.set_exception(found)
    else:
        one.answer.set_result(found)


def add_deciding(app: FastAPI, decider: Decider) -> Batches:
    """Add ``POST /v1/decide`` over the users of one scenario.

    Returns:
        The batches, which are to be ``working`` while the application lives.
    """
    batches = Batches(decider)

    @app.post("/v1/decide")
    async def decide(asked: Asked) -> Response:
        """Chances of clicks and purchases on slates for users."""
        pages = [MadeUpPage(one.user, tuple(one.items), one.day) for one in asked.pages]
        try:
            for page in pages:
                decider.check(page)
            found = await batches.ask(pages)
        except ModelError as error:
            return refusal(str(error), AWAY)
        except UserError as error:
            return refusal(str(error), UNFIT)
        except OverflowError:
            return refusal("too many pages wait; send them again in a while", BUSY)
        except FootfallError as error:
            return refusal(str(error), AWAY)
        return JSONResponse({"pages": [_plain(one) for one in found]})

    return batches


def _plain(one: PageChances) -> dict[str, Any]:
    """Chances that are void are null: nobody may take them for behaviour."""
    if one.answered:
        return asdict(one)
    return {"answered": False, **dict.fromkeys(("read", "click", "buy", "utility"))}
