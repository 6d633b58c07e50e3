"""Pages that start things: scenarios edited, checked and run; commands that go on; interviews.

Every page is a form that works without a script. What a form asks for is what the API does
(``footfall_live.starting.starter``); afterwards the browser is sent to a page that can be loaded
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files as resources
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from footfall.datasets.written import SCENARIOS
from footfall.errors import UserError
from footfall.plumbing.yaml_files import find_text
from footfall.scenario.checking import Problem
from footfall.scenario.reading import shipped
from footfall_live.api.looking import RunName
from footfall_live.api.starting import CommandId, ScenarioName
from footfall_live.door.refusals import UNFIT, RequestError
from footfall_live.looking.opened import Opened
from footfall_live.pages.answers import Fields, number, page
from footfall_live.starting.scenario_files import NAME, ScenarioText
from footfall_live.starting.started import CommandState
from footfall_live.starting.starter import SeenMoment, Starter

SEE_OTHER = 303

BLANK = """\
# A scenario: who shops where, and which recommenders compete (docs/scenarios.md).
name: my shop
data:
  kind: table
  path: sales.csv
  columns: {user: customer, item: sku, time: at}
split: {fraction: 0.8}
population: {users: 100, min_history: 3}
model: {name: none}
world: {days: 7, slate: 10}
arms:
  - {name: now, recommender: {kind: popular}}
  - {name: new, recommender: {kind: item-knn}}
"""
"""What a new file begins with."""

WHY = "Why did you do what you did on the page that you have just seen?"
"""What a user is asked by the button that asks for a reason."""

AROUND = 2
"""Lines shown before and after one that something is wrong with."""


@dataclass(frozen=True)
class ShownProblem:
    """A mistake with the lines around it."""

    problem: Problem
    lines: tuple[tuple[int, str], ...]
    """Number and text of each."""


def add_starting_pages(app: FastAPI, starter: Starter, opened: Opened) -> None:
    """Add the pages."""
    _add_scenario_pages(app, starter)
    _add_command_pages(app, starter)
    _add_run_forms(app, starter)
    _add_asking(app, starter, opened)


def _add_scenario_pages(app: FastAPI, starter: Starter) -> None:
    files = starter.scenarios

    @app.get("/scenarios", response_class=HTMLResponse, include_in_schema=False)
    def scenarios(request: Request, new: str = "", like: str = "") -> Response:
        if new:
            named = new if new.endswith((".yaml", ".yml")) else f"{new}.yaml"
            return RedirectResponse(_of_scenario(named, like=like), SEE_OTHER)
        return page("scenarios", request, names=files.names(), shipped=shipped())

    @app.get("/scenarios/{name:path}", response_class=HTMLResponse, include_in_schema=False)
    def edit(request: Request, name: ScenarioName, like: str = "") -> Response:
        if name in files.names():
            return _editor(request, starter, files.read(name))
        if NAME.fullmatch(name) is None:
            files.path(name)  # says what there is
        return _editor(request, starter, ScenarioText(name, _beginning(like), ""))

    @app.post("/scenarios/{name:path}", response_class=HTMLResponse, include_in_schema=False)
    def act(request: Request, name: ScenarioName, fields: Fields) -> Response:
        return _act(request, starter, name, fields)


def _act(request: Request, starter: Starter, name: str, fields: Fields) -> Response:
    """Check a text, and write and begin what was asked for where nothing is wrong with it."""
    files, wish = starter.scenarios, fields.get("do", "check")
    shown = ScenarioText(name, fields.get("text", ""), fields.get("replaces", ""))
    if wrong := files.check(name, shown.text):
        return _editor(request, starter, shown, wrong=wrong)
    if wish == "check":
        return _editor(request, starter, shown, said="Nothing is wrong with it.")
    said = ""
    try:
        shown, said = files.write(name, shown.text, shown.sha256), "Saved."
        if wish == "save":
            return _editor(request, starter, shown, said=said)
        command = _begun(starter, shown, fields)
    except RequestError as refusal:
        return _editor(request, starter, shown, said=said, refused=refusal)
    return RedirectResponse(f"/commands/{command.id}", SEE_OTHER)


def _begun(starter: Starter, saved: ScenarioText, fields: Fields) -> CommandState:
    if fields.get("do") == "dry-run":
        return starter.dry_run(saved.name)
    name = fields.get("run", "") or starter.free_name(saved.name)
    return starter.run(saved.name, name, seed=number(fields, "seed", 2**63))


def _add_command_pages(app: FastAPI, starter: Starter) -> None:
    commands = starter.commands

    @app.get("/commands/{identity}", response_class=HTMLResponse, include_in_schema=False)
    def command(request: Request, identity: CommandId) -> Response:
        found = commands.state(identity)
        if found.kind == "run" and not (found.over and found.exit_status):
            try:
                starter.shelf.path(found.about)
            except UserError:  # still reading its data
                pass
            else:
                return RedirectResponse(f"/runs/{quote(found.about)}", SEE_OTHER)
        return page("command", request, command=found)

    @app.post("/commands/{identity}/stop", include_in_schema=False)
    def stop(identity: CommandId) -> Response:
        commands.stop(identity)
        return RedirectResponse(f"/commands/{identity}", SEE_OTHER)


def _add_run_forms(app: FastAPI, starter: Starter) -> None:
    @app.post("/start", include_in_schema=False)
    def start(fields: Fields) -> Response:
        """A shipped scenario, as it is."""
        scenario = fields.get("scenario", "")
        command = starter.run(scenario, starter.free_name(scenario))
        return RedirectResponse(f"/commands/{command.id}", SEE_OTHER)

    @app.post("/runs/{name:path}/stop", include_in_schema=False)
    def stop(name: RunName) -> Response:
        starter.stop(name)
        return RedirectResponse(f"/runs/{quote(name)}", SEE_OTHER)

    @app.post("/runs/{name:path}/resume", include_in_schema=False)
    def resume(name: RunName, fields: Fields) -> Response:
        command = starter.resume(name, fields.get("scenario", ""))
        return RedirectResponse(f"/commands/{command.id}", SEE_OTHER)


def _add_asking(app: FastAPI, starter: Starter, opened: Opened) -> None:
    @app.post("/runs/{name:path}/replay", include_in_schema=False)
    def ask(name: RunName, fields: Fields) -> Response:
        """A question to the user, or all arms' pages taken apart, at one step of the user's."""
        user, wish = fields.get("user", ""), fields.get("do", "ask")
        line = opened.timeline(name, user)
        step = min(number(fields, "step") or 0, max(0, len(line.steps) - 1))
        seen = {
            arm: SeenMoment(user, arm, page.session, page.page)
            for arm, page in line.at(step).items()
            if page is not None
        }
        arm = fields.get("arm", "")
        if not seen:
            raise RequestError(f"user {user} saw no page", UNFIT)
        if wish == "explain":
            command = starter.explain(name, list(seen.values()))
        elif arm in seen:
            question = WHY if wish == "why" else fields.get("question", "").strip()
            command = starter.interview(name, question, seen[arm])
        else:
            raise RequestError(f'in arm "{arm:.100}" the user has seen nothing yet', UNFIT)
        back = urlencode({"user": user, "step": step, "asked": command.id})
        return RedirectResponse(f"/runs/{quote(name)}/replay?{back}#asked", SEE_OTHER)


def _editor(
    request: Request,
    starter: Starter,
    shown: ScenarioText,
    *,
    wrong: tuple[Problem, ...] = (),
    said: str = "",
    refused: RequestError | None = None,
) -> Response:
    answer = page(
        "scenario", request, shown=shown, said=said, refused=refused,
        wrong=[_with_lines(one, shown.text) for one in wrong],
        run=starter.free_name(shown.name),
    )  # fmt: skip
    answer.status_code = UNFIT if wrong else 200 if refused is None else refused.status
    return answer


def _with_lines(problem: Problem, text: str) -> ShownProblem:
    if problem.line is None:
        return ShownProblem(problem, ())
    lines = text.split("\n")
    first, last = max(1, problem.line - AROUND), min(len(lines), problem.line + AROUND)
    return ShownProblem(problem, tuple((n, lines[n - 1]) for n in range(first, last + 1)))


def _beginning(like: str) -> str:
    """What a new file begins with: a shipped scenario's text, or a small one."""
    return find_text(like, resources(SCENARIOS))[0] if like in shipped() else BLANK


def _of_scenario(name: str, **query: str) -> str:
    given = urlencode({key: value for key, value in query.items() if value})
    return f"/scenarios/{quote(name)}" + (f"?{given}" if given else "")
