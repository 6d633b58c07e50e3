"""The applications: pages and data of ``footfall view``, the same data of ``footfall service``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
from fastapi import FastAPI, Response

from footfall.deciding import Decider
from footfall_live.api.deciding import add_deciding
from footfall_live.api.looking import add_reading
from footfall_live.api.metrics import CONTENT_TYPE, AskedFigures, exposed
from footfall_live.api.starting import add_starting
from footfall_live.door.guard import Guard
from footfall_live.door.refusals import refuse_in_a_line
from footfall_live.looking.following import Looks
from footfall_live.looking.opened import Opened
from footfall_live.looking.shelf import Shelf
from footfall_live.pages.answers import ready_pages, wrong
from footfall_live.pages.looking import add_reading_pages
from footfall_live.pages.starting import add_starting_pages
from footfall_live.starting.scenario_files import ScenarioFiles
from footfall_live.starting.started import StartedCommands
from footfall_live.starting.starter import Speaker, Starter

AT_ONCE = 2
"""Runs that a server lets go on at the same time, unless told otherwise."""


@dataclass(frozen=True)
class Served:
    """What a server offers."""

    folder: Path | None = None
    """Folder of runs and scenarios; None: none."""
    pages: bool = True
    """Pages for people beside the data for programs."""
    starts: bool = True
    """Whether scenarios may be edited, runs started and users asked, beside looking."""
    at_once: int = AT_ONCE
    """Runs at once; as many dry runs, and as many interviews."""
    speaker: Speaker = field(default_factory=Speaker)
    decider: Decider | None = None
    """Whose users answer ``POST /v1/decide``; None: nobody's."""


def application(served: Served, guard: Guard) -> FastAPI:
    """Put an application together.

    Args:
        served: What it offers; nothing outside its folder is.
        guard: Who may come.
    """
    lives: list[Callable[[], AbstractAsyncContextManager[None]]] = []

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for one in lives:
                await stack.enter_async_context(one())
            yield

    app = FastAPI(
        title="Footfall", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json",
        lifespan=life,
    )  # fmt: skip
    refuse_in_a_line(app, wrong if served.pages else None)
    app.middleware("http")(guard)  # added last, asked first

    asked: AskedFigures | None = None
    if served.decider is not None:
        batches = add_deciding(app, served.decider)
        lives.append(batches.working)
        asked = batches.figures
    _add_metrics(app, None if served.folder is None else Shelf(served.folder), asked)
    if served.folder is not None:
        starter = _starter(served, served.folder)
        if starter is not None:
            lives.append(partial(_stopping, starter.commands))
        _add_folder(app, served, served.folder, starter)
    return app


def _add_metrics(app: FastAPI, shelf: Shelf | None, asked: AskedFigures | None) -> None:
    @app.get("/metrics")
    def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(exposed(shelf, asked), media_type=CONTENT_TYPE)


def _starter(served: Served, folder: Path) -> Starter | None:
    if not served.starts:
        return None
    commands = StartedCommands(folder, served.at_once)
    return Starter(Shelf(folder), ScenarioFiles(folder), commands, served.speaker)


@asynccontextmanager
async def _stopping(commands: StartedCommands) -> AsyncIterator[None]:
    """What was started ends with the server, resumable."""
    yield
    await anyio.to_thread.run_sync(commands.close)


def _add_folder(app: FastAPI, served: Served, folder: Path, starter: Starter | None) -> None:
    shelf = Shelf(folder)
    opened = Opened(shelf)
    looks = Looks(shelf, opened)
    if starter is not None:
        add_starting(app, starter)
    add_reading(app, shelf, opened, looks)
    if served.pages:
        ready_pages()
        add_reading_pages(app, shelf, opened, looks, starter)
        if starter is not None:
            add_starting_pages(app, starter, opened)
