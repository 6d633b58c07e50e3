"""Validity and the discrimination task on a terminal of 80 columns."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_COLOURS = {
    "pass": "green", "amber": "yellow", "red": "red", "not run": "dim",
    "validated": "green", "direction only": "yellow", "not validated": "red",
}  # fmt: skip


def print_validity(found: dict[str, Any], console: Console | None = None) -> None:
    """Print the blocks of ``validity.json`` and the verdict."""
    page = console or Console()
    page.print(_blocks(found["blocks"]))
    if "G" in found["blocks"] and found["blocks"]["G"]["table"]:
        page.print(_recommenders(found["blocks"]["G"]["table"]))
    if "B" in found["blocks"]:
        page.print(_models(found["blocks"]["B"]["table"]))
    for name, task in found.get("prediction", {}).items():
        _print_task(page, name, task)
    page.print(Text(f"{found['verdict'].capitalize()}.", f"bold {_COLOURS[found['verdict']]}"))
    for reason in found["reasons"]:
        page.print(Text(f"! {reason}", "yellow"))


def print_discrimination(found: dict[str, Any], console: Console | None = None) -> None:
    """Print one table a ratio."""
    page = console or Console()
    ratios = list(dict.fromkeys(row["ratio"] for row in found["rows"]))
    columns = ("f1", "precision", "recall", "accuracy", "auc", "ndcg@5")
    for ratio in ratios:
        table = _table(
            f"{ratio}, {found['users'][ratio]} users, {found['items a user']} items each"
        )
        table.add_column("predictor")
        for column in columns:
            table.add_column(column, justify="right")
        for row in found["rows"]:
            if row["ratio"] == ratio:
                table.add_row(row["predictor"], *(_number(row[column]) for column in columns))
        page.print(table)


def _print_task(page: Console, name: str, task: dict[str, Any]) -> None:
    title = name[0].upper() + name[1:]
    if "not run" in task:
        page.print(Text.assemble((title, "bold"), f": {task['not run']}\n"))
        return
    table = _table(title)
    table.add_column("predictor")
    columns = ("roc auc", "f1", "precision", "recall", "accuracy")
    for column in columns:
        table.add_column(column, justify="right")
    for row in task["rows"]:
        table.add_row(row["predictor"], *(_number(row[column]) for column in columns))
    accuracy = (
        f"Always saying the most common is right {task['constant accuracy']:.1%} of the time."
    )
    table.caption, table.caption_justify = f"{title}: {task['about']}. {accuracy}\n", "left"
    page.print(table)


def print_memories(found: dict[str, Any], console: Console | None = None) -> None:
    """Print what each kind of memory is worth."""
    page = console or Console()
    table = _table(
        f"What memory is worth: {found['choices']} held-out choices of {found['users']} users"
    )
    table.add_column("memory", ratio=1)
    for column in ("nll alone", "change", "change beside habits"):
        table.add_column(column, justify="right")
    for row in found["rows"]:
        changes = []
        for which in ("alone", "beside habits"):
            low, high = row[f"change {which} interval"]
            changes.append("" if low is None else f"{low:+.3f} to {high:+.3f}")
        table.add_row(row["memory"], _number(row["nll alone"]), *changes)
    page.print(table)
    against = found["rows"][0]["against"] if found["rows"] else ""
    page.print(f"Nats a choice against {against}, 95% intervals over users; below 0 is better.")


def print_new_items(found: dict[str, Any], console: Console | None = None) -> None:
    """Print who foresees the takers of items that nobody has taken."""
    page = console or Console()
    table = _table(
        f"Takers of {found['items put before users']:,} new items: {found['users']:,} users"
    )
    table.add_column("who", ratio=1)
    for column in ("auc", "over category and price", "95% interval"):
        table.add_column(column, justify="right")
    for row in found["rows"]:
        low, high = row["over category and price, interval"]
        gain = row["over category and price"]
        span = "" if not gain else f"{low:+.3f} to {high:+.3f}"
        table.add_row(row["who"], _number(row["auc"]), f"{gain:+.3f}" if gain else "", span)
    page.print(table)
    page.print("AUC: chance that a taken new item is put above one that was not; by user.")


def _blocks(blocks: dict[str, Any]) -> Table:
    table = _table("How far to believe it")
    table.add_column("")
    table.add_column("block")
    table.add_column("status")
    table.add_column("finding", ratio=1)
    for letter, block in blocks.items():
        status = Text(block["status"], _COLOURS[block["status"]])
        table.add_row(letter, block["title"], status, block["explanation"])
    return table


def _recommenders(rows: list[dict[str, Any]]) -> Table:
    table = _table("G. Recommenders, best in reality first")
    for column in ("recommender", "real", "real lift", "simulated lift", "offline ndcg"):
        table.add_column(column, justify="left" if column == "recommender" else "right")
    for row in rows:
        figures = (row[c] for c in ("real", "real lift", "simulated lift", "offline ndcg"))
        table.add_row(row["recommender"], *map(_number, figures))
    return table


def _models(rows: list[dict[str, Any]]) -> Table:
    table = _table("B. Who foresees held-out choices, best first")
    for column in ("model", "nll", "top-1", "mrr", "auc", "gain of the blend"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for row in rows:
        low, high = row["gain interval"]
        gain = "" if low is None else f"{low:+.3f} to {high:+.3f}"
        figures = (_number(row[c]) for c in ("nll", "top-1", "mrr", "auc"))
        table.add_row(row["model"], *figures, gain)
    return table


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
