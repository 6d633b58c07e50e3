"""A run of two levels: everybody by a surrogate, and some of them by the language model as well.

The folder of the run is that of the surrogate's users; in it, ``asked`` is a run folder of its own,
of the users who were asked too. Both have the same population, arms, days and luck, so the
evaluator can put them together (``footfall_eval.statistics.two_levels``). Whom to ask is drawn
when everybody has been played by the surrogate (``whom.parquet``): more often those whose answers
may change what happens.

Where there is no surrogate yet, a pilot comes first: ``pilot`` is a run of few users by the model.
Most of them teach the surrogate; how truly it plays the others (``pilot/crowd``) says how many to
ask (``footfall.runs.pilot_hook``). All of it is kept, so a run that was killed goes on where it
was, and decides nothing twice.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from footfall.choice.specs import ChoiceSpec
from footfall.errors import UserError, one_line
from footfall.options import Options, Watch
from footfall.plumbing.files import write_json
from footfall.plumbing.json_files import read_object
from footfall.run_folder.layout import (
    ASKED,
    CROWD,
    LEVELS,
    MANIFEST,
    PILOT,
    STORE,
    TAUGHT,
    WHOM,
)
from footfall.run_folder.log import DAMAGES
from footfall.runs.pilot_hook import installed_pilot_study
from footfall.runs.run import run
from footfall.runs.stop_hook import installed_stop_early
from footfall.scenario.scenario import Scenario
from footfall.surrogate.folder import CARD, read_card


@dataclass(frozen=True)
class Shares:
    """Who is played how often by whom."""

    surrogate: str
    """Folder, relative to the scenario's."""
    asked: float
    """Questions to the model, in users of average questions."""
    times: int = 1
    """How often the surrogate plays each user, with luck of its own."""


def run_scenario(
    scenario: Scenario, options: Options, watch: Watch | None = None
) -> dict[str, Any]:
    """Simulate ``scenario`` into ``options.out``, on two levels where it says so.

    Returns:
        The manifest of the folder.

    Raises:
        UserError: The scenario, its data, its surrogate or the folder cannot be used, or two
            levels do not pay.
        RunError: Something failed on the way; the run can be resumed.
    """
    if scenario.levels is None:
        return run(scenario, options, watch)
    watch = watch or Watch()
    if scenario.levels.distils:
        shares = _shares_by_a_pilot(scenario, options, watch)
    else:
        asked = scenario.levels.asked * scenario.population.users
        shares = Shares(scenario.levels.surrogate, asked)
    taught_otherwise(scenario, read_card(options.base / shares.surrogate))
    return _play(scenario, shares, options, watch)


def _play(scenario: Scenario, shares: Shares, options: Options, watch: Watch) -> dict[str, Any]:
    """Both levels; where a run may stop early, it is the costly one that stops."""
    crowd = crowd_of(scenario, shares)
    times = "" if shares.times == 1 else f", {shares.times} times each"
    watch.announce(f"level 1 of 2: everybody{times}, by the surrogate")
    if options.overwrite:
        (options.out / WHOM).unlink(missing_ok=True)
    record = run(crowd, options, replace(watch, enough=lambda _: ""))
    users = _whom(shares, options, watch)
    watch.announce(f"level 2 of 2: {len(users):,} of them, by {scenario.model.name}")
    if scenario.stop_early is not None:
        enough = watch.enough or installed_stop_early()
        watch = replace(watch, enough=lambda _: enough(options.out))
    run(asked_of(scenario, users), _inside(options, ASKED), watch)
    return record


def _whom(shares: Shares, options: Options, watch: Watch) -> tuple[str, ...]:
    """Draw whom to ask; once.

    Raises:
        UserError: What was drawn cannot be read.
    """
    path = options.out / WHOM
    if not path.exists():
        taught = options.base / shares.surrogate
        watch.announce(installed_pilot_study().draw(options.out, taught, shares.asked, path))
    try:
        drawn = pd.read_parquet(path, columns=["user", "asked"])
    except DAMAGES as error:
        raise UserError(
            f"{path}: cannot be read ({one_line(error, 200)}); remove it and the folder "
            f"{ASKED!r}, and it is drawn again"
        ) from None
    return tuple(map(str, drawn.loc[drawn["asked"], "user"]))


def crowd_of(scenario: Scenario, shares: Shares) -> Scenario:
    """The scenario of everybody, by the surrogate."""
    patience = scenario.choice.max_unanswered
    surrogate = ChoiceSpec(
        mode="surrogate", path=shares.surrogate, max_unanswered=patience, strangers="guess"
    )
    people = scenario.population
    many = people if shares.times == 1 else people.model_copy(update={"copies": shares.times})
    return scenario.model_copy(update={"choice": surrogate, "population": many})


def asked_of(scenario: Scenario, played: float | tuple[str, ...]) -> Scenario:
    """The scenario of the users asked: a share of all, or who."""
    some = scenario.population.model_copy(update={"played": played})
    return scenario.model_copy(update={"levels": None, "population": some})


def _shares_by_a_pilot(scenario: Scenario, options: Options, watch: Watch) -> Shares:
    """Distil from a pilot, and let it say how to share out the questions; once.

    Raises:
        UserError: Two levels do not pay.
    """
    assert scenario.levels is not None, "there are two levels"
    users, few, plan = scenario.population.users, scenario.levels.pilot, options.out / LEVELS
    if few >= scenario.levels.asked * users:
        raise UserError(
            f"levels: a pilot of {few} users is more than {scenario.levels.asked:.0%} of {users:,} "
            "users; take more users, a larger levels.asked, or a surrogate of your own: footfall "
            "distill"
        )
    small = options.out / TAUGHT
    if options.overwrite:
        shutil.rmtree(options.out / PILOT, ignore_errors=True)
        shutil.rmtree(small, ignore_errors=True)
        plan.unlink(missing_ok=True)
    elif not options.resume and (options.out / PILOT).exists():
        raise UserError(
            f"{options.out} already holds a run; choose another --out, or pass --overwrite or "
            "--resume"
        )
    if not plan.exists():
        write_json(plan, play_pilot(scenario, options, watch))
    found = _plan(plan, scenario)
    watch.announce(str(found["why"]))
    if not found["pays"]:
        raise UserError(str(found["why"]))
    folder = os.path.relpath(small, options.base)
    return Shares(folder, found["asked"], found["times"])


def _plan(path: Path, scenario: Scenario) -> dict[str, Any]:
    """What the pilot of this very scenario chose.

    Raises:
        UserError: The file cannot be read, or the pilot was another scenario's.
    """
    try:
        found = read_object(path)
        begun, why, pays = found["begun with"], found["why"], found["pays"]
        numbers = int(found["asked"]) - len(found["users"]), int(found["times"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = one_line(error, 200)
        raise UserError(
            f"{path}: cannot be read ({reason}); remove it, and the pilot is measured again"
        ) from None
    if begun != _begun_with(scenario):
        raise UserError(
            f"{path}: was begun with {begun}, and not with {_begun_with(scenario)}; choose "
            "another --out, or undo the change"
        )
    return {"why": why, "pays": pays, "asked": numbers[0], "times": numbers[1]}


def _begun_with(scenario: Scenario) -> dict[str, Any]:
    assert scenario.levels is not None, "there are two levels"
    return {**scenario.levels.model_dump(mode="json"), "users": scenario.population.users}


def play_pilot(scenario: Scenario, options: Options, watch: Watch) -> dict[str, Any]:
    """Play a few users by the model, distil, play them by the surrogate, and measure.

    Returns:
        What is to be done with the rest, as ``levels.json`` has it.
    """
    assert scenario.levels is not None, "there are two levels"
    study, few = installed_pilot_study(), scenario.levels.pilot
    folder = os.path.relpath(options.out / TAUGHT, options.base)
    alone = scenario.model_copy(update={"stop_early": None})
    asked = asked_of(alone, few / scenario.population.users)
    crowd = crowd_of(alone, Shares(folder, few))
    crowd = crowd.model_copy(update={"population": asked.population})
    by_model, by_surrogate = _inside(options, PILOT), _inside(options, f"{PILOT}/{CROWD}")
    watch.announce(f"pilot: {few} users, by {scenario.model.name}")
    run(asked, by_model, watch)
    if not (options.out / TAUGHT / CARD).exists():
        study.teach(by_model.out, options.out / TAUGHT, options.base, watch.announce)
    watch.announce("pilot: the same users, by the surrogate")
    run(crowd, by_surrogate, watch)
    found = study.share(
        by_surrogate.out, by_model.out, scenario.population.users, scenario.levels.asked
    )
    return {"begun with": _begun_with(scenario), **found}


def taught_otherwise(scenario: Scenario, card: dict[str, Any]) -> None:
    """Refuse a surrogate of another question: it repeats somebody else.

    Raises:
        UserError: The question or the model is another one.
    """
    teacher = card["teacher"]
    asked = scenario.choice.model_dump(mode="json")
    learned = teacher.get("choice") or {}
    if not card.get("taught"):
        raise UserError(
            "levels.surrogate: it does not say whose answers it learned from; distil it again"
        )
    for key in ("mode", "template", "history_events", "regulars", "item_last"):
        if learned.get(key) != asked.get(key):
            raise UserError(
                f"levels.surrogate: it was taught by choice.{key}: {learned.get(key)}, and the "
                f"scenario asks {asked.get(key)}; distil one from this scenario: footfall distill"
            )


def _inside(options: Options, name: str) -> Options:
    """The same, for a folder in the folder; it begins anew where it never began."""
    out = options.out / name
    begun = (out / MANIFEST).exists()
    # Outside of the folder, which goes when the run is replaced; its answers are kept.
    store = options.store or options.out / STORE
    return replace(options, out=out, resume=options.resume and begun, store=store)
