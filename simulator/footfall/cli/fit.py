"""``footfall fit``: coefficients from the scenario's own data, ready to be put into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
import yaml
from rich.console import Console
from rich.table import Table

from footfall.cli.fit_pages import show_pages
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Split
from footfall.datasets.sources import load
from footfall.datasets.split import split
from footfall.errors import DataError, UserError, did_you_mean
from footfall.fitting.fitted import FittedBehaviour
from footfall.fitting.ground import lay
from footfall.fitting.habits import fit_habits
from footfall.fitting.pages.of_split import SETTLED_ON, TESTED, fit_users
from footfall.fitting.sets import build, protocols
from footfall.fitting.takings import fit_takers
from footfall.plumbing.files import write_text
from footfall.plumbing.stderr import stderr
from footfall.plumbing.yaml_files import folder_of
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import Scenario

SPARED_USERS = 300
"""Users that are left for `footfall validate` to test, of those who are active after the split."""

SETS_A_USER = 20

PAGES = "pages"
"""The protocol of logs that tell what was shown."""


def fit(
    scenario: Annotated[str, typer.Argument(help="A YAML file, or a shipped scenario's name.")],
    out: Annotated[Path, typer.Option(help="YAML file to write.")] = Path("behaviour.yaml"),
    by: Annotated[
        str | None, typer.Option(help="Profile column whose values get coefficients of their own.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="Choices to fit: pages, catalogue, displayed, shelf, ... Default: the best."
        ),
    ] = None,
    tested: Annotated[
        float,
        typer.Option(
            help="Share of the users that `footfall validate` tests and this does not fit, "
            "at most a third; where the log has pages."
        ),
    ] = TESTED,
    settle_on: Annotated[
        int,
        typer.Option(
            min=0,
            help="Impressions of whole users that what the log's pages are like is settled on; "
            "0: all. Coefficients, users and items are fitted to all in any case.",
        ),
    ] = SETTLED_ON,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Fit behaviour to the scenario's real choices before the split; use it as `behaviour: FILE`.

    A log that tells what was shown is fitted page by page: each user gets numbers of their own,
    which go into a file beside the YAML (.npz). The tested users' choices are not fitted.

    Examples:
        footfall fit shop.yaml --out behaviour.yaml
        footfall fit shop.yaml --protocol catalogue
    """
    read = read_scenario(scenario)
    base = folder_of(scenario)
    histories = _halves(read, base) if protocol in {None, PAGES} else None
    if histories is not None and (protocol == PAGES or histories.remembered.has_pages):
        if by is not None:
            raise UserError("--by: users fitted to pages have numbers of their own already")
        _fit_pages(read, histories, out, (tested, settle_on), as_json=as_json)
        return
    fitted = fit_scenario(scenario, by, protocol)
    written = fitted.spec.model_dump(mode="json")
    write_text(out, yaml.safe_dump(written, sort_keys=False))
    if as_json:
        typer.echo(json.dumps(fitted.model_dump(mode="json")))
        return
    _show(fitted)
    typer.echo(f"written to {out}; in the scenario: `behaviour: {out.name}`")


def _halves(scenario: Scenario, base: Path) -> Split:
    stderr.say(f"reading {scenario.data.kind}")
    return split(load(scenario.data, base, stderr.say), scenario.split)


def _fit_pages(
    scenario: Scenario, histories: Split, out: Path, asked: tuple[float, int], *, as_json: bool
) -> None:
    """Fit users to pages, write them, and say what came out."""
    catalogue = Catalogue.from_items(histories.remembered.items, histories.remembered.currency)
    tested, settled_on = asked
    fitted = fit_users(
        histories,
        catalogue,
        seed=scenario.seed,
        tested=tested,
        settled_on=settled_on,
        announce=stderr.say,
    )
    people = out.with_suffix(".npz")
    behaviour = fitted.save(people)
    text = yaml.safe_dump(behaviour.model_dump(mode="json"), sort_keys=False)
    write_text(out, text)
    if as_json:
        typer.echo(json.dumps(fitted.report.model_dump(mode="json")))
        return
    show_pages(fitted.report, Console(width=90))
    typer.echo(f"written to {out} and {people}; in the scenario: `behaviour: {out.name}`")


def fit_scenario(name: str, by: str | None = None, protocol: str | None = None) -> FittedBehaviour:
    """Fit one protocol, by default the strongest that the data allows, without the language model.

    Args:
        name: A YAML file, or a shipped scenario's name.
        by: A profile column, each of whose values gets coefficients of its own.
        protocol: Which real choices to fit; None: the strongest.

    Raises:
        UserError: The scenario, its data or the protocol cannot be used.
    """
    scenario = read_scenario(name)
    ground = lay(scenario, folder_of(name), users=SPARED_USERS, announce=stderr.say)
    choices = build(ground, protocol or protocols(ground.dataset)[0], per_user=SETS_A_USER)
    stage, later = ground.stages.fit, ground.stages.calibrate
    habits = fit_habits(stage.memory[stage.memory["time"] < stage.at], stage.at)
    segments, theirs = (
        None if by is None else _segments(ground.dataset.users, by, part.users)
        for part in (stage, later)
    )
    return fit_takers(
        ground,
        choices,
        ground.known_before(),
        habits.habits,
        habits_assumed=habits.assumed,
        segments=(segments, theirs),
        segments_by=by,
    )


def _segments(profiles: pd.DataFrame, by: str, users: Sequence[str]) -> npt.NDArray[np.object_]:
    """[n_users] the value of a profile column; "unknown" where there is none."""
    column = by.replace(" ", "_")
    known = [str(name) for name in profiles.columns if name != "user"]
    if column not in known:
        raise DataError(f'--by: no profile column "{by}"; {did_you_mean(column, known)}')
    values = profiles.set_index("user")[column].reindex(list(users)).astype(object)
    return np.asarray(values.where(values.notna(), "unknown").astype(str), dtype=object)


def _show(fitted: FittedBehaviour) -> None:
    """Coefficients with standard errors, and what was assumed."""
    table = Table("term", "fitted", "std. error", box=None, width=60)
    for name, value in fitted.coefficients.items():
        table.add_row(name, f"{value:+.3f}", f"{fitted.standard_errors[name]:.3f}")
    console = Console(width=80)
    console.print(f"{fitted.slates} slates ({fitted.protocol}) of {fitted.users} users")
    console.print(table)
    if fitted.spec.spread:
        differ = ", ".join(f"{name} {value:.2f}" for name, value in fitted.spec.spread.items())
        console.print(f"standard deviation between users: {differ}", highlight=False)
    if fitted.several:
        said = "several" if fitted.spec.habits.picks == "many" else "one"
        console.print(
            f"several items were taken from {fitted.several:.1%} of the slates with a choice, so "
            f"users take {said} of a page",
            highlight=False,
        )
    for name, why in fitted.assumed.items():
        console.print(f"assumed: {name}: {why}", highlight=False)
