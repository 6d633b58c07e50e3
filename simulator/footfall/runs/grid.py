"""Several runs from one scenario: several seeds, or every combination of a grid of values.

DIR/grid.json         the runs, what is set in each, and which differ in the seed only
DIR/seed=1/ ...       a run folder each
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from footfall.errors import ScenarioError, did_you_mean
from footfall.options import Announce, Options
from footfall.plumbing.files import write_json
from footfall.run_folder import manifest
from footfall.run_folder.layout import GRID, MANIFEST, STORE
from footfall.scenario.scenario import Scenario, parse_scenario

MOST_RUNS = 200
"""More are refused: such a grid is a slip of the pen more often than a plan."""


@dataclass(frozen=True)
class GridCell:
    """One run of a grid."""

    name: str
    """Of its folder."""
    settings: dict[str, Any]
    """Key of the scenario -> value."""
    scenario: Scenario


def is_grid(scenario: Scenario, seeds: Sequence[int]) -> bool:
    """Whether this is more than one run."""
    return bool(scenario.grid) or len(seeds) > 0


def cells(scenario: Scenario, seeds: Sequence[int] = ()) -> list[GridCell]:
    """Every combination of the grid's values and the seeds, the last key moving fastest.

    Raises:
        ScenarioError: A key does not exist, has no values, or there are too many runs.
    """
    axes = {**scenario.grid, **({"seed": tuple(seeds)} if seeds else {})}
    total = 1
    for key, values in axes.items():
        if not values:
            raise ScenarioError(f'grid: "{key}" has no values')
        if len(set(map(repr, values))) < len(values):
            raise ScenarioError(f'grid: "{key}" has a value twice')
        total *= len(values)
    if total > MOST_RUNS:
        raise ScenarioError(f"grid: {total} runs; the most are {MOST_RUNS}")
    plain = scenario.model_dump(mode="json", exclude_unset=True)
    plain.pop("grid", None)
    found = []
    for values in itertools.product(*axes.values()):
        settings = dict(zip(axes, values, strict=True))
        name = ",".join(f"{key.split('.')[-1]}={_word(v)}" for key, v in settings.items())
        found.append(GridCell(name, settings, _with(plain, settings)))
    names = [cell.name for cell in found]
    if len(set(names)) < len(names):
        found = [GridCell(f"{n:03d}", cell.settings, cell.scenario) for n, cell in enumerate(found)]
    return found


def write_plan(found: Sequence[GridCell], out: Path) -> None:
    """Write ``grid.json``, which says which folder holds which run."""
    plan = {"runs": [{"folder": cell.name, "settings": cell.settings} for cell in found]}
    write_json(out / GRID, plan)


def play(
    found: Sequence[GridCell],
    options: Options,
    simulate: Callable[[Scenario, Options], object],
    announce: Announce,
) -> None:
    """Run every cell into a folder of its own; they share one store of model answers.

    With ``options.resume`` finished runs of the same scenario are left as they are.
    """
    write_plan(found, options.out)
    store = options.store or options.out / STORE
    for number, cell in enumerate(found, 1):
        out = options.out / cell.name
        started = (out / MANIFEST).exists()
        if options.resume and started and _finished(out, cell.scenario):
            announce(f"run {number} of {len(found)}: {cell.name} is finished")
            continue
        announce(f"run {number} of {len(found)}: {cell.name}")
        simulate(
            cell.scenario, replace(options, out=out, store=store, resume=options.resume and started)
        )


def _finished(out: Path, scenario: Scenario) -> bool:
    if scenario.levels is not None:  # two runs, and only the first of them is looked at here
        return False
    record = manifest.read(out)
    done = record["status"] in {"finished", "stopped early"}
    return done and record["recorded"]["hashes"]["scenario"] == scenario.digest()


def _with(plain: Mapping[str, Any], settings: Mapping[str, Any]) -> Scenario:
    raw = json.loads(json.dumps(plain))
    for key, value in settings.items():
        _put(raw, key, value)
    label = ", ".join(f"{key} {value}" for key, value in settings.items())
    return parse_scenario(raw, f"grid ({label})")


def _put(raw: Any, key: str, value: Any) -> None:
    """Set a value deep in a scenario; arms are found by their names, other lists by number."""
    *way, last = key.split(".")
    here = raw
    for step in way:
        if isinstance(here, list):
            here = _member(here, step, key)
        else:
            if not isinstance(here.setdefault(step, {}), dict | list):
                raise ScenarioError(f'grid: "{key}": "{step}" holds no further keys')
            here = here[step]
    if isinstance(here, list):
        raise ScenarioError(f'grid: "{key}" must name a key, not a member of a list')
    here[last] = value


def _member(members: list[Any], step: str, key: str) -> Any:
    by_name = {str(one.get("name", n)): one for n, one in enumerate(members)}
    if step not in by_name:
        raise ScenarioError(f'grid: "{key}": no "{step}"; {did_you_mean(step, by_name)}')
    return by_name[step]


def _word(value: Any) -> str:
    """A value as part of a folder's name."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return "".join(c if c.isalnum() or c in "._-+" else "_" for c in text)[:40]
