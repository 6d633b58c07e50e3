"""``footfall fit``: coefficients from the scenario's own data, ready to be put into it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from footfall.fitting.fitted import FittedBehaviour
from footfall.scenario import folder_of, read_scenario

SPARED_USERS = 300
"""Users that are left for `footfall validate` to test, of those who are active after the split."""

SETS_A_USER = 20

stderr = Console(stderr=True, highlight=False)


def fit(
    scenario: Annotated[str, typer.Argument(help="A YAML file, or a shipped scenario's name.")],
    out: Annotated[Path, typer.Option(help="YAML file to write.")] = Path("behaviour.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Fit behaviour to the scenario's real choices before the split; use it as `behaviour: FILE`.

    The fitted users are neither tested by `footfall validate` nor seen by the recommenders.
    """
    fitted = fit_scenario(scenario)
    written = fitted.spec.model_dump(mode="json")
    out.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(fitted.model_dump(mode="json")))
        return
    _show(fitted)
    typer.echo(f"written to {out}; in the scenario: `behaviour: {out.name}`")


def fit_scenario(name: str) -> FittedBehaviour:
    """Fit the strongest protocol that the scenario's data allows, without the language model.

    Raises:
        UserError: The scenario or its data cannot be used.
    """
    # Loads the libraries that a typing mistake should not wait for.
    from footfall.fitting.fitted import fit_behaviour  # noqa: PLC0415
    from footfall.fitting.habits import fit_habits  # noqa: PLC0415
    from footfall.validation.ground import lay  # noqa: PLC0415
    from footfall.validation.sets import build, protocols  # noqa: PLC0415

    scenario = read_scenario(name)
    ground = lay(scenario, folder_of(name), users=SPARED_USERS, announce=stderr.print)
    protocol = protocols(ground.dataset)[0]
    sets = build(ground, protocol, per_user=SETS_A_USER).fit
    stage = ground.stages.fit
    habits = fit_habits(stage.memory[stage.memory["time"] < stage.at], stage.at)
    actions = set(ground.dataset.interactions["action"])
    return fit_behaviour(
        sets,
        ground.known(stage).features,
        choices="clicks" if "click" in actions else "purchases",
        habits=habits.habits,
        habits_assumed=habits.assumed,
    )


def _show(fitted: FittedBehaviour) -> None:
    """Coefficients with standard errors, and what was assumed."""
    table = Table("term", "fitted", "std. error", box=None, width=60)
    for name, value in fitted.coefficients.items():
        table.add_row(name, f"{value:+.3f}", f"{fitted.standard_errors[name]:.3f}")
    console = Console(width=80)
    console.print(f"{fitted.slates} slates ({fitted.protocol}) of {fitted.users} users")
    console.print(table)
    for name, why in fitted.assumed.items():
        console.print(f"assumed: {name}: {why}", highlight=False)
