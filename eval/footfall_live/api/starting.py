"""``/v1`` to change things: scenarios checked and written, runs started, stopped and resumed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from footfall.plumbing.yaml_files import LONGEST
from footfall.scenario.reading import shipped
from footfall_live.api.looking import RunName
from footfall_live.starting.starter import SeenMoment, Starter

ScenarioName = Annotated[str, InPath(max_length=500)]
CommandId = Annotated[str, InPath(max_length=100)]
Name = Annotated[str, Field(max_length=500)]
Id = Annotated[str, Field(min_length=1, max_length=500)]
ACCEPTED = 202


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewRun(_Body):
    """A run to start."""

    scenario: Annotated[str, Field(min_length=1, max_length=500)]
    """A file of the folder, or a shipped scenario's name."""
    name: Name = ""
    """Of the run's folder; one is made up from the scenario's unless told."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    workers: Annotated[int, Field(ge=1, le=64)] | None = None


class GoOn(_Body):
    """How to resume a run."""

    scenario: Name = ""
    """The file that it was begun with; found by the scenario's name unless told."""


class AskedUser(_Body):
    """A question to a simulated user, at a moment of the run."""

    question: Annotated[str, Field(min_length=1, max_length=400)]
    user: Id
    arm: Id
    visit: Annotated[int, Field(ge=0, lt=2**31)]
    page: Annotated[int, Field(ge=0, lt=2**31)]


class PageOfArm(_Body):
    """A page that a user saw."""

    arm: Id
    visit: Annotated[int, Field(ge=0, lt=2**31)]
    page: Annotated[int, Field(ge=0, lt=2**31)]


class PagesApart(_Body):
    """Pages of one user that are to be taken apart."""

    user: Id
    pages: Annotated[list[PageOfArm], Field(min_length=1, max_length=100)]


class ScenarioBody(_Body):
    """Text of a scenario, as YAML."""

    text: Annotated[str, Field(max_length=LONGEST)]


class NewText(ScenarioBody):
    """Text to write to a file."""

    replaces: Annotated[str, Field(max_length=64)] = ""
    """SHA-256 of the text that it replaces; empty where the file is new."""


def add_starting(app: FastAPI, starter: Starter) -> None:
    """Add what changes things."""
    _add_runs(app, starter)
    _add_scenarios(app, starter)
    _add_commands(app, starter)


def _add_runs(app: FastAPI, starter: Starter) -> None:
    @app.post("/v1/runs", status_code=ACCEPTED)
    def start(body: NewRun) -> dict[str, Any]:
        """Start ``footfall run``; ``about`` of the answer is the run's name."""
        name = body.name or starter.free_name(body.scenario)
        return asdict(starter.run(body.scenario, name, seed=body.seed, workers=body.workers))

    @app.post("/v1/runs/{name:path}/stop", status_code=ACCEPTED)
    def stop(name: RunName) -> dict[str, Any]:
        """Stop a run as Ctrl-C does: after its epoch; the second time at once."""
        return asdict(starter.stop(name))

    @app.post("/v1/runs/{name:path}/resume", status_code=ACCEPTED)
    def resume(name: RunName, body: GoOn) -> dict[str, Any]:
        """Go on with a run that was stopped."""
        return asdict(starter.resume(name, body.scenario))

    @app.post("/v1/runs/{name:path}/interview", status_code=ACCEPTED)
    def interview(name: RunName, body: AskedUser) -> dict[str, Any]:
        """Ask a simulated user something; the answer is the command's ``result``, when done."""
        moment = SeenMoment(body.user, body.arm, body.visit, body.page)
        return asdict(starter.interview(name, body.question, moment))

    @app.post("/v1/runs/{name:path}/explain", status_code=ACCEPTED)
    def explain(name: RunName, body: PagesApart) -> dict[str, Any]:
        """Take pages apart: terms, memory, questions, images; the command's ``result`` has them."""
        moments = [SeenMoment(body.user, one.arm, one.visit, one.page) for one in body.pages]
        return asdict(starter.explain(name, moments))


def _add_scenarios(app: FastAPI, starter: Starter) -> None:
    files = starter.scenarios

    @app.get("/v1/scenarios")
    def scenarios() -> dict[str, list[str]]:
        """Scenario files of the folder, and those that come with Footfall."""
        return {"files": files.names(), "shipped": shipped()}

    @app.post("/v1/scenarios/{name:path}/check")
    def check(name: ScenarioName, body: ScenarioBody) -> list[dict[str, Any]]:
        """What is wrong with a text, by line; nothing is written."""
        return [asdict(one) for one in files.check(name, body.text)]

    @app.post("/v1/scenarios/{name:path}/dry-run", status_code=ACCEPTED)
    def dry_run(name: ScenarioName) -> dict[str, Any]:
        """Find out what a run would take; the answer is the command's ``result``, when done."""
        return asdict(starter.dry_run(name))

    @app.get("/v1/scenarios/{name:path}")
    def read(name: ScenarioName) -> dict[str, Any]:
        """A scenario's text."""
        return asdict(files.read(name))

    @app.put("/v1/scenarios/{name:path}")
    def write(name: ScenarioName, body: NewText) -> dict[str, Any]:
        """Write a scenario that nothing is wrong with."""
        return asdict(files.write(name, body.text, body.replaces))


def _add_commands(app: FastAPI, starter: Starter) -> None:
    commands = starter.commands

    @app.get("/v1/commands")
    def started() -> list[dict[str, Any]]:
        """Commands that were started here, newest first."""
        return [asdict(one) for one in commands.states()]

    @app.get("/v1/commands/{identity}")
    def one(identity: CommandId) -> dict[str, Any]:
        """How a command goes on; ``result`` is what it answered, once it is done."""
        return asdict(commands.state(identity))

    @app.post("/v1/commands/{identity}/stop", status_code=ACCEPTED)
    def stop(identity: CommandId) -> dict[str, Any]:
        """Stop a command as Ctrl-C does."""
        return asdict(commands.stop(identity))
