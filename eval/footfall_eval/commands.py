"""``footfall compare`` and ``footfall report``: from a run folder to an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from footfall.errors import UserError, did_you_mean
from footfall.plumbing.stderr import stderr
from footfall.run_folder.answers import NO_VERDICT
from footfall.run_folder.trackers import known
from footfall_eval.comparing.compare import compare as compare_arms
from footfall_eval.comparing.comparison import CORRECTIONS, Correction
from footfall_eval.comparing.pool import pool_runs
from footfall_eval.reading.load import RunLog
from footfall_eval.reporting.report import make_report, write_figures
from footfall_eval.reporting.terminal import print_comparison, print_pooled
from footfall_eval.tracking.commands import track_or_say

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Primary = Annotated[
    str | None, typer.Option(help="Metric of the verdict, fixed before you look: revenue, ...")
]
FORMATS = ("text", "markdown", "latex", "csv")

Run = Annotated[Path, typer.Argument(help="Folder that a run left behind.")]


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run folder; several of the same arms (other seeds...) are pooled."),
    ],
    primary: Primary = None,
    control: Annotated[str | None, typer.Option(help="Arm to compare the others with.")] = None,
    correction: Annotated[
        str, typer.Option(help="For many contrasts: holm, bh (Benjamini-Hochberg) or none.")
    ] = "holm",
    every: Annotated[bool, typer.Option("--all", help="All metrics and contrasts.")] = False,
    form: Annotated[
        str, typer.Option("--format", help="text, or the table alone: markdown, latex or csv.")
    ] = "text",
    track: Annotated[
        list[str] | None,
        typer.Option(help="Tracker that is told of it: mlflow[:EXPERIMENT], ..."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which recommender wins, by how much, and how far to believe it.

    Examples:
        footfall compare runs/shop
        footfall compare runs/shop --all --format latex
    """
    if form not in FORMATS:
        raise UserError(f"--format {form}: {did_you_mean(form, FORMATS)}")
    chosen = _correction(correction)
    known(track or ())
    logs = [RunLog.open(run) for run in runs]
    if len(logs) > 1:
        if form != "text":
            raise UserError(f"--format {form} is for one run; several are printed, or --json")
        if track:
            raise UserError("--track is for one run; for several: footfall track RUN RUN --to ...")
        pooled = pool_runs(logs, primary=primary, control=control)
        typer.echo(pooled.to_json()) if as_json else print_pooled(pooled)
        _end(pooled.no_verdict)
        return
    result = compare_arms(logs[0], primary=primary, control=control, correction=chosen)
    if as_json:
        typer.echo(result.to_json())
    elif form == "text":
        print_comparison(result, every=every)
    else:
        table = result.table(every=every)
        written = {"markdown": table.to_markdown, "latex": table.to_latex, "csv": table.to_csv}
        typer.echo(written[form](), nl=False)
    track_or_say(logs[0], track or (), result)
    _end(result.no_verdict)


def report(
    run: Run,
    out: Annotated[Path | None, typer.Option(help="File; RUN/report.html by default.")] = None,
    primary: Primary = None,
    pool: Annotated[
        list[Path] | None, typer.Option("--with", help="Another run of the same arms, to pool.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Folder for the figures as SVG, PDF, PNG and CSV.")
    ] = None,
) -> None:
    """Write the report: one HTML file that needs no network.

    Examples:
        footfall report runs/shop
        footfall report runs/shop --figures paper/figures
    """
    written = make_report(run, out, primary=primary, others=pool or ())
    typer.echo(written.path)
    if figures is not None:
        drawn = write_figures(run, figures, primary=primary)
        stderr.say(f"{figures}: {len(drawn)} files", event="written", folder=figures)
    _end(written.no_verdict)


def _end(problems: tuple[str, ...]) -> None:
    """End with the status that says so where no winner is named."""
    if problems:
        raise typer.Exit(NO_VERDICT)


def _correction(named: str) -> Correction:
    for correction in CORRECTIONS:
        if named == correction:
            return correction
    raise UserError(f"unknown correction {named!r}; {did_you_mean(named, CORRECTIONS)}")
