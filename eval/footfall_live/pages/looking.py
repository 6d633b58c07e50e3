"""Pages to look at: all runs, one run, its report, a user's days."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, Response
from pydantic import StringConstraints

from footfall.errors import FootfallError, UserError
from footfall_eval import Comparison
from footfall_live.api.looking import RunName, UserId, report_page
from footfall_live.looking.beside import PageKey
from footfall_live.looking.following import Looks
from footfall_live.looking.opened import Opened
from footfall_live.looking.shelf import RunEntry, Shelf
from footfall_live.looking.side import MOST_SIDES, Side, effects_of
from footfall_live.pages.answers import page
from footfall_live.starting.started import CommandState
from footfall_live.starting.starter import RESUMABLE, Starter

RunNamed = Annotated[str, StringConstraints(max_length=500)]


def add_reading_pages(
    app: FastAPI, shelf: Shelf, opened: Opened, looks: Looks, starter: Starter | None
) -> None:
    """Add the pages; ``starter`` is None where nothing may be started from them."""

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def runs(request: Request) -> Response:
        entries = shelf.entries()
        listed = {entry.name for entry in entries}
        begun = [] if starter is None else starter.commands.states()
        return page(
            "runs", request, entries=entries, count=shelf.count(), starter=starter, most=MOST_SIDES,
            preparing=[one for one in begun if not one.over and one.about not in listed],
        )  # fmt: skip

    @app.get("/side-by-side", response_class=HTMLResponse, include_in_schema=False)
    def side_by_side(
        request: Request,
        run: Annotated[tuple[RunNamed, ...], Query(max_length=MOST_SIDES)] = (),
    ) -> Response:
        sides = []
        for name in dict.fromkeys(run):
            shelf.path(name)
            entry = shelf.entry(name)
            sides.append(Side(entry, *_compared(opened, entry)))
        return page("side", request, sides=sides, effects=effects_of(sides))

    @app.get("/runs/{name:path}/replay", response_class=HTMLResponse, include_in_schema=False)
    def replay(
        request: Request,
        name: RunName,
        user: UserId = "",
        step: Annotated[int, Query(ge=0)] = 0,
        asked: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        known = opened.users(name)
        found = opened.timeline(name, user or next(iter(known), ""))
        step = min(step, max(0, len(found.steps) - 1))
        command = starter.commands.state(asked) if asked and starter else None
        return page(
            "replay", request, name=name, line=found, step=step, now=found.at(step),
            suggested=known, starter=starter, command=command, apart=_apart(command),
        )  # fmt: skip

    @app.get("/runs/{name:path}/report", response_class=HTMLResponse, include_in_schema=False)
    def report(name: RunName) -> Response:
        return report_page(opened.report(name))

    @app.get("/runs/{name:path}", response_class=HTMLResponse, include_in_schema=False)
    def run(request: Request, name: RunName) -> Response:
        shelf.path(name)
        entry = shelf.entry(name)
        # An ordinary interval is not to be looked at again and again: while a run goes on, its
        # page has the always-valid one.
        going_on = entry.status == "running"
        result, trouble = (None, "") if going_on else _compared(opened, entry)
        return page(
            "run", request, entry=entry, result=result, trouble=trouble, starter=starter,
            live=looks.at(name) if going_on else {},
            command=None if starter is None else starter.commands.of_run(name),
            resumable=entry.status in RESUMABLE,
        )  # fmt: skip

    @app.get("/static/{name}", include_in_schema=False)
    def static(name: Annotated[str, InPath(pattern=r"^[a-z]+\.(css|js)$")]) -> Response:
        file = files("footfall_live.pages") / name
        if not file.is_file():
            raise UserError(f"no file {name}")
        kind = "text/css" if name.endswith("css") else "text/javascript"
        return Response(file.read_text(encoding="utf-8"), media_type=kind)


def _apart(command: CommandState | None) -> dict[PageKey, dict[str, Any]]:
    """What taking pages apart has found, by page."""
    if command is None or command.kind != "explain" or not isinstance(command.result, list):
        return {}
    return {(one["arm"], one["visit"], one["page"]): one for one in command.result}


def _compared(opened: Opened, entry: RunEntry) -> tuple[Comparison | None, str]:
    """What can be said about the arms; a run that never began has nothing to compare."""
    if entry.trouble:
        return None, entry.trouble
    try:
        return opened.compared(entry.name), ""
    except FootfallError as error:
        return None, str(error)
