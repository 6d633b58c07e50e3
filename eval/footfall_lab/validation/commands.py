"""``footfall validate``: hold simulated users against real, held-out behaviour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from footfall.errors import UserError
from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.scenario.overriding import read_with_options
from footfall_eval.blocks.terminal import (
    print_discrimination,
    print_memories,
    print_new_items,
    print_validity,
)
from footfall_lab.validation import validate as ways
from footfall_lab.validation.questions import foreseen, words
from footfall_lab.validation.study import MOST_QUESTIONS, ValidationOptions

Protocol = Literal["blocks", "discrimination", "prediction", "memory", "new-items"]


def validate(
    scenario: Annotated[str, typer.Argument(help="A YAML file, or a shipped scenario's name.")],
    out: Annotated[Path, typer.Option(help="Folder for validity.json; may be a run's.")],
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="blocks: A to I and the verdict. prediction: B and C, and classical predictors "
            "side by side on three tasks. "
            "discrimination: the 1:m task of the literature. memory: what memory is worth. "
            "new-items: who foresees the takers of items that nobody has taken yet."
        ),
    ] = "blocks",
    ratios: Annotated[str, typer.Option(help="Untouched items for each taken one.")] = "1,2,3,9",
    users: Annotated[int, typer.Option(min=20, help="Tested users at most.")] = 300,
    questions: Annotated[
        int, typer.Option(min=0, help="To the model at most, about; it stops when clear. 0: none.")
    ] = MOST_QUESTIONS,
    store: Annotated[Path | None, typer.Option(help="Store of model answers.")] = None,
    tests: Annotated[
        Path | None, typer.Option(help="CSV of past A/B tests: control, treatment, lift.")
    ] = None,
    backtest: Annotated[
        Path | None, typer.Option(help="Folder of `footfall backtest`, for block H.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Replaces the scenario's model.")] = None,
    server: Annotated[str | None, typer.Option(help="URL of a running vLLM server.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Replaces the scenario's.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Say how much is asked; ask nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Say how far these simulated users may be believed, on the scenario's own data.

    Examples:
        footfall validate shop.yaml --out runs/shop
        footfall validate shop.yaml --out runs/check --protocol discrimination --ratios 1,3
    """
    resolved = read_with_options(
        scenario,
        {} if seed is None else {"seed": seed},
        {"model": {"name": model, "server": server}},
    )
    options = ValidationOptions(
        out=out,
        base=folder_of(scenario),
        users=users,
        questions=questions,
        store=store,
        tests=tests,
        backtest=backtest,
        protocol=protocol,
        ratios=_ratios(ratios),
    )
    if dry_run:
        found = foreseen(resolved, questions)
        typer.echo(json.dumps(found) if as_json else words(found))
        return
    tasks = {
        "discrimination": ways.discriminate,
        "memory": ways.weigh_memories,
        "new-items": ways.foresee_new_items,
    }
    task = tasks.get(protocol, ways.validate_users)
    found = task(resolved, options, stderr.say)
    if as_json:
        typer.echo(json.dumps(found))
    elif protocol == "discrimination":
        print_discrimination(found)
    elif protocol == "memory":
        print_memories(found)
    elif protocol == "new-items":
        print_new_items(found)
    else:
        print_validity(found)


def _ratios(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UserError(f'--ratios "{text}": give whole numbers such as 1,2,3,9') from None
    if not found or min(found) < 1 or max(found) > 19:
        raise UserError(f'--ratios "{text}": each must be from 1 to 19, of 20 items')
    return found
