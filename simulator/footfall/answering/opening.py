"""Who answers, opened from a scenario: a choice model, or a stand-in for one."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from footfall.answering.stand_in import StandIn
from footfall.choice.ensemble import Ensemble
from footfall.choice.likelihood import open_likelihood
from footfall.choice.listwise import open_listwise
from footfall.choice.protocol import ChoiceModel
from footfall.choice.rating import open_rating
from footfall.choice.reasoned import open_reasoned
from footfall.choice.specs import GROUP, ChoiceSpec
from footfall.choice.yes_no import open_yes_no
from footfall.datasets.catalogue import Catalogue
from footfall.llm.devices import for_cuda
from footfall.llm.fake import FakeModel
from footfall.llm.nobody import NoModel
from footfall.llm.opening import open_model
from footfall.llm.protocol import LanguageModel
from footfall.llm.specs import ModelSpec
from footfall.memory.remembering import events_shown, remembering
from footfall.options import Announce
from footfall.plumbing import plugins
from footfall.scenario.scenario import Scenario
from footfall.surrogate.choice import open_surrogate
from footfall.surrogate.folder import read_card

OPENERS = {
    "likelihood": open_likelihood,
    "yes-no": open_yes_no,
    "listwise": open_listwise,
    "reasoned": open_reasoned,
    "rating": open_rating,
}
"""Modes in which a language model is asked."""


def open_choice(
    spec: ChoiceSpec, model: LanguageModel, catalogue: Catalogue, *, base: Path | None = None
) -> ChoiceModel:
    """Make a choice model that asks ``model`` about items of ``catalogue``.

    Args:
        spec: The mode and its options.
        model: Who is asked.
        catalogue: Titles, categories and prices.
        base: Folder that the template's path is relative to; None: the working folder.

    Raises:
        TemplateError: The template is wrong.
        ModelError: The model cannot be asked in this mode.
    """
    if spec.ensemble is not None:
        members = [open_choice(one, model, catalogue, base=base) for one in spec.ensemble.of]
        return Ensemble(members, spec.ensemble)
    if spec.mode == "surrogate":
        return open_surrogate(spec, catalogue, base or Path())
    base = base or Path()
    opener = OPENERS.get(spec.mode) or plugins.load(GROUP, spec.mode)
    if spec.memory is None:
        return cast("ChoiceModel", opener(spec, model, catalogue, base))
    shown = spec.model_copy(update={"history_events": events_shown(spec.memory)})
    inner = opener(shown, model, catalogue, base)
    return remembering(inner, spec.memory, spec, model, catalogue, base)


def pages_at_once(model: ModelSpec, choice: ChoiceSpec) -> int:
    """As many pages a batch as keep the engine busy while the next are put into words.

    An H100 answers 128 pages of ten items in half a second (``docs/speed.md``); asked for
    512 at once it stood still for the 0.4 s that these took to be written and read.
    """
    if model.name == "fake" or choice.mode == "surrogate":
        return 4096
    if model.server is not None:
        return 1024
    return 128 if for_cuda() else 64


def open_answering(scenario: Scenario, base: Path, announce: Announce) -> LanguageModel:
    """The scenario's language model, or the stand-in for it where a surrogate answers.

    Raises:
        ModelError: See ``footfall.llm.opening.open_model``; or there is no surrogate.
    """
    if not by_surrogates(scenario.choice):
        return open_model(scenario.model, announce=announce)
    path = _members(scenario.choice)[0].path
    assert path is not None, "checked by ChoiceSpec"
    return StandIn(read_card(base / path), path)


def by_surrogates(choice: ChoiceSpec) -> bool:
    """Whether surrogates answer alone, and no language model is opened."""
    return all(member.mode == "surrogate" for member in _members(choice))


def _members(choice: ChoiceSpec) -> tuple[ChoiceSpec, ...]:
    return (choice,) if choice.ensemble is None else choice.ensemble.of


def needs_no_store(model: LanguageModel) -> bool:
    """Whether computing an answer is cheaper than looking it up."""
    return isinstance(model, FakeModel | NoModel | StandIn)
