"""The command line. Answers go to stdout, everything else to stderr.

Exit status: 0 done, 1 the run failed, 2 the user's input is wrong (one line, no traceback),
130 interrupted. Other packages add commands through the entry point group
``footfall.commands``; each names a function, which becomes a command of that name.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from footfall.errors import FootfallError, did_you_mean
from footfall.options import Options, Watch
from footfall.progress import simulating
from footfall.scenario import Scenario, folder_of, read_scenario

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

stderr = Console(stderr=True, highlight=False)

ScenarioName = Annotated[str, typer.Argument(help="A YAML file, or a shipped scenario's name.")]
Out = Annotated[Path, typer.Option(help="Folder for what the run leaves behind.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Replaces the scenario's seed.")]
Workers = Annotated[int, typer.Option(min=1, max=256, help="World processes.")]
Store = Annotated[Path | None, typer.Option(help="Store of model answers, shared between runs.")]
Server = Annotated[str | None, typer.Option(help="URL of a running vLLM server.")]
ModelName = Annotated[str | None, typer.Option("--model", help="Replaces the scenario's model.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


@app.command()
def run(
    scenario: ScenarioName,
    out: Out,
    seed: Seed = None,
    workers: Workers = 1,
    store: Store = None,
    model: ModelName = None,
    server: Server = None,
    resume: Annotated[bool, typer.Option(help="Go on with a run that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace the run in --out.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what it would take; ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Simulate a scenario into a folder."""
    resolved = _scenario(scenario, seed, model, server)
    base = folder_of(scenario)
    if dry_run:
        from footfall.estimate import estimate  # noqa: PLC0415 - loads tokenizers

        _print_estimate(estimate(resolved, base, stderr.print).as_dict(), as_json)
        return
    options = Options(out, base, workers, store, resume=resume, overwrite=overwrite)
    record = _simulate(resolved, options)
    if as_json:
        print(json.dumps(record, default=str))  # noqa: T201
    else:
        stderr.print(_where_the_time_went(record))
        stderr.print(f"done: {out} - compare with: footfall compare {out}")


@app.command()
def demo(
    out: Out = Path("runs/demo"),
    workers: Workers = 1,
    store: Store = None,
) -> None:
    """The embedded example: real histories in, an A/B answer out."""
    record = _simulate(
        read_scenario("demo"), Options(out, workers=workers, store=store, overwrite=True)
    )
    commands = _other_commands()
    commands["report"](run=out)
    commands["compare"](runs=[out])
    stderr.print(_where_the_time_went(record))
    typer.echo(f"report: {out / 'report.html'}")


@app.command()
def serve(
    model: Annotated[str, typer.Option(help="Hub name, folder, or embedded.")] = "embedded",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the clients' key.")
    ] = None,
) -> None:
    """Serve a model with vLLM and the settings that Footfall needs."""
    from footfall.llm.serve import serve as serve_model  # noqa: PLC0415 - loads vLLM's checks
    from footfall.llm.specs import ModelSpec  # noqa: PLC0415 - likewise

    serve_model(
        ModelSpec(name=model), host=host, port=port, api_key_env=api_key_env, announce=stderr.print
    )


def _scenario(name: str, seed: int | None, model: str | None, server: str | None) -> Scenario:
    overrides: dict[str, Any] = {} if seed is None else {"seed": seed}
    resolved = read_scenario(name, overrides)
    if model is None and server is None:
        return resolved
    changes = {"name": model, "server": server}
    merged = resolved.model.model_dump(mode="json")
    merged.update({key: value for key, value in changes.items() if value is not None})
    return read_scenario(name, {**overrides, "model": merged})


def _simulate(scenario: Scenario, options: Options) -> dict[str, Any]:
    from footfall.run import run as simulate  # noqa: PLC0415 - loads the libraries of a run

    with simulating(stderr) as begin:
        return simulate(scenario, options, Watch(stderr.print, begin))


def _print_estimate(numbers: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(numbers))  # noqa: T201
        return
    for name, value in numbers.items():
        shown = f"{value:,.0f}" if isinstance(value, int | float) else value
        typer.echo(f"{name.replace('_', ' '):28} {shown}")


def _where_the_time_went(record: dict[str, Any]) -> str:
    """One line: how long the simulation took, and how much of it outside the engine."""
    timings = record["timings"]
    started, engine = timings["engine_start"], timings["engine"]
    seconds = timings["simulating"] - started
    if record["model"]["name"] == "fake":
        return f"simulated in {seconds:.1f} s with the fake model: a test of the plumbing only"
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
    # A polite kill is an interruption: the store closes, and the run can be resumed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _mount()
    group: Any = typer.main.get_command(app)
    try:
        status = group.main(standalone_mode=False, prog_name="footfall")
    except FootfallError as error:
        status = _fail(str(error), error.exit_status)
    except _UsageError as error:
        status = _fail(_usage(error, list(group.commands)), 2)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (``| head``): nothing is left to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    if status == INTERRUPTED:
        _fail("interrupted; go on with the same command and --resume", INTERRUPTED)
    sys.exit(status if isinstance(status, int) else 0)


def _usage(error: Any, commands: list[str]) -> str:
    message = str(error.format_message())
    if message.startswith("No such command"):
        wrong = message.split("'")[1]
        return f'no command "{wrong}"; {did_you_mean(wrong, commands)}'
    return message


def _fail(message: str, status: int) -> int:
    stderr.print(f"footfall: {' '.join(message.split())}", markup=False, soft_wrap=True)
    return status
