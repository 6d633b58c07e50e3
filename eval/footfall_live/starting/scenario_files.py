"""The scenario files of a served folder: listed, read, checked and written.

Files are named by their path below the folder. What is written comes over the network, so it is
checked before, and reaches no further than the file that it replaces (``starting.reach``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from footfall.errors import ScenarioError, did_you_mean
from footfall.plumbing.files import write_text
from footfall.plumbing.yaml_files import LONGEST, QUICK, parse_mapping
from footfall.run_folder.layout import MANIFEST
from footfall.scenario.checking import KEYS, Problem, placed, problems
from footfall.scenario.reading import shipped
from footfall_live.door.refusals import NOT_NOW, NOT_THERE, TOO_MANY, UNFIT, RequestError
from footfall_live.starting.reach import Reach

DEEPEST = 2
"""Folders below the served one in which scenarios are looked for."""

MOST = 1_000
"""Scenario files of a folder; with more, no new one is written."""

NAME = re.compile(r"(?:\w[\w .+-]{0,99}/){0,2}\w[\w .+-]{0,99}\.ya?ml")
"""What a file may be called: no hidden ones, and no way out of the folder."""

_ENDS = (".yaml", ".yml")


@dataclass(frozen=True)
class ScenarioText:
    """A scenario file as it is now."""

    name: str
    text: str
    sha256: str
    """Of the text; who replaces it says which one was read."""


@dataclass(frozen=True)
class ScenarioFiles:
    """The scenarios of a folder."""

    folder: Path

    def names(self) -> list[str]:
        """Files that hold a scenario, or are no YAML (yet), in order; runs are left out."""
        found = (path for path in self._paths() if _is_scenario(path, _state(path)))
        return sorted(path.relative_to(self.folder).as_posix() for path in found)[:MOST]

    def read(self, name: str) -> ScenarioText:
        """One file's text.

        Raises:
            RequestError: There is no such scenario, or it is no text.
        """
        path = self.path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{name} cannot be read: {error}", UNFIT) from None
        return ScenarioText(name, text, _digest(text))

    def path(self, name: str) -> Path:
        """Where the scenario called ``name`` lies.

        Raises:
            RequestError: There is none.
        """
        known = self.names()
        if name not in known:
            hint = did_you_mean(name, known)
            raise RequestError(f'no scenario "{name}" in this folder; {hint}', NOT_THERE)
        return self.folder / name

    def startable(self, name: str) -> str:
        """What ``footfall run`` is given to run a scenario of the folder, or one that is shipped.

        Raises:
            RequestError: There is neither.
        """
        if name in shipped() and name not in self.names():
            return name
        return str(self.path(name).resolve())

    def check(self, name: str, text: str) -> tuple[Problem, ...]:
        """What is wrong with a text that would be written to the file ``name``."""
        self._refuse_name(name)
        base = (self.folder / name).parent
        try:
            raw = parse_mapping(text, "the text", KEYS)
        except ScenarioError:
            return problems(text, base)
        # First, because to check a scenario is to read files that it names.
        if beyond := Reach(raw, base, self.folder).beyond(self._reach_of(name)):
            return placed(text, beyond)
        return problems(text, base)

    def write(self, name: str, text: str, replaces: str) -> ScenarioText:
        """Write a scenario that nothing is wrong with.

        Args:
            name: The file.
            text: Its new text.
            replaces: SHA-256 of the text that it replaces, ""; where there is no such file yet.

        Raises:
            RequestError: Something is wrong with it, or the file is not what ``replaces`` says.
        """
        if wrong := self.check(name, text):
            at = "" if wrong[0].line is None else f"line {wrong[0].line}: "
            raise RequestError(f"nothing was written: {at}{wrong[0].words}", UNFIT)
        path = self.folder / name
        exists = path.is_symlink() or path.exists()
        if exists and name not in self.names():
            raise RequestError(f"{name} is there already and is no scenario", NOT_NOW)
        if exists and replaces != self.read(name).sha256:
            raise RequestError(
                f"{name} has changed since it was read; read it again and change that", NOT_NOW
            )
        if not exists and replaces:
            raise RequestError(f"{name} is not there any more", NOT_NOW)
        if not exists and len(self.names()) >= MOST:
            raise RequestError(f"the folder has {MOST:,} scenarios already", TOO_MANY)
        write_text(path, text)
        return ScenarioText(name, text, _digest(text))

    def _refuse_name(self, name: str) -> None:
        if NAME.fullmatch(name) is None:
            raise RequestError(
                "a scenario's name is letters, digits and . + - _ or a space, ends with .yaml, "
                f"and has up to {DEEPEST} folders before it",
                UNFIT,
            )
        parent = (self.folder / name).parent
        if not parent.is_dir() or not parent.resolve().is_relative_to(self.folder.resolve()):
            raise RequestError(f'no folder "{Path(name).parent}" in the served one', NOT_THERE)
        if (parent / MANIFEST).exists():
            raise RequestError(f'"{Path(name).parent}" is a run, and holds no scenarios', UNFIT)

    def _reach_of(self, name: str) -> Reach | None:
        """What the file as it lies there reaches; None where there is no readable one."""
        path = self.folder / name
        if name not in self.names():
            return None
        with suppress(ScenarioError, OSError, UnicodeDecodeError):
            raw = parse_mapping(path.read_text(encoding="utf-8"), name, KEYS)
            return Reach(raw, path.parent, self.folder)
        return None

    def _paths(self) -> Iterator[Path]:
        root = self.folder.resolve()
        for depth in range(DEEPEST + 1):
            for path in self.folder.glob("/".join([*["*"] * depth, "*.y*ml"])):
                shown = not any(
                    part.startswith(".") for part in path.relative_to(self.folder).parts
                )
                here = path.suffix in _ENDS and path.is_file()
                # A link may lead out of the folder: what is looked at stays inside.
                inside = here and path.resolve().is_relative_to(root)
                if shown and inside and not (path.parent / MANIFEST).exists():
                    yield path


def _state(path: Path) -> tuple[int, int]:
    """What changes when a file is written: its time and size."""
    try:
        found = path.stat()
    except OSError:  # gone since it was found
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(4 * MOST)
def _is_scenario(path: Path, state: tuple[int, int]) -> bool:
    """Whether a file looks like a scenario; one that is being mended does."""
    try:
        if state[1] > LONGEST:
            return False
        found: Any = parse_mapping(path.read_text(encoding="utf-8"), path.name, KEYS)
    except ScenarioError:
        return not _is_other_yaml(path)
    except (OSError, UnicodeDecodeError):
        return False
    return "arms" in found


def _is_other_yaml(path: Path) -> bool:
    """Whether a file that holds no mapping is good YAML all the same: a list, several documents."""
    try:
        list(yaml.parse(path.read_text(encoding="utf-8"), Loader=QUICK))
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
