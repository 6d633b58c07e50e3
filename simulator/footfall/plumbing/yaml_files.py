"""YAML that people write, or get from others: found by name, read with care."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from footfall.errors import ScenarioError, did_you_mean, one_line

LONGEST = 1_000_000
"""Characters of a scenario file."""

MOST_VALUES = 200_000
"""In a scenario, its aliases written out: far more than any has, and quick to count."""

DEEPEST = 50
"""Lists and mappings of a scenario within each other."""


def parse_mapping(text: str, where: str, keys: str) -> dict[str, Any]:
    """The mapping that a text is; ``where`` and ``keys`` (an example) are for the message.

    Raises:
        ScenarioError: It is no YAML, no mapping, or a trap: too long, too deep, without an end.
    """
    try:
        _refuse_traps(text, where)
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        # A date such as 2017-99-99 and a deep nest of brackets raise errors that are not YAML's.
        detail = one_line(error)
        if "nesting depth" in detail:  # the quick reader looks that far ahead
            raise _too_deep(where) from None
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


QUICK: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads ten times as fast, where PyYAML was built with it; and deep nests not in squares."""


def _refuse_traps(text: str, where: str) -> None:
    """Refuse YAML that is too long, too deep or too much to be a scenario, before it is read.

    What aliases stand for is counted here, because reading copies what ``<<`` merges: a text of a
    few lines may ask for billions of keys.
    """
    if len(text) > LONGEST:
        raise ScenarioError(f"{where}: longer than {LONGEST:,} characters; that is no scenario")
    known: dict[str, int] = {}
    around: list[tuple[str | None, int]] = []
    values = 0
    for event in yaml.parse(text, Loader=QUICK):
        if isinstance(event, yaml.CollectionStartEvent):
            around.append((event.anchor, values))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = around.pop()
            if anchor is not None:
                known[anchor] = values - before
        elif isinstance(event, yaml.AliasEvent):
            values += known.get(event.anchor or "", 0)
        values += 1
        if len(around) > DEEPEST:
            raise _too_deep(where)
        if values > MOST_VALUES:
            raise ScenarioError(
                f"{where}: more than {MOST_VALUES:,} values with its aliases (*name) written out"
            )


def _too_deep(where: str) -> ScenarioError:
    return ScenarioError(f"{where}: nested more than {DEEPEST} deep; that is no scenario")


def folder_of(source: str | Path) -> Path:
    """The folder that relative paths of a scenario are relative to."""
    path = Path(source)
    return path.resolve().parent if path.is_file() else Path.cwd()


def shipped(folder: Traversable) -> list[str]:
    """Names of the YAML files that come with a package."""
    names = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def find_text(source: str | Path, folder: Traversable) -> tuple[str, str]:
    """Text of a YAML file, or of one of ``folder`` by its name; and how messages call it.

    Raises:
        ScenarioError: There is no such file, or it cannot be read.
    """
    path = Path(source)
    if str(source) in shipped(folder):
        return (folder / f"{source}.yaml").read_text(encoding="utf-8"), f"scenario {source}"
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except FileNotFoundError:
        hint = did_you_mean(str(source), shipped(folder))
        raise ScenarioError(f"no scenario file {path}; as a shipped scenario: {hint}") from None
    except (OSError, ValueError) as error:  # ValueError: no text, or no name that a file can have
        raise ScenarioError(f"cannot read the scenario {path}: {error}") from None
