"""``POST /v1/decide``: simulated users asked about slates that somebody else made up.

Questions of many clients are put to the model together: whatever has come while it was busy is the
next batch. A page gets the same answer in any company (``footfall.deciding``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from footfall.deciding import MOST_DAYS, Decider, MadeUpPage, PageChances
from footfall.errors import FootfallError, ModelError, UserError
from footfall_live.guard import Guard

MOST_PAGES = 1_000
"""Pages in one request."""

MOST_BYTES = 4_000_000
"""Of a request's body."""

MOST_AT_ONCE = 4_096
"""Pages that are put to the model together."""

MOST_WAITING = 100_000
"""Pages that wait; more are refused with status 503 and may be sent again."""

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
        self._waiting = 0

    async def ask(self, pages: list[MadeUpPage]) -> list[PageChances]:
        """Chances of the pages, as soon as it is their turn.

        Raises:
            OverflowError: Too many pages wait already.
        """
        if self._waiting + len(pages) > MOST_WAITING:
            raise OverflowError
        answer: asyncio.Future[list[PageChances]] = asyncio.get_running_loop().create_future()
        self._waiting += len(pages)
        try:
            await self._queue.put(_Waiting(pages, answer))
            return await answer
        finally:
            self._waiting -= len(pages)

    async def work(self) -> None:
        """Answer for ever; one batch at a time, because a model does one thing at a time."""
        while True:
            batch = await self._next()
            pages = [page for one in batch for page in one.pages]
            try:
                found = await anyio.to_thread.run_sync(self._decider.foresee, pages)
            except Exception as error:  # noqa: BLE001 - told to those who asked, and it goes on
                for one in batch:
                    _settle(one, error)
                continue
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


def deciding(decider: Decider, guard: Guard) -> FastAPI:
    """The application over the users of one scenario."""
    batches = Batches(decider)

    @asynccontextmanager
    async def working(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(batches.work())
        yield
        task.cancel()

    app = FastAPI(
        title="Footfall: simulated users",
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=working,
    )
    app.middleware("http")(_of_a_size)
    app.middleware("http")(guard)  # added last, asked first
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(HTTPException, _refused)

    @app.post("/v1/decide")
    async def decide(asked: Asked) -> Response:
        pages = [MadeUpPage(one.user, tuple(one.items), one.day) for one in asked.pages]
        try:
            for page in pages:
                decider.check(page)
            found = await batches.ask(pages)
        except ModelError as error:
            return _wrong(502, str(error))
        except UserError as error:
            return _wrong(422, str(error))
        except OverflowError:
            return _wrong(503, "too many pages wait; send them again in a while")
        except FootfallError as error:
            return _wrong(502, str(error))
        return JSONResponse({"pages": [_plain(one) for one in found]})

    return app


async def _of_a_size(request: Request, call_next: Any) -> Response:
    """Refuse bodies whose length is not told or too large, before they are read."""
    length = request.headers.get("content-length", "")
    if request.method == "POST" and not (length.isdigit() and int(length) <= MOST_BYTES):
        return _wrong(413, f"a request has at most {MOST_BYTES:,} bytes, and says how many")
    response: Response = await call_next(request)
    return response


def _misread(_: Request, error: Exception) -> Response:
    """What is wrong with a request, and where, in a line."""
    assert isinstance(error, RequestValidationError), "registered for these"
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return _wrong(422, f"{where}: {first['msg']}")


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for these"
    return _wrong(error.status_code, str(error.detail))


def _wrong(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status_code=status)


def _plain(one: PageChances) -> dict[str, Any]:
    """Chances that are void are null: nobody may take them for behaviour."""
    if one.answered:
        return asdict(one)
    return {"answered": False, **dict.fromkeys(("read", "click", "buy", "utility"))}
