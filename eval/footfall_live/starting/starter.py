"""What may be started from a page or the API, as ``footfall`` commands over one folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from footfall.errors import FootfallError
from footfall.plumbing.yaml_files import parse_mapping
from footfall.run_folder import manifest
from footfall.run_folder.layout import LOCK, MANIFEST
from footfall.scenario.checking import KEYS
from footfall.scenario.reading import shipped
from footfall_live.door.refusals import NOT_NOW, UNFIT, RequestError
from footfall_live.looking.shelf import DEEPEST, MOST, Shelf, as_mapping
from footfall_live.starting.scenario_files import ScenarioFiles
from footfall_live.starting.started import CommandState, StartedCommands

RUN_NAME = re.compile(r"(?:\w[\w .+-]{0,99}/){0,2}\w[\w .+-]{0,99}")
"""What a new run may be called: a folder below the served one, no hidden one, none outside."""


RESUMABLE = frozenset({"interrupted", "failed", "out of budget", manifest.KILLED})
"""What a run is that can go on."""


@dataclass(frozen=True)
class SeenMoment:
    """A page that a user saw: an interview knows what came before, and it, and nothing later."""

    user: str
    arm: str
    visit: int
    page: int

    def options(self) -> list[str]:
        """As options of ``footfall interview``."""
        said = {"user": self.user, "arm": self.arm, "visit": self.visit, "page": self.page}
        return _given({f"--{name}": value for name, value in said.items()})


@dataclass(frozen=True)
class Speaker:
    """Who plays users in interviews, where the run's own model is not to be called."""

    model: str | None = None
    server: str | None = None
    api_key_env: str | None = None

    def options(self) -> list[str]:
        """As options of ``footfall interview``."""
        said = {"--model": self.model, "--server": self.server, "--api-key-env": self.api_key_env}
        return _given(said)


@dataclass(frozen=True)
class Starter:
    """Starts and stops commands over the runs and scenarios of one folder."""

    shelf: Shelf
    scenarios: ScenarioFiles
    commands: StartedCommands
    speaker: Speaker = field(default_factory=Speaker)

    def run(
        self, scenario: str, name: str, *, seed: int | None = None, workers: int | None = None
    ) -> CommandState:
        """Begin a run.

        Args:
            scenario: A file of the folder, or a shipped scenario's name.
            name: Of the run: its folder, which must not be there yet.
            seed: Replaces the scenario's.
            workers: Processes.

        Raises:
            RequestError: It may not be started, or not now.
        """
        source = self.scenarios.startable(scenario)
        out = self._new_folder(name)
        if self.shelf.count() >= MOST:
            raise RequestError(f"the folder has {MOST:,} runs already; move some away", NOT_NOW)
        options = _given({"--seed": seed, "--workers": workers})
        return self.commands.start("run", name, ["run", source, "--out", str(out), *options])

    def resume(self, name: str, scenario: str = "") -> CommandState:
        """Go on with a run that was stopped.

        Args:
            name: Of the run.
            scenario: Which file it was begun with; "": the one whose ``name:`` it has.

        Raises:
            UserError: There is no such run.
            RequestError: It goes on, it is done, or nobody knows what it was begun with.
        """
        path = self.shelf.path(name).resolve()
        record = manifest.read(path, needed=())
        status = record.get("status")
        if status not in RESUMABLE:
            raise RequestError(f"{name} is {status}; there is nothing to resume", NOT_NOW)
        begun = as_mapping(record.get("scenario"))
        source = self.scenarios.startable(scenario or self._begun_with(name, begun))
        seed = begun.get("seed")
        options = _given({"--seed": seed if isinstance(seed, int) else None})
        return self.commands.start(
            "run", name, ["run", source, "--out", str(path), "--resume", *options]
        )

    def stop(self, name: str) -> CommandState:
        """Stop a run as Ctrl-C does: it finishes its epoch; the second time at once.

        Raises:
            RequestError: It does not go on, or was not started here.
        """
        found = self.commands.of_run(name)
        if found is not None and not found.over:
            return self.commands.stop(found.id)
        if self.shelf.entry(name).status == "running":
            raise RequestError(
                f"{name} was not started here; stop it with Ctrl-C where it was started", NOT_NOW
            )
        raise RequestError(f"{name} is not under way", NOT_NOW)

    def dry_run(self, scenario: str) -> CommandState:
        """Find out what a run would take; nothing is written and no model is asked.

        Raises:
            RequestError: It may not be started, or not now.
        """
        source = self.scenarios.startable(scenario)
        out = str(self.shelf.folder.resolve() / "dry-run")  # named, and not made
        arguments = ["run", source, "--out", out, "--dry-run", "--json"]
        return self.commands.start("dry-run", scenario, arguments)

    def interview(self, name: str, question: str, moment: SeenMoment) -> CommandState:
        """Ask a simulated user at a moment of a run.

        Raises:
            UserError: There is no such run.
            RequestError: Too many are asked at once.
        """
        path = self.shelf.path(name).resolve()
        arguments = ["interview", "--json", *moment.options(), *self.speaker.options()]
        return self.commands.start("interview", name, [*arguments, "--", str(path), question])

    def explain(self, name: str, moments: Sequence[SeenMoment]) -> CommandState:
        """Take pages of one user apart: every term, and what the model was asked and answered.

        Args:
            name: Of the run.
            moments: What the user saw, in one arm or in several.

        Raises:
            UserError: There is no such run.
            RequestError: Too many are taken apart at once.
        """
        path = self.shelf.path(name).resolve()
        pages = [f"--moment={one.visit},{one.page},{one.arm}" for one in moments]
        arguments = ["explain", "--json", f"--user={moments[0].user}", *pages, "--", str(path)]
        return self.commands.start("explain", name, arguments)

    def resumable_with(self, name: str) -> str:
        """The scenario that a run can be resumed with; "" where none fits, or several do."""
        try:
            record = manifest.read(self.shelf.path(name), needed=())
            return self._begun_with(name, as_mapping(record.get("scenario")))
        except FootfallError:
            return ""

    def free_name(self, scenario: str) -> str:
        """A name for a new run of a scenario, as people would choose it."""
        stem = Path(scenario).stem
        folder = "runs/" if self.shelf.folder.resolve().name != "runs" else ""
        names = [f"{folder}{stem}", *(f"{folder}{stem}-{number}" for number in range(2, MOST))]
        under_way = {one.about for one in self.commands.states() if not one.over}
        free = (one for one in names if one not in under_way and not self._taken(one))
        return next(free, names[0])

    def _taken(self, name: str) -> bool:
        """Whether there is anything of that name; the lock of a run that never began is nothing."""
        path = self.shelf.folder / name
        if path.is_dir() and not path.is_symlink():
            return any(one.name != LOCK for one in path.iterdir())
        return path.is_symlink() or path.exists()

    def _new_folder(self, name: str) -> Path:
        if RUN_NAME.fullmatch(name) is None:
            raise RequestError(
                "a run's name is letters, digits and . + - _ or a space, with up to "
                f"{DEEPEST - 1} folders before it",
                UNFIT,
            )
        root, path = self.shelf.folder.resolve(), self.shelf.folder / name
        above = [
            one
            for one in path.parents
            if one != self.shelf.folder and one.is_relative_to(self.shelf.folder)
        ]
        if not path.resolve().is_relative_to(root):
            raise RequestError(f'"{name}" leads out of the folder', UNFIT)
        if any((one / MANIFEST).exists() or one.is_file() for one in above):
            raise RequestError(f'"{name}" would lie inside a run or a file', UNFIT)
        if self._taken(name):
            raise RequestError(
                f'"{name}" is there already; choose another name, or resume it', NOT_NOW
            )
        return path.resolve()

    def _begun_with(self, name: str, begun: dict[str, Any]) -> str:
        """The one file of the folder whose scenario has the name of a run's.

        Raises:
            RequestError: None has, or several have.
        """
        called = begun.get("name")
        fits = [one for one in self.scenarios.names() if self._called(one) == called]
        if not fits and called in shipped():
            fits = [str(called)]
        if len(fits) == 1:
            return fits[0]
        many = f"{', '.join(fits)} may be" if fits else "no file in this folder is"
        raise RequestError(
            f"{many} the scenario that {name} was begun with (name: {called}); say which one is",
            UNFIT,
        )

    def _called(self, scenario: str) -> object:
        try:
            raw = parse_mapping(self.scenarios.read(scenario).text, scenario, KEYS)
        except FootfallError:
            return None
        return raw.get("name")


def _given(options: Mapping[str, object]) -> list[str]:
    return [f"{name}={value}" for name, value in options.items() if value is not None]
