"""The pages and the data of ``footfall view``, as one FastAPI application."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

import anyio
import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from footfall.errors import FootfallError, UserError
from footfall.run_folder.layout import MANIFEST, PROGRESS
from footfall_eval import Comparison, RunLog, compare
from footfall_eval.reporting.report import render
from footfall_live.guard import Guard
from footfall_live.metrics import CONTENT_TYPE, exposed
from footfall_live.shelf import RunEntry, Shelf
from footfall_live.timeline import Timeline, timeline, users

KEPT = 16
"""Opened runs, and timelines, that are kept for the next request."""

LOOKS_EVERY = 1.0
"""Seconds between two looks at a run that goes on."""

Name = Annotated[str, InPath(max_length=500)]


class Opened:
    """Runs that were opened, by folder and by when their manifest was written.

    A connection to a log answers one question at a time, so requests take turns here.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._turn = Lock()
        self._log = lru_cache(KEPT)(lambda path, _written: RunLog.open(path))
        self._compared = lru_cache(KEPT)(lambda path, written: compare(self._log(path, written)))
        self._rendered = lru_cache(KEPT)(self._render)
        self._timeline = lru_cache(KEPT)(self._read_timeline)
        self._users = lru_cache(KEPT)(lambda path, written: users(self._log(path, written)))

    def compared(self, name: str) -> Comparison:
        """The run's arms compared, as far as the run has come."""
        with self._turn:
            return self._compared(*self._key(name))

    def report(self, name: str) -> str:
        """The run's report as HTML."""
        with self._turn:
            return self._rendered(*self._key(name))

    def users(self, name: str) -> list[str]:
        """Some of the users who came."""
        with self._turn:
            return self._users(*self._key(name))

    def timeline(self, name: str, user: str) -> Timeline:
        """A user's pages in all arms."""
        with self._turn:
            return self._timeline(*self._key(name), user)

    def _render(self, path: Path, written: int) -> str:
        return render(self._log(path, written), self._compared(path, written))

    def _read_timeline(self, path: Path, written: int, user: str) -> Timeline:
        return timeline(self._log(path, written), user)

    def _key(self, name: str) -> tuple[Path, int]:
        path = self._shelf.path(name)
        # A long run tells of its newest parts beside the manifest, which it seldom writes whole.
        told = (path / name for name in (MANIFEST, PROGRESS))
        return path, max(file.stat().st_mtime_ns for file in told if file.exists())


def application(folder: Path, guard: Guard) -> FastAPI:
    """The application over all runs below ``folder``."""
    app = FastAPI(title="Footfall", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json")
    app.middleware("http")(guard)
    app.add_exception_handler(FootfallError, _told)
    shelf = Shelf(folder)
    opened = Opened(shelf)
    _add_pages(app, shelf, opened)
    _add_data(app, shelf, opened)
    return app


def _add_pages(app: FastAPI, shelf: Shelf, opened: Opened) -> None:
    @app.get("/", response_class=HTMLResponse)
    def runs(request: Request) -> Response:
        page = _page("runs", request, entries=shelf.entries(), count=shelf.count())
        return _remembering_token(request, page)

    @app.get("/runs/{name:path}/replay", response_class=HTMLResponse)
    def replay(
        request: Request,
        name: Name,
        user: Annotated[str, Query(max_length=500)] = "",
        step: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        known = opened.users(name)
        chosen = user or next(iter(known), "")
        found = opened.timeline(name, chosen)
        step = min(step, max(0, len(found.steps) - 1))
        return _page(
            "replay", request, name=name, line=found, step=step, now=found.at(step),
            suggested=known,
        )  # fmt: skip

    @app.get("/runs/{name:path}/report", response_class=HTMLResponse)
    def report(name: Name) -> Response:
        # The report carries a policy of its own, which names the very scripts that it holds.
        policy = {"Content-Security-Policy": "frame-ancestors 'none'"}
        return HTMLResponse(opened.report(name), headers=policy)

    @app.get("/runs/{name:path}", response_class=HTMLResponse)
    def run(request: Request, name: Name) -> Response:
        shelf.path(name)
        entry = shelf.entry(name)
        result, trouble = _compared(opened, name, entry)
        return _page("run", request, entry=entry, result=result, trouble=trouble)

    @app.get("/static/{name}")
    def static(name: Annotated[str, InPath(pattern=r"^[a-z]+\.(css|js)$")]) -> Response:
        file = files("footfall_live.pages") / name
        if not file.is_file():
            raise UserError(f"no file {name}")
        kind = "text/css" if name.endswith("css") else "text/javascript"
        return Response(file.read_text(encoding="utf-8"), media_type=kind)


def _add_data(app: FastAPI, shelf: Shelf, opened: Opened) -> None:
    @app.get("/metrics")
    def metrics() -> Response:
        return Response(exposed(shelf), media_type=CONTENT_TYPE)

    @app.get("/v1/runs")
    def runs() -> list[dict[str, Any]]:
        return [_plain(entry) for entry in shelf.entries()]

    @app.get("/v1/runs/{name:path}/comparison")
    def comparison(name: Name) -> Response:
        return Response(opened.compared(name).to_json(), media_type="application/json")

    @app.get("/v1/runs/{name:path}/timeline")
    def line(name: Name, user: Annotated[str, Query(max_length=500)]) -> Response:
        found = json.dumps(asdict(opened.timeline(name, user)), default=str, allow_nan=False)
        return Response(found, media_type="application/json")

    @app.get("/v1/runs/{name:path}/events")
    async def events(name: Name) -> Response:
        shelf.path(name)
        return StreamingResponse(_told_live(shelf, name), media_type="text/event-stream")


async def _told_live(shelf: Shelf, name: str) -> AsyncIterator[str]:
    """Server-sent events: the run's own words whenever they change, until it has ended."""
    last: RunEntry | None = None
    while True:
        entry = await anyio.to_thread.run_sync(shelf.entry, name)
        if entry != last:
            last = entry
            yield f"data: {json.dumps(_plain(entry))}\n\n"
        if entry.status != "running":
            return
        await anyio.sleep(LOOKS_EVERY)


def _compared(opened: Opened, name: str, entry: RunEntry) -> tuple[Comparison | None, str]:
    """What can be said about the arms; a young run has nothing to compare yet."""
    if entry.trouble:
        return None, entry.trouble
    try:
        return opened.compared(name), ""
    except FootfallError as error:
        return None, str(error)


def _plain(entry: RunEntry) -> dict[str, Any]:
    return {**asdict(entry), "progress": entry.progress}


def _told(request: Request, error: Exception) -> Response:
    """What is wrong in a line: as JSON to programs, on a page to people."""
    status = 404 if isinstance(error, UserError) else 500
    if request.url.path.startswith("/v1/"):
        return JSONResponse({"error": str(error)}, status_code=status)
    page = _page("wrong", request, message=str(error))
    page.status_code = status
    return page


def _remembering_token(request: Request, page: HTMLResponse) -> HTMLResponse:
    """A token that came with the address is kept in a cookie, out of further addresses."""
    token = request.query_params.get("token")
    if token:
        page.set_cookie("token", token, httponly=True, samesite="strict")
    return page


_ENVIRONMENT = Environment(
    loader=PackageLoader("footfall_live", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _figure(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:,.4g}"


_ENVIRONMENT.filters |= {"share": _share, "figure": _figure}


def _page(template: str, request: Request, **content: Any) -> HTMLResponse:
    page = _ENVIRONMENT.get_template(f"{template}.html.j2")
    return HTMLResponse(page.render(request=request, **content))
