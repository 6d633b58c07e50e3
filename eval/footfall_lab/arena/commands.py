"""``footfall arena``: how others ask, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.scenario.reading import read_scenario
from footfall_lab.arena import story


def arena(
    scenario: Annotated[str, typer.Argument(help="A YAML file, or a shipped scenario's name.")],
    out: Annotated[Path, typer.Option(help="Folder for arena.json and the store of answers.")],
    ways: Annotated[
        str | None, typer.Option(help="Names with commas; all but the slow ones by default.")
    ] = None,
    choices: Annotated[int, typer.Option(min=10, help="Held-out choices to ask about.")] = 100,
    model: Annotated[str | None, typer.Option(help="Replaces the scenario's model.")] = None,
    server: Annotated[str | None, typer.Option(help="URL of a running vLLM server.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Ask one model about the same held-out choices in many ways; count truth and cost.

    Examples:
        footfall arena demo --out runs/arena
        footfall arena shop.yaml --out runs/arena --choices 20 --model fake
    """
    resolved = read_scenario(scenario)
    given = {"name": model, "server": server}
    changes = {key: value for key, value in given.items() if value is not None}
    if changes:
        named = resolved.model.model_dump(mode="json") | changes
        if model is not None:
            named["adapter"] = None
        resolved = read_scenario(scenario, {"model": named})
    names = () if ways is None else tuple(part.strip() for part in ways.split(","))
    options = story.ArenaOptions(out, folder_of(scenario), names, choices)
    found = story.compete(resolved, options, stderr.say)
    if as_json:
        typer.echo(json.dumps(found))
        return
    print_arena(found)


def print_arena(found: dict[str, Any], console: Console | None = None) -> None:
    """The table of truth and cost on a terminal of 80 columns."""
    page = console or Console()
    table = Table(
        title=f"{found['choices']:,} held-out choices of {found['users']:,} users of "
        f"{found['data']}, asked of {found['model']}",
        title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0),
    )  # fmt: skip
    table.add_column("way")
    table.add_column("after")
    for column in ("auc", "95% interval", "top-1", "nll", "tokens"):
        table.add_column(column, justify="right")
    for row in found["rows"]:
        low, high = row.get("auc interval") or (None, None)
        span = "" if low is None else f"{low:.2f}-{high:.2f}"
        cells = [_number(row.get(name)) for name in ("auc", "top-1", "nll")]
        tokens = row.get("tokens an item")
        cost = "" if tokens is None else f"{tokens:.0f}"
        table.add_row(row["way"], row["after"], cells[0], span, *cells[1:], cost)
    page.print(table)
    page.print("AUC .5 is chance; nll: nats a choice with one fitted weight; tokens: an item.")
    silent = [row for row in found["rows"] if row["unanswered"] > 0]
    for row in silent:
        page.print(f"{row['way']}: no answer to {row['unanswered']:.0%} of the choices")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
