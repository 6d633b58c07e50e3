"""The command line. Answers go to stdout, everything else to stderr.

Exit status: 0 done, 1 the run failed or its budget is used up, 2 the user's input is wrong (one
line, no traceback), 3 done, but an arm or the model is broken and there is no verdict, 130
interrupted, 143 terminated, 129 its terminal went away. Other packages
add commands through the entry point group ``footfall.commands``; each names a function, which
becomes a command of that name.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from footfall.cli.progress import simulating
from footfall.errors import FootfallError, UserError, did_you_mean
from footfall.options import Options, Watch
from footfall.plumbing.signals import Terminated, patient, terminable
from footfall.run_folder import manifest
from footfall.run_folder.answers import NO_VERDICT, Answers, answers_of
from footfall.runs.grid import cells, is_grid, play
from footfall.scenario.reading import folder_of, read_scenario
from footfall.scenario.scenario import Scenario

app = typer.Typer(
    name="footfall",
    help="Simulated users for recommender systems: rehearse an A/B test.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Newer Typers carry a Click of their own: its classes are found through what Typer exports.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

_GO_ON = "; go on with the same command and --resume"
_RESUMABLE = frozenset({"run", "finetune"})
"""Commands that have ``--resume``."""

stderr = Console(stderr=True, highlight=False)

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
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


@app.command()
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
    dry_run: Annotated[bool, typer.Option(help="Say what it would take; ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Simulate a scenario into a folder."""
    budget = {
        "max_tokens": max_tokens,
        "max_cost": max_cost,
        "max_time": max_time,
        "max_memory_gib": max_memory,
    }
    resolved = _scenario(
        scenario,
        {} if seed is None else {"seed": seed},
        {"model": {"name": model, "server": server[0] if server else None}, "budget": budget},
    )
    base = folder_of(scenario)
    if dry_run:
        from footfall.runs.estimate import estimate  # noqa: PLC0415 - loads tokenizers

        found = estimate(resolved, base, stderr.print)
        _print_estimate(found.as_dict(), as_json)
        _tell_answers(found.answers)
        problems = [one.problem() for one in found.answers if one.problem()]
        _end([f"{problem}." for problem in problems])
        return
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
        play(cells(resolved, wanted), options, _simulate, stderr.print)
        _other_commands()["summary"](folder=out, as_json=as_json)
        return
    record = _simulate(resolved, options)
    if as_json:
        print(json.dumps(record, default=str))  # noqa: T201
    else:
        stderr.print(_where_the_time_went(record))
        _tell_answers(answers_of(record))
        stderr.print(f"done: {out} - compare with: footfall compare {out}")
    _end(record["no_verdict"])


@app.command()
def verify(
    run: Annotated[Path, typer.Argument(help="A run's folder.")], as_json: Json = False
) -> None:
    """Check that a run's log is what was written: every part, by its hash."""
    from footfall.runs.resuming import inspect, verify  # noqa: PLC0415 - loads what reads scenarios

    record = manifest.read(run)
    if as_json:
        print(json.dumps({"status": record["status"], **inspect(run, record).as_dict()}))  # noqa: T201
    parts = len(verify(run).intact)
    if not as_json:
        typer.echo(f"{run}: {parts} files are as they were written; the run: {record['status']}")


@app.command()
def demo(
    out: Out = Path("runs/demo"),
    workers: Workers = None,
    store: Store = None,
) -> None:
    """The embedded example: real histories in, an A/B answer out."""
    record = _simulate(
        read_scenario("demo"), Options(out, workers=workers, store=store, overwrite=True)
    )
    commands = _other_commands()
    with suppress(typer.Exit):  # compare says the same, and ends with the same status
        commands["report"](run=out)
    stderr.print(_where_the_time_went(record))
    commands["compare"](runs=[out])


@app.command()
def serve(
    model: Annotated[str, typer.Option(help="Hub name, folder, or embedded.")] = "embedded",
    adapter: Annotated[
        str | None, typer.Option(help="LoRA adapter; served as MODEL+ADAPTER.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the clients' key.")
    ] = None,
) -> None:
    """Serve a model with vLLM and the settings that Footfall needs."""
    from footfall.llm.specs import ModelSpec  # noqa: PLC0415 - likewise
    from footfall.llm.vllm.serve import serve as serve_model  # noqa: PLC0415 - loads vLLM's checks

    serve_model(
        ModelSpec(name=model, adapter=adapter),
        host=host,
        port=port,
        api_key_env=api_key_env,
        announce=stderr.print,
    )


def _scenario(name: str, overrides: dict[str, Any], options: dict[str, dict[str, Any]]) -> Scenario:
    """A scenario with keys replaced, and sections merged with those ``options`` that were given."""
    resolved = read_scenario(name, overrides)
    _check_adapter(resolved, options["model"]["name"])
    merged = {}
    for section, changes in options.items():
        given = {key: value for key, value in changes.items() if value is not None}
        if given:
            merged[section] = getattr(resolved, section).model_dump(mode="json") | given
    return read_scenario(name, {**overrides, **merged}) if merged else resolved


def _check_adapter(scenario: Scenario, model: str | None) -> None:
    """An adapter fits the model that it was trained on, and no other."""
    spec = scenario.model
    if spec.adapter and model not in {None, spec.name, "fake", "none"}:
        raise UserError(
            f'--model {model}: the scenario\'s adapter "{spec.adapter}" belongs to the model '
            f"{spec.name}; write model: {{name: {model}}} into a scenario of your own, with a "
            "question that needs no adapter (choice: {mode: likelihood})"
        )


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
    from footfall.runs.run import run as simulate  # noqa: PLC0415 - loads the libraries of a run

    with simulating(stderr) as begin:
        watch = Watch(stderr.print, begin, patience=lambda: patient(stderr.print))
        return simulate(scenario, options, watch)


def _tell_answers(found: Iterable[Answers]) -> None:
    """One line an arm: how many requests it was asked, and what was wrong."""
    for one in found:
        stderr.print(f"arm {one.words()}", markup=False, soft_wrap=True)


def _end(problems: list[str]) -> None:
    """Where an arm or the model is broken, say so and end with the status that says so."""
    for problem in problems:
        stderr.print(f"! no verdict: {problem}", markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(NO_VERDICT)


def _print_estimate(numbers: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(numbers))  # noqa: T201
        return
    for name, value in numbers.items():
        if name == "answers":
            continue
        shown = f"{value:,.0f}" if isinstance(value, int | float) else value
        typer.echo(f"{name.replace('_', ' '):28} {shown}")


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


def _other_commands() -> dict[str, Any]:
    return {entry.name: entry.load() for entry in metadata.entry_points(group="footfall.commands")}


def _mount() -> None:
    """Add the commands and groups of commands of this and other packages."""
    for name, command in _other_commands().items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name=name)(command)


def main() -> None:
    """Entry point of the ``footfall`` command."""
    try:
        status = _status()
    except KeyboardInterrupt:  # a second one, while the first was being told of
        status = _fail(_stopped("interrupted"), INTERRUPTED)
    _hear_no_more()
    sys.exit(status)


def _status() -> int:
    """Run the command of the command line, tell how it failed, and return the exit status."""
    try:
        with terminable():
            _mount()
            group: Any = typer.main.get_command(app)
            status = group.main(standalone_mode=False, prog_name="footfall")
        if status == INTERRUPTED:  # what typer makes of Ctrl-C, without a word
            status = _fail(_stopped("interrupted"), INTERRUPTED)
    except FootfallError as error:
        status = _fail(str(error), error.exit_status)
    except _UsageError as error:
        status = _fail(_usage(error), 2)
    except Terminated as end:
        status = _fail(_stopped("terminated"), int(str(end.code)))
    except (KeyboardInterrupt, typer.Abort):
        status = _fail(_stopped("interrupted"), INTERRUPTED)
    except MemoryError:
        status = _fail("out of memory; free some, then go on with --resume", 1)
    except BrokenPipeError:
        # The reader of our output went away (``| head``): nothing is left to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    return status if isinstance(status, int) else 0


def _hear_no_more() -> None:
    """All is said: a Ctrl-C that comes now would make Python put words of its own behind it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _stopped(how: str) -> str:
    """How the command ended, and the way to go on where there is one."""
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return how + (_GO_ON if command in _RESUMABLE else "")


def _usage(error: Any) -> str:
    group: Any = typer.main.get_command(app)
    commands = list(group.commands)
    message = str(error.format_message())
    if message.startswith("No such command"):
        wrong = message.split("'")[1]
        return f'no command "{wrong}"; {did_you_mean(wrong, commands)}'
    return message


def _fail(message: str, status: int) -> int:
    _hear_no_more()
    stderr.print(f"footfall: {' '.join(message.split())}", markup=False, soft_wrap=True)
    return status
