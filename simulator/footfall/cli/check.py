"""``footfall check``: what is wrong with a scenario, line by line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.scenario.checking import Problem, problems
from footfall.scenario.reading import read_scenario, shipped

WRONG = 2
"""Exit status where something is wrong, as everywhere for a user's mistake."""


def check(
    scenario: Annotated[str, typer.Argument(help="A YAML file, or a shipped scenario's name.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Find everything that is wrong in a scenario's file, with its line.

    Data, services and models are not looked at: footfall run --dry-run does.

    Examples:
        footfall check shop.yaml
        footfall check demo --json
    """
    path = Path(scenario)
    if scenario in shipped() or path.suffix == ".py" or not path.is_file():
        read_scenario(scenario)  # says in a line what is wrong, without the file's lines
        found: tuple[Problem, ...] = ()
    else:
        found = problems(path.read_text(encoding="utf-8", errors="replace"), folder_of(scenario))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            place = f"{scenario}:{one.line or 1}"
            stderr.say(f"{place}: {one.words}", event="problem", level="error", line=one.line)
        if not found:
            typer.echo(f"{scenario}: nothing is wrong with it")
    if found:
        raise typer.Exit(WRONG)
