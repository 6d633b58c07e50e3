"""A scenario with some of its settings replaced, as options of a command do."""

from __future__ import annotations

from typing import Any

from footfall.errors import UserError
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import Scenario


def read_with_options(
    name: str, overrides: dict[str, Any], options: dict[str, dict[str, Any]]
) -> Scenario:
    """Read a scenario with keys replaced, and sections merged with the options that were given.

    Args:
        name: A YAML file, or a shipped scenario's name.
        overrides: Top-level key -> its value.
        options: Section -> key -> value; None where it was not given. Needs ``model``.

    Raises:
        UserError: The scenario is wrong, or its adapter does not fit the model that is named.
    """
    resolved = read_scenario(name, overrides)
    _check_adapter(resolved, options["model"].get("name"))
    merged = {}
    for section, changes in options.items():
        given = {key: value for key, value in changes.items() if value is not None}
        if given:
            merged[section] = getattr(resolved, section).model_dump(mode="json") | given
    return read_scenario(name, {**overrides, **merged}) if merged else resolved


def _check_adapter(scenario: Scenario, model: str | None) -> None:
    """An adapter fits the model that it was trained on, and no other."""
    spec = scenario.model
    if spec.adapter and model not in {None, spec.name, "fake", "none"}:
        raise UserError(
            f'--model {model}: the scenario\'s adapter "{spec.adapter}" belongs to the model '
            f"{spec.name}; write model: {{name: {model}}} into a scenario of your own, with a "
            "question that needs no adapter (choice: {mode: likelihood})"
        )
