"""Everything that is wrong with the text of a scenario, and in which line it stands.

``read_scenario`` stops at the first mistake, which is right for a run. Who edits a scenario wants
to see all of them beside the lines that they are in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from footfall.errors import FootfallError, ScenarioError, one_line
from footfall.plumbing.spec import Fault, faults
from footfall.plumbing.yaml_files import QUICK, parse_mapping
from footfall.scenario.limits import beyond
from footfall.scenario.reading import with_behaviour
from footfall.scenario.scenario import Scenario

KEYS = "data, split and arms"
"""Examples of what a scenario holds, for the message where it holds nothing."""


@dataclass(frozen=True)
class Problem:
    """A mistake in the text of a scenario."""

    line: int | None
    """From 1; None where it is about the text as a whole."""
    words: str
    """What is wrong, where, and what to do: one line."""


def problems(text: str, base: Path) -> tuple[Problem, ...]:
    """What is wrong with a scenario's text, in the order of its lines; none: it can be run.

    Data, services and models that it names are not looked at: that is what a dry run does.

    Args:
        text: YAML.
        base: Folder that its paths are relative to; a file of behaviour is read there.
    """
    try:
        raw = parse_mapping(text, "the text", KEYS)
    except ScenarioError as error:
        return (_not_yaml(text) or Problem(None, str(error)),)
    try:
        raw = with_behaviour(raw, base)
    except FootfallError as error:
        return placed(text, [Fault(("behaviour",), str(error))])
    return placed(text, _faults(raw))


def placed(text: str, found: Iterable[Fault]) -> tuple[Problem, ...]:
    """Faults of a text that can be read, with the lines that they are in."""
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    told = [Problem(_line(document, fault.place), fault.words) for fault in found]
    return tuple(sorted(told, key=lambda one: one.line or 0))


def _faults(raw: dict[str, Any]) -> list[Fault]:
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        return faults(error, Scenario)
    too_large = beyond(scenario.model_dump(mode="json"))
    return [] if too_large is None else [too_large]


def _line(node: yaml.Node | None, place: tuple[str, ...]) -> int | None:
    """Line of the deepest part of a place that is written down."""
    line = None
    for part in place:
        key, node = _within(node, part)
        if node is None:
            break
        line = (key or node).start_mark.line + 1
    return line


def _within(node: yaml.Node | None, part: str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Key and value of a step; (None, value) in a list; (None, None) where there is none."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key, value
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        return None, node.value[int(part)]
    return None, None


def _not_yaml(text: str) -> Problem | None:
    """Where a text stops being YAML; None where something else is wrong with it."""
    try:
        for _ in yaml.parse(text, Loader=QUICK):
            pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = one_line(", ".join(filter(None, (error.context, error.problem))))
        return Problem(None if mark is None else mark.line + 1, f"no valid YAML: {said}")
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return None
