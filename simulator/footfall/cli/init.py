"""``footfall init``: a scenario for a log of events, with what it rests on."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from footfall.datasets.as_read import as_read
from footfall.datasets.guessing.asking import Ask, Finding, OpenQuestion, Told, nobody, usual
from footfall.datasets.guessing.guess import LogTables, guess
from footfall.datasets.guessing.status import EVERY
from footfall.datasets.schema import Dataset
from footfall.datasets.sources import load
from footfall.errors import UserError
from footfall.plumbing.extras import recommenders_lack
from footfall.plumbing.files import replacing
from footfall.plumbing.stderr import stderr
from footfall.scenario.drafting import draft
from footfall.scenario.scenario import parse_scenario

WIDTH = 80

Column = Annotated[
    list[str] | None,
    typer.Option("--column", help="What a column is: user=customer_id. Again for each."),
]
Action = Annotated[
    list[str] | None,
    typer.Option("--action", help="What a word means: buy=purchase; or one action for all rows."),
]
TimeFormat = Annotated[str | None, typer.Option(help="strptime format of times: %d/%m/%Y %H:%M.")]
TimeUnit = Annotated[str | None, typer.Option(help="Unit of times in numbers: s, ms, us, ns.")]
Timezone = Annotated[str | None, typer.Option(help="Zone of times that name none: Europe/Paris.")]
Encoding = Annotated[str | None, typer.Option(help="Encoding of text files that are not UTF-8.")]
Decimal = Annotated[str | None, typer.Option(help="Sign before the fraction: . or ,")]
Currency = Annotated[str | None, typer.Option(help="ISO code of prices and money.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the usual answer.")]


def init(
    events: Annotated[Path, typer.Argument(help="A log: who did what with which item, and when.")],
    items: Annotated[Path | None, typer.Option(help="A table of the items.")] = None,
    users: Annotated[Path | None, typer.Option(help="A table of the users.")] = None,
    out: Annotated[Path, typer.Option(help="The scenario to write.")] = Path("shop.yaml"),
    column: Column = None,
    action: Action = None,
    time_format: TimeFormat = None,
    time_unit: TimeUnit = None,
    timezone: Timezone = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    currency: Currency = None,
    *,
    yes: Yes = False,
    overwrite: Annotated[bool, typer.Option(help="Replace the file in --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Look at a log of events and write a scenario that runs.

    Examples:
        footfall init events.csv
        footfall init orders.csv --items products.csv --column user=customer --yes
    """
    if out.exists() and not overwrite:
        raise UserError(f"{out} exists already; choose another --out, or --overwrite it")
    told = Told(
        _pairs("--column", column),
        _pairs("--action", action, EVERY),
        time_format,
        time_unit,
        timezone,
        encoding,
        decimal,
        currency,
    )
    guessed = guess(LogTables(events, items, users), told, asker(yes=yes))
    dataset = load(guessed.source, Path.cwd(), stderr.say)
    drafted = draft(guessed.source, dataset, guessed.findings, out)
    parse_scenario(yaml.safe_load(drafted.text), str(out))
    with replacing(out) as file:
        file.write(drafted.text.encode())
    if as_json:
        found = [vars(finding) for finding in drafted.findings]
        read = as_read(dataset, guessed.source.timezone)
        summary = {"scenario": str(out), "found": found, "as_read": read, **dataset.summary()}
        sys.stdout.write(json.dumps(summary, ensure_ascii=False, default=str) + "\n")
        return
    print_findings(drafted.findings)
    print_as_read(dataset, guessed.source.timezone)
    for line in dataset.cleaning:
        sys.stdout.write(f"cleaned: {line}\n")
    sys.stdout.write(
        f"{out} is written: {len(dataset.interactions):,} events of "
        f"{len(dataset.users):,} users with {len(dataset.items):,} items.\n"
    )
    lacking = recommenders_lack()
    if lacking:
        sys.stdout.write(f"Its recommenders need LensKit:  {lacking}\n")
    sys.stdout.write(
        f"Read it, then:  footfall run {out} --out runs/{out.stem}\n"
        f"                footfall compare runs/{out.stem}\n"
    )


def asker(*, yes: bool) -> Ask:
    """Who answers questions: the usual answers, the person at the terminal, or nobody."""
    if yes:
        return usual
    return _person if sys.stdin.isatty() and sys.stderr.isatty() else nobody


def print_findings(findings: tuple[Finding, ...]) -> None:
    """Show what was found out, and why."""
    table = Table("what", "found", "why", box=None, width=WIDTH)
    for finding in findings:
        why = f"assumed: {finding.why}" if finding.assumed else finding.why
        table.add_row(*map(escape, (finding.what, finding.found, why)))
    Console(width=WIDTH).print(table)
    assumed = ", ".join(dict.fromkeys(finding.what for finding in findings if finding.assumed))
    if assumed:
        text = f"Assumed, because the file does not tell; check these: {assumed}."
        sys.stdout.write(textwrap.fill(text, WIDTH) + "\n")


def print_as_read(dataset: Dataset, timezone: str) -> None:
    """Tell single events in words, for whoever knows what happened."""
    sys.stdout.write(f"As it is read (times of {timezone}); is that what happened?\n")
    for event in as_read(dataset, timezone):
        told = textwrap.fill(event, WIDTH, initial_indent="  ", subsequent_indent="    ")
        sys.stdout.write(f"{told}\n")


def _person(question: OpenQuestion) -> str:
    """Ask at the terminal; Enter gives the usual answer, where there is one."""
    typer.echo(question.text, err=True)
    answers = list(question.choices)
    for number, answer in enumerate(answers, 1):
        typer.echo(f"  {number}. {answer}: {question.choices[answer]}", err=True)
    usual_number = None if question.usual is None else answers.index(question.usual) + 1
    while True:
        chosen: int = typer.prompt("number", default=usual_number, type=int, err=True)
        if 1 <= chosen <= len(answers):
            return answers[chosen - 1]


def _pairs(option: str, given: list[str] | None, alone: str | None = None) -> dict[str, Any]:
    """``["user=customer"]`` as a mapping; a word without a sign stands for ``alone``."""
    pairs = {}
    for text in given or []:
        left, sign, right = text.partition("=")
        if not sign and alone is not None:
            left, right = alone, text
        elif not sign or not left or not right:
            raise UserError(f'{option} "{text}": write it as NAME=VALUE')
        pairs[left] = right
    return pairs
