"""``footfall data``: what can be read, fetched and looked at before a simulation."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from footfall.cli.init import print_as_read, print_findings
from footfall.datasets.fetch import DOWNLOADS, fetch
from footfall.datasets.guessing.asking import Told, UnansweredError, nobody
from footfall.datasets.guessing.guess import Guess, LogTables, guess, is_table
from footfall.datasets.large.census import census, item_counts, sides
from footfall.datasets.pages import described
from footfall.datasets.schema import Dataset
from footfall.datasets.sources import GROUP, load
from footfall.datasets.split import SplitSpec, split
from footfall.datasets.written import read_source
from footfall.errors import UserError
from footfall.plumbing import plugins
from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of

app = typer.Typer(
    help="List, fetch and describe data sets.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

KINDS = {
    "amazon-reviews": "Amazon Reviews 2023, one category: stars, titles, prices",
    "complete-journey": "groceries: 2,469 households, one year; a pip package, nothing to fetch",
    "kuairand": "KuaiRand: impressions and clicks on short videos, some shown by lot",
    "kuairec": "KuaiRec: how long users watched short videos; nearly complete",
    "mind": "MIND: what Microsoft News showed, and what was clicked",
    "open-bandit": "Open Bandit: fashion shown by lot or by a bandit, with propensities",
    "movielens": "film ratings; a folder or zip from GroupLens (see `footfall data fetch`)",
    "steam": "Steam: who reviewed, and so owns, which game",
    "table": "your own history in CSV or Parquet, with its columns named",
}
TOP = 15
WIDTH = 80

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command("list")
def list_sources(*, as_json: Json = False) -> None:
    """Show the kinds of sources, and what can be fetched.

    Examples:
        footfall data list
        footfall data list --json
    """
    others = {
        name: f"of the package {entry.dist.name}" if entry.dist else "of another package"
        for name, entry in plugins.entries(GROUP).items()
    }
    kinds = {**KINDS, **others}
    if as_json:
        _print_json({"kinds": kinds, "fetch": {k: d.about for k, d in DOWNLOADS.items()}})
        return
    table = Table("kind or name", "what it is", width=WIDTH)
    for kind, about in kinds.items():
        table.add_row(f"kind: {kind}", about)
    for name, download in DOWNLOADS.items():
        table.add_row(f"fetch {name}", download.about)
    Console(width=WIDTH).print(table)


@app.command("fetch")
def fetch_data(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(DOWNLOADS)}.")],
    to: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("data"),
    *,
    as_json: Json = False,
) -> None:
    """Download a public data set (non-commercial use; see its licence).

    Examples:
        footfall data fetch ml-latest-small
        footfall data fetch ml-1m --to films
    """
    path = fetch(name, to)
    if as_json:
        _print_json({"path": str(path)})
    else:
        sys.stdout.write(f"{path}\nUse it as  data: {{kind: movielens, path: {path}}}\n")


@app.command("describe")
def describe_data(
    source: Annotated[
        str, typer.Argument(help="A scenario, a YAML file of one source, or a log of events.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Read a source and show what is in it, and what had to be cleaned.

    Examples:
        footfall data describe demo
        footfall data describe events.csv
    """
    if is_table(Path(source)):
        guessed = _guessed(Path(source))
        read = load(guessed.source, Path.cwd(), stderr.say)
        description = describe(read)
        description["found"] = [vars(finding) for finding in guessed.findings]
        if not as_json:
            print_findings(guessed.findings)
            print_as_read(read, guessed.source.timezone)
    else:
        data, spec = read_source(source)
        description = describe(load(data, folder_of(source), stderr.say), spec)
    if as_json:
        _print_json(description)
    else:
        _print_description(description)


def _guessed(path: Path) -> Guess:
    """Read a log as ``footfall init`` would; what only its owner knows is asked there."""
    try:
        return guess(LogTables(path), Told(), nobody)
    except UnansweredError as error:
        what, _, _ = str(error).partition(" Say it with")
        raise UserError(f"{what}; footfall init {path} asks, and writes a scenario") from None


def describe(dataset: Dataset, spec: SplitSpec | None = None) -> dict[str, Any]:
    """Counts, period, cleaning and the items that most users touched; ready for JSON."""
    whole = dataset.beyond
    counts = _item_counts(dataset.interactions) if whole is None else item_counts(whole)
    top = counts.join(dataset.items.set_index("item")).reset_index()
    top = top.sort_values(["events", "item"], ascending=[False, True]).head(TOP)
    told = _counted(dataset) if whole is None else census(whole, dataset.pages)
    return {
        **dataset.summary(),
        **told,
        "profile columns": [c for c in dataset.users.columns if c != "user"],
        "split": None if spec is None else _split_summary(dataset, spec),
        "top": json.loads(top[["title", "price", "events", "users"]].to_json(orient="records")),
        "about": dataset.about,
        "licence": dataset.licence,
    }


def _item_counts(events: pd.DataFrame) -> pd.DataFrame:
    return events.groupby("item").agg(events=("user", "size"), users=("user", "nunique"))


def _counted(dataset: Dataset) -> dict[str, Any]:
    events = dataset.interactions
    return {
        "actions": events["action"].value_counts().to_dict(),
        "orders": int(
            events.loc[events["order"] != "", ["user", "order"]].drop_duplicates().shape[0]
        ),
        "pages": described(events, dataset.pages),
        "events a user (median)": float(events.groupby("user").size().median()),
    }


def _split_summary(dataset: Dataset, spec: SplitSpec) -> dict[str, Any]:
    cut = split(dataset, spec)
    past, later = cut.remembered.interactions, cut.held_out
    both = int(pd.Index(past["user"].unique()).isin(later["user"]).sum())
    found = {"before": len(past), "after": len(later), "both": both}
    if dataset.beyond is not None:
        found = sides(dataset.beyond, cut.at)
    return {
        "at": str(cut.at),
        "remembered": found["before"],
        "held out": found["after"],
        "users on both sides": found["both"],
    }


def _print_description(description: dict[str, Any]) -> None:
    console = Console(width=WIDTH)
    facts = Table(show_header=False, box=None, width=WIDTH)
    for key, value in description.items():
        if key not in {"top", "cleaning", "found"} and value not in (None, "", [], {}):
            facts.add_row(key, _inline(value))
    console.print(facts)
    cleaning = Table("cleaned", width=WIDTH)
    for line in description["cleaning"] or ["nothing had to be dropped or repaired"]:
        cleaning.add_row(line)
    console.print(cleaning)
    top = Table("most events", "price", "events", "users", width=WIDTH)
    for row in description["top"]:
        price = "" if row["price"] is None else f"{row['price']:.2f}"
        top.add_row(row["title"], price, str(row["events"]), str(row["users"]))
    console.print(top)


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
