"""``footfall distill``: a small model that answers in the language model's place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from footfall.plumbing.stderr import stderr
from footfall_lab.distilling import distill as story


def distill(
    source: Annotated[str, typer.Argument(help="A scenario (file or name), or a run's folder.")],
    out: Annotated[Path, typer.Option(help="Folder for the surrogate.")],
    users: Annotated[int, typer.Option(min=30, help="Users the model is asked about.")] = 150,
    held_out: Annotated[
        float, typer.Option(min=0.1, max=0.9, help="Share of users kept back to measure on.")
    ] = 0.3,
    store: Annotated[Path | None, typer.Option(help="Store of model answers.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Replaces the scenario's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Teach a small model what the language model would say, and measure how truly.

    Examples:
        footfall distill shop.yaml --out runs/small
        footfall distill runs/shop --out runs/small --seed 7
    """
    options = story.DistillingOptions(
        source, out, users, held_out_users=held_out, store=store, seed=seed
    )
    card = story.distill(options, stderr.say)
    if as_json:
        found = {name: value for name, value in card.items() if name not in {"learned", "names"}}
        typer.echo(json.dumps(found))
        return
    print_card(card)
    typer.echo(f"\nuse it: choice: {{mode: surrogate, path: {out}}}")


def print_card(card: dict[str, Any], console: Console | None = None) -> None:
    """Fidelity on a terminal of 80 columns."""
    page, fidelity = console or Console(), card["fidelity"]
    table = _table(f"How {card['teacher']['name']} is repeated", "pairs of users and items")
    for column in ("pairs", "pearson", "spearman", "error", "refused"):
        table.add_column(column, justify="right")
    for name, cell in fidelity["cells"].items():
        spread = cell["teacher's spread"]
        error = None if not spread else cell["rmse"] / spread
        figures = (_number(v, 3) for v in (cell["pearson"], cell["spearman"], error))
        refused = "" if cell["refused"] is None else f"{cell['refused']:.1%}"
        table.add_row(name, f"{cell['pairs']:,}", *figures, refused)
    page.print(table)
    users, nll = fidelity["held-out users"], fidelity["held-out users"]["nll"]
    page.print(
        f"Pages of {users['users']} held-out users: correlation within a page "
        f"{_number(users['correlation within pages'], 3)}; nats a choice {nll['teacher']:.3f} "
        f"(the model itself), {nll['surrogate']:.3f} (surrogate), {nll['guessing']:.3f} (guessing)."
    )
    for outcome in dict.fromkeys(row["outcome"] for row in fidelity["effects"]):
        page.print(_effects(outcome, fidelity["effects"]))


def _effects(outcome: str, rows: list[dict[str, Any]]) -> Table:
    table = _table(f"Expected clicks on first pages, {outcome}", "arm less control")
    for column in ("users", "model", "surrogate", "ratio", "95% interval"):
        table.add_column(column, justify="right")
    for row in rows:
        if row["outcome"] == outcome:
            name = f"{row['treatment']} - {row['control']}"
            pair = row["ratio interval"]
            interval = "no clear effect" if pair is None else f"{pair[0]:.2f} to {pair[1]:.2f}"
            figures = (_number(row["teacher"], 4), _number(row["surrogate"], 4))
            table.add_row(name, str(row["users"]), *figures, _number(row["ratio"], 2), interval)
    return table


def _table(title: str, first: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column(first)
    return table


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
