"""Reading scenarios: a YAML file, a shipped name or a mapping, checked."""

from __future__ import annotations

import os
import runpy
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from footfall.datasets.base import Source
from footfall.datasets.sources import READERS
from footfall.datasets.split import SplitSpec
from footfall.errors import FootfallError, ScenarioError, did_you_mean, one_line
from footfall.scenario.scenario import Scenario, explain, parse_scenario

LONGEST = 1_000_000
"""Characters of a scenario file."""


MOST_VALUES = 200_000
"""In a scenario, its aliases written out: far more than any has, and quick to count."""


DEEPEST = 50
"""Lists and mappings of a scenario within each other."""


def shipped() -> list[str]:
    """Names of the scenarios that come with Footfall."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in files("footfall.scenarios").iterdir()
        if entry.name.endswith(".yaml")
    )


def read_scenario(source: str | Path, overrides: dict[str, Any] | None = None) -> Scenario:
    """Read a scenario file, or a shipped one by its name.

    ``overrides`` replaces top-level keys (the command line's ``--seed``, for instance).
    Raises ``ScenarioError`` with one line for anything that is wrong in it.
    """
    if Path(source).suffix == ".py":
        raw, where = script_mapping(Path(source)), str(source)
    else:
        text, where = _text(source)
        raw = _mapping(text, where, "data, split and arms")
    raw = {**raw, **(overrides or {})}
    if isinstance(raw.get("behaviour"), str):
        # A behaviour in a file of its own, as `footfall fit` writes it.
        text, file = _text(folder_of(source) / raw["behaviour"])
        raw["behaviour"] = _mapping(text, file, "click, buy and habits")
        _with_people(raw["behaviour"], (folder_of(source) / file).parent, folder_of(source))
    return parse_scenario(raw, where)


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


def _mapping(text: str, where: str, keys: str) -> dict[str, Any]:
    try:
        _refuse_traps(text, where)
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        # A date such as 2017-99-99 and a deep nest of brackets raise errors that are not YAML's.
        detail = one_line(error)
        raise ScenarioError(f"{where} is not valid YAML: {detail}") from None
    if not isinstance(raw, dict):
        raise ScenarioError(f"{where} must hold a mapping with keys such as {keys}")
    _refuse_endless(raw, where)
    return raw


def _refuse_endless(raw: dict[str, Any], where: str) -> None:
    """Refuse aliases (*name) that stand for too much, or for what they are a part of."""
    waiting: list[Any] = [raw]
    seen = 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen > MOST_VALUES:
            raise ScenarioError(
                f"{where}: more than {MOST_VALUES:,} values with its aliases (*name) written out"
            )
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _refuse_traps(text: str, where: str) -> None:
    """Refuse YAML that is too long or too deep to be a scenario, before it is read."""
    if len(text) > LONGEST:
        raise ScenarioError(f"{where}: longer than {LONGEST:,} characters; that is no scenario")
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ScenarioError(f"{where}: nested more than {DEEPEST} deep; that is no scenario")


def folder_of(source: str | Path) -> Path:
    """The folder that relative paths of a scenario are relative to."""
    path = Path(source)
    return path.resolve().parent if path.is_file() else Path.cwd()


def _text(source: str | Path) -> tuple[str, str]:
    path = Path(source)
    if str(source) in shipped():
        resource = files("footfall.scenarios") / f"{source}.yaml"
        return resource.read_text(encoding="utf-8"), f"scenario {source}"
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except FileNotFoundError:
        hint = did_you_mean(str(source), shipped())
        raise ScenarioError(f"no scenario file {path}; as a shipped scenario: {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"cannot read the scenario {path}: {error}") from None


def read_source(name: str) -> tuple[Source, SplitSpec | None]:
    """The source and the split of a scenario, or of a YAML file that is a source itself.

    Raises:
        ScenarioError: The file cannot be read, or its source is wrong.
    """
    file = Path(name)
    if not file.is_file():
        scenario = read_scenario(name)
        return scenario.data, scenario.split
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = one_line(error)
        raise ScenarioError(f"{file}: cannot be read: {reason}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("data", raw), dict):
        raise ScenarioError(f"{file}: neither a scenario (with `data`) nor a source (with `kind`)")
    data = raw.get("data", raw)
    kinds = {model.model_fields["kind"].default: model for model in READERS}
    model = kinds.get(data.get("kind"))
    if model is None:
        kind = str(data.get("kind"))
        raise ScenarioError(f'{file}: no kind of data "{kind}"; {did_you_mean(kind, kinds)}')
    spec = raw.get("split") if "data" in raw else None
    cut = None if spec is None else _checked(SplitSpec, spec, f"{file}: split")
    return _checked(model, data, str(file)), cut


_Model = TypeVar("_Model", bound=BaseModel)


def _checked(model: type[_Model], raw: object, where: str) -> _Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {explain(error, model)}") from None
