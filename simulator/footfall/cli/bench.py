"""``footfall bench``: how fast this machine asks, next to the ceiling and to how others ask."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from footfall.bench.contest import BenchOptions, measure
from footfall.bench.rates import keep
from footfall.bench.show import show
from footfall.bench.workload import HISTORIES, SLATES, QuestionSize
from footfall.errors import UserError
from footfall.llm.specs import Quantization
from footfall.plumbing.stderr import stderr


def bench(
    model: Annotated[str, typer.Option(help="Hub name, folder, or embedded.")] = "embedded",
    quantization: Annotated[
        Quantization, typer.Option(help="Eight bits (docs/models.md).")
    ] = "none",
    history: Annotated[int, typer.Option(min=1, max=400, help="Events in a prompt.")] = 20,
    slate: Annotated[int, typer.Option(min=1, max=50, help="Items on a page.")] = 10,
    grid: Annotated[
        bool,
        typer.Option("--grid", help="Histories of 20, 100, 400 by slates of 5, 10, 50; hours."),
    ] = False,
    pages: Annotated[int, typer.Option(min=2, max=1000, help="Users, one page each.")] = 16,
    repeats: Annotated[int, typer.Option(min=1, max=99, help="Times that all is measured.")] = 3,
    rates_only: Annotated[
        bool, typer.Option("--rates-only", help="Footfall's modes alone, for --dry-run: sooner.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Measure how fast the model is asked on this machine (about five minutes on two cores).

    Examples:
        footfall bench
        footfall bench --rates-only
    """
    if model == "fake":
        raise UserError("the fake model has no speed worth measuring; name a real one")
    cells = (
        [QuestionSize(h, s) for h in HISTORIES for s in SLATES]
        if grid
        else [QuestionSize(history, slate)]
    )
    options = BenchOptions(model, cells, pages, repeats, quantization, rivals=not rates_only)
    measured = measure(options, stderr.say)
    stderr.say(keep(measured))
    if as_json:
        typer.echo(json.dumps(measured.as_dict()))
    else:
        show(measured)
