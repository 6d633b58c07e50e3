"""A backtest and a ranking on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from footfall.appeal.ranking import WordingRanking

_SHOWN = ("direction", "direction, decisive", "r", "slope", "log loss", "coverage")


def print_backtest(found: dict[str, Any], console: Console | None = None) -> None:
    """Print what ``results`` made."""
    page = console or Console()
    tests = found["tests"]
    page.print(
        f"{tests['experiments']}: {tests['tests of wordings']:,} tests of wordings, "
        f"{tests['pairs']:,} pairs, {tests['decisive pairs']:,} of them decisive."
    )
    page.print(found["noise"]["sentence"])
    page.print(found["sample ratio"])
    for plan, one in found["plans"].items():
        page.print(_plan(plan, one))
        for name, gains in one["gains"].items():
            page.print(f"{name}: r {_signed(gains['r'])}, log loss {_signed(gains['log loss'])}")
        page.print()
    if found["contamination"] is not None:
        page.print(found["contamination"]["sentence"])
    page.print("Reported elsewhere, on other tests:")
    for line in found["reported elsewhere, on other tests"]:
        page.print(f"- {line}")
    page.print(f"[bold]{found['verdict']['predictor']}[/bold]: {found['verdict']['sentence']}")


def _plan(plan: str, found: dict[str, Any]) -> Table:
    title = f"Foreseen {plan}: {found['tests']:,} tests, {found['pairs']:,} pairs"
    table = _table(title)
    table.add_column("predictor")
    for column in ("all", "decisive", "r", "slope", "loss", "95% holds"):
        table.add_column(column, justify="right")
    for name, one in found["predictors"].items():
        figures = one["figures"]
        table.add_row(name, *(_number(figures[column][0]) for column in _SHOWN))
    top = found["ceiling"]
    both = (f"{low:.2f}-{high:.2f}" for low, high in (top["direction"], top["decisive"]))
    table.add_row("who knows the truth", *both, _number(top["r"]))
    return table


def print_rankings(rankings: Sequence[WordingRanking], console: Console | None = None) -> None:
    """Print each item's wordings, the most promising first."""
    page = console or Console()
    for ranking in rankings:
        table = _table(ranking.item or "Wordings")
        table.add_column("wording", ratio=1)
        for column in ("best", "beats 1st", "lift", "95% interval"):
            table.add_column(column, justify="right", no_wrap=True)
        for one in ranking.ranked:
            span = "" if one.place == 0 else f"{one.low:+.0%} to {one.high:+.0%}"
            beats = "" if one.place == 0 else f"{one.beats_first:.0%}"
            lift = "as given" if one.place == 0 else f"{one.lift:+.0%}"
            table.add_row(one.title, f"{one.best:.0%}", beats, lift, span)
        page.print(table)
        page.print(f"{ranking.sentence()}\n")


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _signed(value: Sequence[float | None]) -> str:
    middle, low, high = value
    return "" if middle is None else f"{middle:+.3f} ({low:+.3f} to {high:+.3f})"
