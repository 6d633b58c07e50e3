"""The command ``plan``: how many users a test needs, measured with a pilot or from a run."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from footfall.errors import UserError
from footfall.options import Options, Watch
from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.run_folder.answers import no_verdict
from footfall.run_folder.layout import ASKED, CROWD, MANIFEST, PILOT
from footfall.runs.estimate import estimate
from footfall.runs.levels import play_pilot
from footfall.runs.levels import run_scenario as simulate
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import Scenario
from footfall_eval.comparing.levels import unevenly_drawn
from footfall_eval.comparing.pilots import MeasuredPilot, measure
from footfall_eval.reading.load import RunLog
from footfall_eval.statistics.planning import Cost, Needed, TestPlan, plan_test

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
        log, measured = _read(run, metric)
        for problem in no_verdict(log.manifest):
            raise UserError(f"the pilot is no basis for a plan: {problem}")
        cost = _cost(resolved.model_copy(update={"levels": None}), base)
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
                repeated=None if measured is None else measured.repeated(arm),
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
    """A small run in ``folder``, of two levels where the scenario has them."""
    options, watch = Options(folder / "run", base=base, store=store), Watch(stderr.say)
    levels = scenario.levels
    if levels is not None and levels.distils:
        stderr.say(f"simulating a pilot of {levels.pilot} users; give --pilot RUN to plan from one")
        play_pilot(scenario, options, watch)
        return options.out
    most = PILOT_USERS if levels is None else 2 * PILOT_USERS
    users = min(most, scenario.population.users)
    changed: dict[str, Any] = {
        "population": scenario.population.model_copy(update={"users": users}),
        "design": "paired",
        "stop_early": None,
    }
    if levels is not None:
        changed["levels"] = levels.model_copy(update={"asked": 0.5, "draw": "even"})
    stderr.say(f"simulating a pilot of {users} users; give --pilot RUN to plan from a run")
    simulate(scenario.model_copy(update=changed), options, watch)
    return options.out


def _read(run: Path, metric: str) -> tuple[RunLog, MeasuredPilot | None]:
    """The pilot by the model, and what a surrogate repeats of it where there is one.

    A run of two levels, or the pilot of one that distils by itself.
    """
    places = ((run / PILOT / CROWD, run / PILOT), (run, run / ASKED))
    crowd, asked = next((pair for pair in places if (pair[1] / MANIFEST).exists()), (None, run))
    log = RunLog.open(asked)
    if unevenly_drawn(log):
        raise UserError(
            f"{asked}: these users were asked because their answers matter most, so a plan cannot "
            "rest on them; leave --pilot out, or play one with levels.draw: even"
        )
    return log, None if crowd is None else measure(RunLog.open(crowd), log, metric)


def _cost(scenario: Scenario, base: Path) -> Cost:
    """What a user-day in one arm takes, by the estimate of ``footfall run --dry-run``."""
    whole = estimate(scenario, base, stderr.say)
    asked = whole.users * scenario.world.days
    asked *= whole.arms if scenario.design == "paired" else 1
    seconds = None if whole.seconds is None else whole.seconds - whole.preparing_seconds
    if seconds is not None:
        seconds /= whole.busy  # a plan is for a machine of one's own
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
    heads = ["days", "users paired", "split", "tokens paired", "split", "time paired", "split"]
    two = found.lengths[0].asked_users is not None
    if two:  # instead of a split design, which has no two levels
        heads = ["days", "users, all asked", "tokens", "time", "asked", "of", "tokens", "time"]
    for head in heads:
        table.add_column(head, justify="right")
    for one in found.lengths:
        days = f"{one.days:g}{'*' * one.extrapolated}"
        table.add_row(days, *(_with_levels(one) if two else _with_one(one)))
    return table


def _with_one(one: Needed) -> tuple[str, ...]:
    return (
        f"{one.paired_users:,}",
        f"{one.split_users:,}",
        f"{one.paired_tokens:,.3g}",
        f"{one.split_tokens:,.3g}",
        _time(one.paired_seconds),
        _time(one.split_seconds),
    )


def _with_levels(one: Needed) -> tuple[str, ...]:
    return (
        f"{one.paired_users:,}",
        f"{one.paired_tokens:,.3g}",
        _time(one.paired_seconds),
        f"{one.asked_users:,}",
        f"{one.crowd_users:,}",
        f"{one.asked_tokens:,.3g}",
        _time(one.asked_seconds),
    )


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "n/a"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"
