"""``footfall run`` and ``footfall demo``: a scenario becomes a run folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from footfall.cli.commands import load
from footfall.cli.progress import simulating
from footfall.errors import UserError
from footfall.options import Options, Watch
from footfall.plumbing.busy import NOTICED
from footfall.plumbing.extras import demo_lacks
from footfall.plumbing.signals import patient
from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.run_folder.answers import NO_VERDICT, RequestCounts, answers_of
from footfall.run_folder.trackers import known
from footfall.runs.estimate import estimate
from footfall.runs.grid import cells, is_grid, play
from footfall.runs.levels import run_scenario as simulate
from footfall.scenario.overriding import read_with_options
from footfall.scenario.scenario import Scenario

ScenarioName = Annotated[str, typer.Argument(help="A YAML file, or a shipped scenario's name.")]
Out = Annotated[Path, typer.Option(help="Folder for what the run leaves behind.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Replaces the scenario's seed.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=4096, help="World processes, or actors with --ray.")
]
Ray = Annotated[str | None, typer.Option(help='Address of a Ray cluster, or "local".')]
Store = Annotated[Path | None, typer.Option(help="Store of model answers, shared between runs.")]
Server = Annotated[
    list[str] | None, typer.Option(help="URL of a running vLLM server; with --ray several.")
]
ModelName = Annotated[str | None, typer.Option("--model", help="Replaces the scenario's model.")]
Track = Annotated[
    list[str] | None, typer.Option(help="Tracker that is told of the run: mlflow[:EXPERIMENT], ...")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def run(
    scenario: ScenarioName,
    out: Out,
    seed: Seed = None,
    workers: Workers = None,
    ray: Ray = None,
    store: Store = None,
    model: ModelName = None,
    server: Server = None,
    seeds: Annotated[
        str | None, typer.Option(help="Several runs, one a seed: 1,2,3; then a summary.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with a run that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace the run in --out.")] = False,
    accept_changes: Annotated[
        bool, typer.Option(help="Resume with changed code or package versions.")
    ] = False,
    max_tokens: Annotated[int | None, typer.Option(min=0, help="Prompt tokens to send.")] = None,
    max_cost: Annotated[float | None, typer.Option(min=0, help="Money; needs a price.")] = None,
    max_time: Annotated[str | None, typer.Option(help='Wall time, such as "90m" or "8h".')] = None,
    max_memory: Annotated[float | None, typer.Option(min=0, help="GiB of memory.")] = None,
    track: Track = None,
    dry_run: Annotated[bool, typer.Option(help="Say what it would take; ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Simulate a scenario into a folder.

    Examples:
        footfall run shop.yaml --out runs/shop
        footfall run demo --out runs/demo --model none --seeds 1,2,3
        footfall run shop.yaml --out runs/shop --dry-run
    """
    budget = {
        "max_tokens": max_tokens,
        "max_cost": max_cost,
        "max_time": max_time,
        "max_memory_gib": max_memory,
    }
    resolved = read_with_options(
        scenario,
        {
            **({} if seed is None else {"seed": seed}),
            **({} if track is None else {"track": track}),
        },
        {"model": {"name": model, "server": server[0] if server else None}, "budget": budget},
    )
    base = folder_of(scenario)
    if dry_run:
        found = estimate(resolved, base, stderr.say)
        _print_estimate(found.as_dict(), as_json)
        _tell_answers(found.answers)
        _end([f"{one.problem()}." for one in found.answers if one.problem()])
        return
    known(resolved.track)
    options = Options(
        out,
        base,
        workers,
        ray,
        tuple(server or ()),
        store,
        resume=resume,
        accept_changes=accept_changes,
        overwrite=overwrite,
    )
    wanted = _seeds(seeds)
    if is_grid(resolved, wanted):
        play(cells(resolved, wanted), options, _simulate, stderr.say)
        load("summary")(folder=out, as_json=as_json)
        return
    record = _simulate(resolved, options)
    if as_json:
        print(json.dumps(record, default=str))  # noqa: T201
    else:
        _tell_time(record)
        _tell_answers(answers_of(record))
        done = f"done: {out} - compare with: footfall compare {out}"
        stderr.say(done, event="finished", out=out, status=record["status"])
    _end(record["no_verdict"])


def demo(
    out: Out = Path("runs/demo"),
    workers: Workers = None,
    store: Store = None,
    model: ModelName = None,
) -> None:
    """The embedded example: real histories in, an A/B answer out.

    Examples:
        footfall demo
        footfall demo --out runs/second --workers 2
        footfall demo --model none
    """
    lacks = demo_lacks(model)
    if lacks is not None:
        raise UserError(lacks)
    scenario = read_with_options("demo", {}, {"model": {"name": model}})
    record = _simulate(scenario, Options(out, workers=workers, store=store, overwrite=True))
    with suppress(typer.Exit):  # compare says the same, and ends with the same status
        load("report")(run=out)
    _tell_time(record)
    load("compare")(runs=[out])


def _seeds(text: str | None) -> list[int]:
    if text is None:
        return []
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f'--seeds "{text}": write whole numbers such as 1,2,3') from None
    if min(seeds) < 0:
        raise UserError(f'--seeds "{text}": seeds are not below 0')
    return seeds


def _simulate(scenario: Scenario, options: Options) -> dict[str, Any]:
    with simulating() as begin:
        watch = Watch(stderr.say, begin, patience=lambda: patient(stderr.say))
        record = simulate(scenario, options, watch)
    if scenario.track:
        with suppress(typer.Exit):  # what failed was said; the run is done
            load("track")([options.out], list(scenario.track))
    return record


def _tell_answers(found: Iterable[RequestCounts]) -> None:
    """One line an arm: how many requests it was asked, and what was wrong."""
    for one in found:
        stderr.say(f"arm {one.words()}", event="answers", arm=one.arm, **one.as_dict())


def _end(problems: list[str]) -> None:
    """Where an arm or the model is broken, say so and end with the status that says so."""
    for problem in problems:
        stderr.say(f"! no verdict: {problem}", event="no_verdict", problem=problem)
    if problems:
        raise typer.Exit(NO_VERDICT)


def _print_estimate(numbers: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(numbers))  # noqa: T201
        return
    low, high = numbers["seconds_low"], numbers["seconds_high"]
    apart = ("seconds_low", "seconds_high", "answers")
    shown = {name: value for name, value in numbers.items() if name not in apart}
    for name, value in shown.items():
        text = f"{value:,.0f}" if isinstance(value, int | float) else value
        if name == "busy":
            if value < NOTICED:
                continue
            text = f"{value:.1f} times as slow as alone: other programs run beside"
        if name == "seconds":
            span = "" if value is None else f" (nine times in ten {low:,.0f} to {high:,.0f})"
            text = f"{'unknown' if value is None else text}{span}"
        typer.echo(f"{name.replace('_', ' '):28} {text}")


def _tell_time(record: dict[str, Any]) -> None:
    stderr.say(_where_the_time_went(record), event="timings", seconds=record["timings"])


def _where_the_time_went(record: dict[str, Any]) -> str:
    """One line: how long the simulation took, and how much of it outside the engine."""
    timings = record["timings"]
    started, engine = timings["engine_start"], timings["engine"]
    seconds = timings["simulating"] - started
    if record["model"]["name"] == "fake":
        return f"simulated in {seconds:.1f} s with the fake model: a test of the plumbing only"
    if record["surrogate"]:
        return f"simulated in {seconds:.1f} s by a {record['model']['name']}; no model was asked"
    if record["model"]["name"] == "none":
        return f"simulated in {seconds:.1f} s without a language model: users went by their habits"
    if not engine:
        return f"simulated in {seconds:.1f} s; every answer was stored, no engine was needed"
    outside = (seconds - engine) / seconds
    whole = (timings["total"] - started - engine) / timings["total"]
    return (
        f"simulated in {seconds:.0f} s, {outside:.1%} of it outside the engine; "
        f"with preparing, {timings['total']:.0f} s and {whole:.1%}"
    )
