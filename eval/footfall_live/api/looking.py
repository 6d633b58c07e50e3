"""``/v1/runs`` to read: what every run is, what came out, how it goes on."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from footfall_live.looking.following import Looks, described, followed
from footfall_live.looking.opened import Opened
from footfall_live.looking.shelf import Shelf

RunName = Annotated[str, InPath(max_length=500)]
UserId = Annotated[str, Query(max_length=500)]


def add_reading(app: FastAPI, shelf: Shelf, opened: Opened, looks: Looks) -> None:
    """Add what only reads: runs, comparisons, timelines, events."""

    @app.get("/v1/runs")
    def runs() -> list[dict[str, Any]]:
        """All runs of the folder, newest first."""
        return [described(entry) for entry in shelf.entries()]

    @app.get("/v1/runs/{name:path}/comparison")
    def comparison(name: RunName) -> Response:
        """What came out, as ``footfall compare --json`` says it."""
        return Response(opened.compared(name).to_json(), media_type="application/json")

    @app.get("/v1/runs/{name:path}/report")
    def report(name: RunName) -> HTMLResponse:
        """The page that ``footfall report`` writes."""
        return report_page(opened.report(name))

    @app.get("/v1/runs/{name:path}/timeline")
    def timeline(name: RunName, user: UserId) -> Response:
        """Every page of a user in all arms."""
        found = json.dumps(asdict(opened.timeline(name, user)), default=str, allow_nan=False)
        return Response(found, media_type="application/json")

    @app.get("/v1/runs/{name:path}/users")
    def users(name: RunName) -> list[str]:
        """Some of the users who came."""
        return opened.users(name)

    @app.get("/v1/runs/{name:path}/events")
    async def events(name: RunName) -> Response:
        """Server-sent events: the run's state whenever it changes, until it has ended."""
        shelf.path(name)
        return StreamingResponse(followed(looks, name), media_type="text/event-stream")

    @app.get("/v1/runs/{name:path}")
    def run(name: RunName) -> dict[str, Any]:
        """What a run says about itself."""
        shelf.path(name)
        return described(shelf.entry(name))


def report_page(html: str) -> HTMLResponse:
    """A report, which carries a policy of its own that names the very scripts that it holds."""
    policy = {"Content-Security-Policy": "frame-ancestors 'none'"}
    return HTMLResponse(html, headers=policy)
