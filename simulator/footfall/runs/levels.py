"""A run of two levels: everybody by a surrogate, and some of them by the language model as well.

The folder of the run is that of the surrogate's users; in it, ``asked`` is a run folder of its own,
of the users who were asked too. Both have the same population, arms, days and luck, so the
evaluator can put them together (``footfall_eval.statistics.two_levels``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from footfall.choice.specs import ChoiceSpec
from footfall.errors import UserError
from footfall.options import Options, Watch
from footfall.run_folder.layout import ASKED, MANIFEST, STORE
from footfall.runs.run import run
from footfall.scenario.scenario import Scenario
from footfall.surrogate.folder import read_card


def run_scenario(
    scenario: Scenario, options: Options, watch: Watch | None = None
) -> dict[str, Any]:
    """Simulate ``scenario`` into ``options.out``, on two levels where it says so.

    Returns:
        The manifest of the folder.

    Raises:
        UserError: The scenario, its data, its surrogate or the folder cannot be used.
        RunError: Something failed on the way; the run can be resumed.
    """
    if scenario.levels is None:
        return run(scenario, options, watch)
    watch = watch or Watch()
    crowd, asked = levels_of(scenario)
    card = read_card(options.base / scenario.levels.surrogate)
    taught_otherwise(scenario, card)
    watch.announce("level 1 of 2: everybody, by the surrogate")
    record = run(crowd, options, watch)
    share = f"{scenario.levels.asked:.0%} of them"
    watch.announce(f"level 2 of 2: {share}, by {scenario.model.name}")
    run(asked, _inside(options), watch)
    return record


def levels_of(scenario: Scenario) -> tuple[Scenario, Scenario]:
    """The scenario of everybody, and that of the users asked."""
    assert scenario.levels is not None, "there are two levels"
    patience = scenario.choice.max_unanswered
    surrogate = ChoiceSpec(
        mode="surrogate", path=scenario.levels.surrogate, max_unanswered=patience
    )
    some = scenario.population.model_copy(update={"played": scenario.levels.asked})
    return (
        scenario.model_copy(update={"choice": surrogate}),
        scenario.model_copy(update={"levels": None, "population": some}),
    )


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


def _inside(options: Options) -> Options:
    """The same, for the folder in the folder; it begins anew where it never began."""
    out = options.out / ASKED
    begun = (out / MANIFEST).exists()
    # Outside of the folder, which goes when the run is replaced; its answers are kept.
    store = options.store or options.out / STORE
    return replace(options, out=out, resume=options.resume and begun, store=store)
