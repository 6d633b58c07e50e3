"""``footfall past-test``: an A/B test that lies in a log, made ready to be foreseen (block H).

A log whose rows name the policy that showed them is a real test of two recommenders. Its later part
says what the lift was. What each policy showed before that is its arm: a table of slates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import typer
import yaml
from pydantic import TypeAdapter, ValidationError

from footfall.datasets.schema import Dataset
from footfall.datasets.sources import DataSource, load
from footfall.datasets.split import SplitSpec, split
from footfall.errors import DataError, UserError, did_you_mean
from footfall.plumbing.files import filling, write_text
from footfall.plumbing.spec import fault
from footfall.plumbing.yaml_files import parse_mapping

SHARE = 0.7
"""Of the rows, in time order: what users remember and arms show. The rest says how they did."""

DEPTH = 30
"""Items of a user's slates: some pages."""

NORMAL = 1.959964
"""Standard errors on either side of a 95% interval."""

Unit = Literal["user", "page"]


@dataclass(frozen=True)
class Recipe:
    """A public log with two policies in it."""

    data: Mapping[str, str]
    """As in a scenario, without the path."""
    control: str
    treatment: str
    unit: Unit
    """What was assigned by lot, and is independent of the others."""
    slate: int
    """Items of a page there."""


RECIPES = {
    # The log names no people, and the policy was drawn anew for each request.
    "open-bandit": Recipe({"kind": "open-bandit"}, "random", "bts", "page", 3),
    "kuairand": Recipe({"kind": "kuairand"}, "standard", "random", "user", 6),
}


@dataclass(frozen=True)
class RealLift:
    """What the treatment's click-through rate is more than the control's: 0.1 is 10%."""

    value: float
    low: float
    high: float
    units: dict[str, int] = field(default_factory=dict)
    """Users or pages of each arm."""


def past_test(
    data: Annotated[
        str, typer.Argument(help=f"{', '.join(RECIPES)}, or a YAML file with a key `data`.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for scenario, slates and the real lift.")],
    path: Annotated[Path | None, typer.Option(help="Where your copy of the data set lies.")] = None,
    control: Annotated[str | None, typer.Option(help="Name in the log's column `arm`.")] = None,
    treatment: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    users: Annotated[int, typer.Option(min=20, help="Simulated users.")] = 500,
) -> None:
    """Make a scenario and a line of past tests of two policies that one log holds.

    Examples:
        footfall past-test open-bandit --path open_bandit_dataset --out runs/zozo
        footfall past-test kuairand --path KuaiRand-Pure/data --out runs/kuai
    """
    recipe = _recipe(data, path, control, treatment)
    if out.exists():
        raise UserError(f"{out} is there already; choose another --out")
    base = Path.cwd() if data in RECIPES else Path(data).parent
    dataset = load(_source(recipe.data, data), base)
    lift = make(recipe, dataset, base, out, users)
    typer.echo(
        f"{recipe.treatment} against {recipe.control}: {lift.value:+.1%} clicks a view "
        f"({lift.low:+.1%} to {lift.high:+.1%}, 95% interval over {recipe.unit}s)"
    )
    typer.echo(
        f"foresee it: footfall validate {out / 'scenario.yaml'} --out {out / 'judged'} "
        f"--tests {out / 'tests.csv'}"
    )


def make(recipe: Recipe, dataset: Dataset, base: Path, out: Path, users: int) -> RealLift:
    """Write ``scenario.yaml``, both tables of slates and ``tests.csv`` into ``out``.

    Raises:
        DataError: The log does not name both arms, before and after the cut.
    """
    cut = split(dataset, SplitSpec(fraction=SHARE))
    rows = {"before": cut.remembered.interactions, "after": cut.held_out}
    arms = (recipe.control, recipe.treatment)
    for when, some in rows.items():
        known = set() if "arm" not in some else set(some["arm"].dropna()) - {""}
        for arm in arms:
            if arm not in known:
                where = f"{dataset.name}: no row {when} {cut.at:%Y-%m-%d %H:%M} names the arm"
                raise DataError(f'{where} "{arm}"; {did_you_mean(arm, sorted(known))}')
    lift = lift_of(rows["after"], recipe)
    test = {"control": arms[0], "treatment": arms[1], "lift": lift.value, "low": lift.low,
            "high": lift.high}  # fmt: skip
    with filling(out) as folder:
        for number, arm in enumerate(arms):
            slates_of(rows["before"], arm).to_csv(folder / _table(number), index=False)
        pd.DataFrame([test]).to_csv(folder / "tests.csv", index=False)
        written = yaml.safe_dump(_scenario(recipe, base, users), sort_keys=False)
        write_text(folder / "scenario.yaml", written)
    return lift


def lift_of(rows: pd.DataFrame, recipe: Recipe) -> RealLift:
    """The real lift of clicks a view, its interval over units by the delta method.

    Raises:
        DataError: An arm has no click.
    """
    rates: dict[str, float] = {}
    units: dict[str, int] = {}
    influences: list[pd.Series] = []
    for arm in (recipe.control, recipe.treatment):
        mine = rows[rows["arm"] == arm]
        shown, taken = mine["action"] == "view", mine["action"] == "click"
        counts = pd.DataFrame({"shown": shown, "taken": taken}).groupby(mine[recipe.unit]).sum()
        if not counts["taken"].any():
            raise DataError(
                f'the arm "{arm}" has no click after the cut, so there is no lift; cut earlier'
            )
        rates[arm] = float(counts["taken"].sum() / counts["shown"].sum())
        units[arm] = len(counts)
        part = (counts["taken"] - rates[arm] * counts["shown"]) / counts["taken"].sum()
        influences.append(part)
    # A unit that met both arms counts once, with what both gave.
    both = influences[1].sub(influences[0], fill_value=0.0)
    spread = float(np.sqrt((both**2).sum()))
    log = float(np.log(rates[recipe.treatment] / rates[recipe.control]))
    low, high = np.expm1(log - NORMAL * spread), np.expm1(log + NORMAL * spread)
    return RealLift(float(np.expm1(log)), float(low), float(high), units)


def slates_of(rows: pd.DataFrame, arm: str) -> pd.DataFrame:
    """What a policy showed each user, each item once, the last shown first; ``*`` for others."""
    shown = rows[(rows["arm"] == arm) & (rows["action"] == "view")]
    shown = shown.sort_values("time", ascending=False, kind="stable")
    everybody = shown.drop_duplicates("item").head(DEPTH).assign(user="*")
    mine = shown.drop_duplicates(["user", "item"]).groupby("user", sort=True).head(DEPTH)
    table = pd.concat([mine, everybody], ignore_index=True)[["user", "item"]]
    return table.assign(rank=table.groupby("user").cumcount() + 1)


def _scenario(recipe: Recipe, base: Path, users: int) -> dict[str, Any]:
    data = {name: str((base / value).resolve()) if name == "path" else value
            for name, value in recipe.data.items()}  # fmt: skip
    arms = [
        {"name": name, "recommender": {"kind": "table", "path": _table(number)}}
        for number, name in enumerate((recipe.control, recipe.treatment))
    ]
    return {
        "name": f"{recipe.treatment} against {recipe.control}",
        "data": data,
        "split": {"fraction": SHARE},
        "population": {"users": users},
        "model": {"name": "none"},
        "arms": arms,
        "world": {"days": 7, "slate": recipe.slate},
    }


def _table(number: int) -> str:
    return ("control.csv", "treatment.csv")[number]


def _recipe(data: str, path: Path | None, control: str | None, treatment: str | None) -> Recipe:
    """The recipe by its name, or one of the user's own.

    Raises:
        UserError: There is none, or something of it is not said.
    """
    known = RECIPES.get(data)
    if known is not None:
        if path is None:
            raise UserError(f"{data}: say with --path where your copy of it lies")
        return Recipe({**known.data, "path": str(path)}, control or known.control,
                      treatment or known.treatment, known.unit, known.slate)  # fmt: skip
    file = Path(data)
    if not file.is_file():
        raise UserError(f"{data}: neither a file nor a recipe; {did_you_mean(data, RECIPES)}")
    if control is None or treatment is None:
        raise UserError(f"{data}: name the log's two arms with --control and --treatment")
    found = parse_mapping(file.read_text(encoding="utf-8"), data, "data").get("data")
    if not isinstance(found, dict):
        raise UserError(f"{data}: has no key `data`, as scenarios have it")
    return Recipe(found, control, treatment, "user", 10)


def _source(data: Mapping[str, Any], where: str) -> Any:
    try:
        return TypeAdapter(DataSource).validate_python(dict(data))
    except ValidationError as error:
        raise UserError(f"{where}: {fault(error)}") from None
