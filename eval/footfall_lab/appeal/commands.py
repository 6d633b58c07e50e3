"""``footfall backtest``, ``footfall learn-appeal`` and ``footfall ask-appeal``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from footfall.appeal.folder import read_appeal
from footfall.appeal.shipped import find_appeal
from footfall.plumbing.stderr import stderr
from footfall_lab.appeal import story
from footfall_lab.appeal.terminal import print_backtest, print_rankings
from footfall_lab.appeal.variants import rank_table

Tests = Annotated[
    Path, typer.Argument(help="A table of past tests, or a YAML file of kind: experiments.")
]
Model = Annotated[
    str,
    typer.Option("--model", help="Language model: embedded, a hub id, a folder; none for no one."),
]
Tuned = Annotated[
    bool, typer.Option("--tuned", help="Tune the sentence encoder too: better, and much slower.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def backtest(
    tests: Tests,
    out: Annotated[Path, typer.Option(help="Folder for the report; a second call goes on.")],
    model: Model = "embedded",
    server: Annotated[
        str | None, typer.Option(help="URL of a running vLLM server that is asked.")
    ] = None,
    asked: Annotated[
        int, typer.Option(min=0, help="Tests about which the untaught model is asked.")
    ] = 200,
    tuned: Tuned = False,
    as_json: Json = False,
) -> None:
    """Foresee past tests of wordings, each unseen, and say how far to believe it.

    Examples:
        footfall backtest tests.csv --out runs/backtest
        footfall backtest tests.csv --out runs/backtest --model fake --asked 20
    """
    options = story.AppealOptions(tests, out, model, server, asked, tuned=tuned)
    found = story.backtest(options, stderr.say)
    if as_json:
        typer.echo(json.dumps(found))
        return
    print_backtest(found)
    typer.echo(f"report: {out / 'backtest.html'}")


def learn_appeal(
    tests: Tests,
    out: Annotated[Path, typer.Option(help="Folder for the appeal model; a second call goes on.")],
    model: Model = "embedded",
    tuned: Tuned = False,
    as_json: Json = False,
) -> None:
    """Learn from past tests which wording of an item is taken more often.

    Examples:
        footfall learn-appeal tests.csv --out appeal
        footfall learn-appeal tests.csv --out appeal --tuned
    """
    card = story.learn_appeal(story.AppealOptions(tests, out, model, tuned=tuned), stderr.say)
    if as_json:
        typer.echo(json.dumps(card))
        return
    direction = card["cross-fitted over stories"]["direction"]
    typer.echo(
        f"foresees {direction[0]:.1%} of pairs of unseen tests "
        f"({direction[1]:.1%} to {direction[2]:.1%})"
    )
    for voice in card["voices"]:
        typer.echo(
            f"{voice['name']:<12}{voice['weight']:>6.2f}  {card['voices are'][voice['name']]}"
        )
    typer.echo(f"use it: footfall ask-appeal {out} --variants new.csv")


def ask_appeal(
    model: Annotated[
        str, typer.Argument(help="Folder of `footfall learn-appeal`, or a shipped model's name.")
    ],
    variants: Annotated[
        Path, typer.Option(help="Table with a column title, and item where there are several.")
    ],
    sure: Annotated[
        float,
        typer.Option(min=0.5, max=0.999, help="Chance over the runner-up to name a winner."),
    ] = 0.75,
    as_json: Json = False,
) -> None:
    """Rank wordings by an appeal model, with chances; says so where it cannot tell.

    Examples:
        footfall ask-appeal headlines --variants new.csv
        footfall ask-appeal appeal --variants new.csv --sure 0.9 --json
    """
    rankings = rank_table(read_appeal(find_appeal(model, Path.cwd()), stderr.say), variants, sure)
    if as_json:
        found = [{**asdict(one), "winner": one.winner} for one in rankings]
        typer.echo(json.dumps(found))
        return
    print_rankings(rankings)
