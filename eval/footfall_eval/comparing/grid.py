"""Many runs of one scenario as one table: what a grid of settings, or of seeds, comes to.

Runs that differ in their seed only are pooled (``comparing.pool``); every other combination
of settings has a line of its own for each treatment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from footfall.errors import FootfallError, LogError, UserError, one_line
from footfall.plumbing.json_files import read_object
from footfall.plumbing.spec import fault
from footfall.run_folder import manifest
from footfall.run_folder.answers import NO_VERDICT, no_verdict
from footfall.run_folder.layout import GRID
from footfall_eval.comparing.compare import compare
from footfall_eval.comparing.comparison import Comparison, finite
from footfall_eval.comparing.figures import amount, estimate
from footfall_eval.comparing.pool import pool_runs
from footfall_eval.measures.metrics import METRICS
from footfall_eval.reading.load import RunLog

_UNITS = {metric.name: metric.unit for metric in METRICS}


@dataclass(frozen=True)
class Line:
    """One treatment against the control under some settings."""

    settings: dict[str, Any]
    """Without the seed."""
    runs: int
    """Seeds pooled."""
    control: str
    treatment: str
    control_value: float
    """Mean over the runs."""
    treatment_value: float
    difference: float
    ci_low: float
    """Of the simulation interval: luck only."""
    ci_high: float
    model_low: float
    """Where another seed would put the effect; NaN for a single run."""
    model_high: float


@dataclass(frozen=True)
class GridSummary:
    """All lines of a grid."""

    metric: str
    level: float
    lines: tuple[Line, ...]
    unfinished: tuple[str, ...]
    """Folders without a finished run; they are in no line."""
    no_verdict: tuple[str, ...] = ()
    """Runs in which an arm or the model is broken, and why; they are in no line either."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON; NaN becomes None."""
        lines = [{key: finite(value) for key, value in asdict(line).items()} for line in self.lines]
        return {**asdict(self), "lines": lines}


def summarise(folder: Path, *, primary: str | None = None) -> GridSummary:
    """Read the runs of a grid and put them together.

    Raises:
        UserError: ``folder`` holds no grid, or nothing finished.
        LogError: A run is damaged.
    """
    plan = _plan(folder)
    groups: dict[str, list[tuple[dict[str, Any], RunLog, Comparison]]] = {}
    unfinished, broken = [], []
    for run in plan:
        place = folder / run.folder
        if not _finished(place):
            unfinished.append(run.folder)
            continue
        problems = no_verdict(manifest.read(place, needed=()))
        if not problems:
            log = RunLog.open(place)
            result = compare(log, primary=primary, with_exposure=False)
            primary, problems = result.primary, list(result.no_verdict)
        if problems:
            broken.append(f"{run.folder}: {' '.join(problems)}")
            continue
        settings = {key: value for key, value in run.settings.items() if key != "seed"}
        key = json.dumps(settings, sort_keys=True, default=str)
        groups.setdefault(key, []).append((settings, log, result))
    if not groups and not broken:
        raise UserError(f"{folder}: no run of the grid is finished; go on with --resume")
    lines: list[Line] = []
    for members in groups.values():
        settings, logs, results = zip(*members, strict=True)
        lines += _lines(settings[0], logs, results)
    return GridSummary(
        str(primary or METRICS[0].name), 0.95, tuple(lines), tuple(unfinished), tuple(broken)
    )


def _lines(
    settings: dict[str, Any], logs: Sequence[RunLog], results: Sequence[Comparison]
) -> list[Line]:
    """One line a treatment; a group's runs share their settings."""
    metric, control = results[0].primary, results[0].control
    pooled = None
    if len(logs) > 1:
        pooled = {one.treatment: one for one in pool_runs(logs, primary=metric).main()}
    lines = []
    for contrast in (c for c in results[0].contrasts if c.metric == metric):
        one = pooled[contrast.treatment] if pooled else contrast
        same = [result.contrast(contrast.treatment, metric) for result in results]
        lines.append(
            Line(
                settings=settings,
                runs=len(logs),
                control=control,
                treatment=contrast.treatment,
                control_value=sum(c.control_value for c in same) / len(same),
                treatment_value=sum(c.treatment_value for c in same) / len(same),
                difference=one.difference,
                ci_low=one.ci_low,
                ci_high=one.ci_high,
                model_low=getattr(one, "model_low", math.nan),
                model_high=getattr(one, "model_high", math.nan),
            )
        )
    return lines


def summary(
    folder: Annotated[Path, typer.Argument(help="Folder of `footfall run --seeds` or of a grid.")],
    primary: Annotated[str | None, typer.Option(help="Metric: revenue, clicks, ...")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Put the runs of a grid or of several seeds into one table.

    Examples:
        footfall summary runs/seeds
        footfall summary runs/seeds --primary clicks --json
    """
    found = summarise(folder, primary=primary)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), allow_nan=False, default=str))
    else:
        print_summary(found)
    if found.no_verdict:
        raise typer.Exit(NO_VERDICT)


def print_summary(found: GridSummary, console: Console | None = None) -> None:
    """As a table of a terminal, 80 columns wide."""
    out = console or Console()
    unit = _UNITS[found.metric]
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", title_style="bold")
    table.title = f"{found.metric}: treatment minus control"
    for head in ("Settings", "Treatment", "Control", "Value", "Difference", "95% interval"):
        table.add_column(head, justify="left" if head in {"Settings", "Treatment"} else "right")
    before = ""
    for line in found.lines:
        words = "\n".join(f"{key.split('.')[-1]} {value}" for key, value in line.settings.items())
        size, interval = estimate(line.difference, line.ci_low, line.ci_high, unit)
        table.add_row(
            "" if words == before else words or f"{line.runs} seeds",
            line.treatment,
            amount(line.control_value, unit),
            amount(line.treatment_value, unit),
            size,
            interval,
        )
        before = words
    if found.lines:
        out.print(table)
    seeds = max((line.runs for line in found.lines), default=0)
    if seeds > 1:
        out.print(
            Text(f"Up to {seeds} seeds a line, pooled; intervals cover luck, not the model.", "dim")
        )
    for problem in found.no_verdict:
        out.print(Text(f"! no verdict, left out: {problem}", "yellow"))
    if found.unfinished:
        out.print(Text(f"! not finished, left out: {', '.join(found.unfinished)}", "yellow"))


class _Planned(BaseModel):
    model_config = ConfigDict(strict=True)

    folder: str
    settings: dict[str, Any]


class _Plan(BaseModel):
    """What a grid says of its runs."""

    runs: list[_Planned]


def _plan(folder: Path) -> list[_Planned]:
    file = folder / GRID
    if not file.exists():
        raise UserError(f"{folder}: no {GRID}, so no grid; for a single run: footfall compare")
    try:
        plan = _Plan.model_validate(read_object(file))
    except ValidationError as problem:
        raise LogError(f"{file}: {fault(problem)}; {manifest.CHANGED}") from None
    except (OSError, ValueError) as problem:
        raise LogError(f"{file}: cannot be read ({one_line(problem, 200)})") from None
    for run in plan.runs:
        manifest.inside(folder, run.folder)
    return plan.runs


def _finished(place: Path) -> bool:
    try:
        record = manifest.read(place, needed=())
    except FootfallError:
        return False
    return record.get("status") in {"finished", "stopped early"}
