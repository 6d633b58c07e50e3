"""How the model is asked about a slate, as written in a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from footfall.catalogue import Catalogue
from footfall.choice.protocol import ChoiceModel
from footfall.llm.protocol import LanguageModel

Mode = Literal["likelihood", "yes-no", "listwise"]


class ChoiceSpec(BaseModel):
    """The question, and how much of a user's past goes into it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    mode: Mode = "likelihood"
    """``likelihood``: how much likelier does this history make an item's title, a token;
    ``yes-no``: log-odds of Yes against No, one question an item; ``listwise``: log-odds of
    an option's letter against "none of these", one question a slate."""
    template: str | None = None
    """Name of a built-in template or path of an own one. Default: named like the mode."""
    history_events: int = Field(default=20, ge=0)
    """Newest remembered events in a prompt."""
    max_history_tokens: int = Field(default=256, ge=1)
    """Tokens of the history; where it is longer the oldest events are dropped, counted."""
    max_prompt_tokens: int | None = Field(default=None, ge=64)
    """Tokens of a whole prompt. Default: what the model takes."""
    max_title_chars: int = Field(default=120, ge=8)
    """Characters of a title; longer ones are cut."""
    visit_events: bool = True
    """Tell the model what was clicked and bought earlier in the visit. Each click makes
    new questions of all later items, so False is faster."""
    persona_prose: bool = False
    """Tell the model the profile as well as the history."""
    subtract_no_history: bool = False
    """Yes-no only: subtract the log-odds that the item gets from somebody without a past
    (likelihood always does)."""
    rotations: int = Field(default=1, ge=1, le=26)
    """Listwise only: orders of the options that are asked and averaged."""
    min_label_mass: float = Field(default=0.01, ge=0, lt=1)
    """Yes-no, listwise: where the labels together get less probability, the model did not
    answer the question: no answer, counted."""
    remembered_prefixes: int = Field(default=20_000, ge=1)
    """Users' prompts, with what the model said about items, that are kept in memory."""


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
    # The modes import this module for the spec.
    from footfall.choice import likelihood, listwise, yes_no  # noqa: PLC0415

    openers = {
        "likelihood": likelihood.open_likelihood,
        "yes-no": yes_no.open_yes_no,
        "listwise": listwise.open_listwise,
    }
    return openers[spec.mode](spec, model, catalogue, base or Path())
