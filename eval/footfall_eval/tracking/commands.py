"""``footfall track``: a tracker of experiments is told of runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from footfall.errors import FootfallError
from footfall.plumbing.stderr import stderr
from footfall.run_folder.trackers import known
from footfall_eval.comparing.comparison import Comparison
from footfall_eval.reading.load import RunLog
from footfall_eval.tracking.tell import tell


def track(
    runs: Annotated[list[Path], typer.Argument(help="Folders that runs left behind.")],
    to: Annotated[
        list[str], typer.Option(help="Tracker, with its target: mlflow, mlflow:EXPERIMENT, ...")
    ],
) -> None:
    """Tell a tracker of experiments of runs: scenario, effects, verdict, cost, report.

    A run that is told of again is brought up to date. Ends with status 1 if a tracker fails.

    Examples:
        footfall track runs/shop --to mlflow
        footfall track runs/shop runs/demo --to mlflow:groceries
    """
    known(to)
    kept = [track_or_say(RunLog.open(folder), to) for folder in runs]
    if not all(kept):
        raise typer.Exit(1)


def track_or_say(log: RunLog, named: Sequence[str], result: Comparison | None = None) -> bool:
    """Tell trackers of a run; say of those that fail, so that nothing else is lost with them."""
    kept = True
    for one in named:
        try:
            where = tell(one, log, result)
        except FootfallError as error:
            kept = False
            again = f"footfall track {log.path} --to {one}"
            line = f"! not tracked: {error}; the run itself is whole, try again: {again}"
            stderr.say(line, event="not_tracked", tracker=one)
        else:
            stderr.say(f"{log.path}: kept by {where}", event="tracked", tracker=one, where=where)
    return kept
