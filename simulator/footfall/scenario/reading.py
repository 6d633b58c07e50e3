"""Reading scenarios: a YAML file, a shipped name or a mapping, checked."""

from __future__ import annotations

import os
import runpy
from importlib.resources import files
from pathlib import Path
from typing import Any

from footfall.datasets.written import SCENARIOS
from footfall.errors import FootfallError, ScenarioError
from footfall.plumbing import yaml_files
from footfall.plumbing.yaml_files import find_text, folder_of, parse_mapping
from footfall.scenario.scenario import Scenario, parse_scenario


def shipped() -> list[str]:
    """Names of the scenarios that come with Footfall."""
    return yaml_files.shipped(files(SCENARIOS))


def read_scenario(source: str | Path, overrides: dict[str, Any] | None = None) -> Scenario:
    """Read a scenario file, or a shipped one by its name.

    ``overrides`` replaces top-level keys (the command line's ``--seed``, for instance).
    Raises ``ScenarioError`` with one line for anything that is wrong in it.
    """
    if Path(source).suffix == ".py":
        raw, where = script_mapping(Path(source)), str(source)
    else:
        text, where = find_text(source, files(SCENARIOS))
        raw = parse_mapping(text, where, "data, split and arms")
    raw = with_behaviour({**raw, **(overrides or {})}, folder_of(source))
    return parse_scenario(raw, where)


def with_behaviour(raw: dict[str, Any], base: Path) -> dict[str, Any]:
    """A scenario as written, with the behaviour of the file that it names, as `fit` writes it.

    Raises:
        ScenarioError: There is no such file, or it holds something else.
    """
    if not isinstance(raw.get("behaviour"), str):
        return raw
    text, file = find_text(base / raw["behaviour"], files(SCENARIOS))
    behaviour = parse_mapping(text, file, "click, buy and habits")
    _with_people(behaviour, (base / file).parent, base)
    return {**raw, "behaviour": behaviour}


def _with_people(behaviour: dict[str, Any], folder: Path, base: Path) -> None:
    """Name the file of fitted users, which is beside the behaviour's, as seen from ``base``."""
    people = behaviour.get("people")
    if isinstance(people, dict) and isinstance(people.get("file"), str):
        people["file"] = Path(os.path.relpath(folder / people["file"], base)).as_posix()


def script_mapping(path: Path) -> dict[str, Any]:
    """What ``scenario()`` of a Python script returns: a mapping, or a ``Scenario``.

    The script is run, so read it first if it is not yours.
    """
    if not path.is_file():
        raise ScenarioError(f"no scenario file {path}")
    try:
        made = runpy.run_path(str(path))
        made = made["scenario"]()
    except KeyError as error:
        raise ScenarioError(f"{path} defines no function scenario() ({error})") from None
    except FootfallError:
        raise
    except Exception as error:  # whatever the script raises
        raise ScenarioError(f"{path}: {type(error).__name__}: {error}") from error
    if isinstance(made, Scenario):
        return made.model_dump(mode="json", exclude_unset=True)
    if not isinstance(made, dict):
        raise ScenarioError(f"{path}: scenario() returned a {type(made).__name__}, not a mapping")
    return made
