"""``footfall compare`` and ``footfall report``: from a run folder to an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from footfall_eval.compare import compare as compare_arms
from footfall_eval.load import RunLog
from footfall_eval.report import write_report
from footfall_eval.terminal import print_comparison

Run = Annotated[Path, typer.Argument(help="Folder that a run left behind.")]


def compare(
    run: Run,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Say which recommender wins, by how much, and how far to believe it."""
    result = compare_arms(RunLog.open(run))
    if as_json:
        typer.echo(result.to_json())
    else:
        print_comparison(result)


def report(
    run: Run,
    out: Annotated[Path | None, typer.Option(help="File; RUN/report.html by default.")] = None,
) -> None:
    """Write the report: one HTML file that needs no network."""
    typer.echo(write_report(run, out))
