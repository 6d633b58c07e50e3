"""``footfall sft-data`` and ``footfall finetune``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from footfall.errors import UserError
from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.scenario.reading import read_scenario
from footfall_lab.finetuning.lessons import LessonSpec
from footfall_lab.finetuning.specs import TrainSpec
from footfall_lab.finetuning.teach import teach, write_sft_data

ScenarioArgument = Annotated[
    str, typer.Argument(help="A YAML file, or a shipped scenario's name; its choice asks yes-no.")
]


def sft_data(
    scenario: ScenarioArgument,
    out: Annotated[Path, typer.Option(help="Folder for the lessons.")],
    protocols: Annotated[
        str, typer.Option(help='Choice sets, e.g. "matched" or "displayed,matched".')
    ] = "matched",
    windows: Annotated[int, typer.Option(min=1, help="Stretches of days to learn from.")] = 4,
    questions: Annotated[int, typer.Option(min=2, help="Behind one history at most.")] = 40,
    max_users: Annotated[int | None, typer.Option(min=1, help="Users of a window.")] = None,
    tested: Annotated[int, typer.Option(min=20, help="Users left for validation.")] = 300,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Write real choices before the split as prompts and answers, for `footfall finetune`.

    Tested users, and everything from the split on, are kept out.

    Examples:
        footfall sft-data shop.yaml --out lessons
        footfall sft-data shop.yaml --out lessons --max-users 200 --tested 50
    """
    spec = LessonSpec(
        protocols=tuple(part.strip() for part in protocols.split(",")),
        windows=windows,
        questions=questions,
        max_users=max_users,
        tested=tested,
        seed=seed,
    )
    about = write_sft_data(read_scenario(scenario), folder_of(scenario), spec, out, stderr.say)
    if as_json:
        typer.echo(json.dumps(about))
        return
    for part in ("train", "validate"):
        one = about[part]
        typer.echo(
            f"{part}: {one['lessons']:,} histories of {one['users']:,} users, "
            f"{one['questions']:,} questions, {one['tokens']:,} tokens"
        )
    typer.echo(f"written to {out}; next: footfall finetune {out} --out {out}-model")


def finetune(
    data: Annotated[Path, typer.Argument(help="Folder that `footfall sft-data` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the adapter, curves and checkpoints.")],
    steps: Annotated[int, typer.Option(min=1, help="Updates at most.")] = 400,
    lessons_a_step: Annotated[int, typer.Option(min=1, help="Histories in an update.")] = 4,
    learning_rate: Annotated[float, typer.Option(min=1e-7, max=1.0)] = 5e-4,
    rank: Annotated[int, typer.Option(min=1, max=256, help="Of the LoRA.")] = 8,
    first_layer: Annotated[int, typer.Option(min=0, help="Layers below stay frozen.")] = 0,
    evaluate_every: Annotated[int, typer.Option(min=1, help="Steps.")] = 40,
    validation_lessons: Annotated[int, typer.Option(min=1, help="Histories looked at.")] = 60,
    patience: Annotated[int, typer.Option(min=1, help="Looks without a better NLL.")] = 4,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    start: Annotated[
        str | None, typer.Option(help="An adapter to go on from: a folder or a shipped name.")
    ] = None,
    device: Annotated[str, typer.Option(help="cuda or cpu. Default: cuda if there is one.")] = "",
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Teach the model from real choices: LoRA on the answers only, watched on other users.

    Examples:
        footfall finetune lessons --out learned
        footfall finetune lessons --out learned --steps 2000 --resume
    """
    if device not in {"", "cpu", "cuda"}:
        raise UserError(f'--device "{device}": give cuda or cpu')
    spec = TrainSpec(
        rank=rank,
        alpha=2 * rank,
        first_layer=first_layer,
        learning_rate=learning_rate,
        steps=steps,
        lessons_a_step=lessons_a_step,
        evaluate_every=evaluate_every,
        patience=patience,
        validation_lessons=validation_lessons,
        seed=seed,
        start=start,
    )
    shown = "{task.completed:,.0f}/{task.total:,.0f} steps, NLL {task.fields[nll]:.3f}"
    with stderr.progress("training", shown) as tell:

        def on_step(step: int, nll: float) -> None:
            tell(step, steps, nll=nll)

        card = teach(
            data, out, spec, device=device, resume=resume, announce=stderr.say, on_step=on_step
        )
    if as_json:
        typer.echo(json.dumps(card))
    else:
        _show(card, out)


def _show(card: dict[str, Any], out: Path) -> None:
    best, before = card["best"], card["looks"][0]
    for name, label in (("nll", "NLL"), ("auc", "AUC"), ("auc_new", "AUC, new items")):
        after = "-" if math.isnan(best[name]) else f"{best[name]:.3f}"
        typer.echo(f"{label:<16}{before[name]:>8.3f} -> {after}")
    typer.echo(f"{'ECE':<16}{before['ece']:>8.3f} -> {best['ece']:.3f}")
    typer.echo(f"(validation users, {best['questions']:,} questions, step {best['step']})")
    if best["step"] == 0:
        typer.echo("training did not help: no adapter was written")
        return
    typer.echo(f"adapter: {out / 'adapter'}; curves: {out / 'curves.html'}")
    typer.echo(f"in the scenario: `model: {{name: {card['base']}, adapter: {out / 'adapter'}}}`")
