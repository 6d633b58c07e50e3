"""The command ``plan``: how many users a test needs, measured with a pilot or from a run."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from footfall.errors import UserError
from footfall.options import Options, Watch
from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.run_folder.answers import no_verdict
from footfall.runs.estimate import estimate
from footfall.runs.run import run as simulate
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import Scenario
from footfall_eval.reading.load import RunLog
from footfall_eval.statistics.planning import Cost, TestPlan, plan_test

PILOT_USERS = 40
"""Users of a pilot that is simulated on the spot."""


def plan(
    scenario: Annotated[str, typer.Argument(help="A YAML file, or a shipped scenario's name.")],
    mde: Annotated[
        str, typer.Option(help="Effect to find: 5% of the control, or 0.1 in the metric's unit.")
    ] = "5%",
    metric: Annotated[str, typer.Option(help="Metric of the verdict.")] = "purchases",
    power: Annotated[float, typer.Option(min=0.01, max=0.99, help="Chance of finding it.")] = 0.8,
    pilot: Annotated[
        Path | None, typer.Option(help="A paired run; without one a small one is simulated.")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Store of model answers.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Say how many users and days an effect asks for, and what they cost.

    Examples:
        footfall plan shop.yaml --mde 5%
        footfall plan shop.yaml --metric clicks --pilot runs/shop --json
    """
    resolved, base = read_scenario(scenario), folder_of(scenario)
    lift, effect = _size(mde)
    with tempfile.TemporaryDirectory(prefix="footfall-pilot-") as folder:
        run = pilot or _simulate(resolved, base, Path(folder), store)
        log = RunLog.open(run)
        for problem in no_verdict(log.manifest):
            raise UserError(f"the pilot is no basis for a plan: {problem}")
        cost = _cost(resolved, base)
        treatments = [arm for arm in log.arms if arm != log.control]
        if not treatments:
            raise UserError("the scenario has one arm; a plan needs two to compare")
        plans = [
            plan_test(
                log,
                cost,
                treatment=arm,
                metric=metric,
                lift=lift,
                effect=effect,
                power=power,
                arms=len(resolved.arms),
            )
            for arm in treatments
        ]
        log.connection.close()
    if as_json:
        typer.echo(json.dumps({"plans": [asdict(one) for one in plans]}, indent=2))
    else:
        for one in plans:
            Console().print(_layout(one))


def _size(text: str) -> tuple[float | None, float | None]:
    """Read --mde: 5% gives (0.05, None), 0.1 gives (None, 0.1)."""
    try:
        if text.strip().endswith("%"):
            return float(text.strip()[:-1]) / 100, None
        return None, float(text)
    except ValueError:
        raise UserError(f"--mde {text!r} is no effect; give 5% or 0.1") from None


def _simulate(scenario: Scenario, base: Path, folder: Path, store: Path | None) -> Path:
    users = min(PILOT_USERS, scenario.population.users)
    small = scenario.model_copy(
        update={
            "population": scenario.population.model_copy(update={"users": users}),
            "design": "paired",
            "stop_early": None,
        }
    )
    stderr.say(f"simulating a pilot of {users} users; give --pilot RUN to plan from a run")
    simulate(small, Options(folder / "run", base=base, store=store), Watch(stderr.say))
    return folder / "run"


def _cost(scenario: Scenario, base: Path) -> Cost:
    """What a user-day in one arm takes, by the estimate of ``footfall run --dry-run``."""
    whole = estimate(scenario, base, stderr.say)
    asked = whole.users * scenario.world.days
    asked *= whole.arms if scenario.design == "paired" else 1
    seconds = None if whole.seconds is None else whole.seconds - whole.preparing_seconds
    stderr.say(f"speed of the model: {whole.speed_from}")
    return Cost(whole.tokens / asked, None if seconds is None else seconds / asked)


def _layout(found: TestPlan) -> Table:
    table = Table(
        title=f"{found.treatment} against {found.control}: {found.lift:.3g} of "
        f"{found.control_value:.3g} {found.metric}, found {found.power:.0%} of the time",
        caption=f"* extrapolated from {found.pilot_days:g} days of {found.pilot_users} pilot users "
        f"(correlation between arms {found.correlation:.2f})",
        title_justify="left",
        caption_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
    )
    heads = ("days", "users paired", "split", "tokens paired", "split", "time paired", "split")
    for head in heads:
        table.add_column(head, justify="right")
    for one in found.lengths:
        table.add_row(
            f"{one.days:g}{'*' * one.extrapolated}",
            f"{one.paired_users:,}",
            f"{one.split_users:,}",
            f"{one.paired_tokens:,.3g}",
            f"{one.split_tokens:,.3g}",
            _time(one.paired_seconds),
            _time(one.split_seconds),
        )
    return table


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "n/a"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"
