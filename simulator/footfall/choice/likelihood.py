"""Mode ``likelihood``: how much likelier does this history make the item's title?

    utility = (log P(title | history) - log P(title | no history)) / tokens of the title

The second part takes away what makes a title likely for anybody: common words and, with
them, the model's own idea of popularity. It is the only mode with signal in very small
models, because it needs no instruction to be understood.
"""

from __future__ import annotations

from pathlib import Path

from footfall.choice.asking import Score, open_prompter
from footfall.choice.pointwise import PointwiseChoice, Reading
from footfall.choice.protocol import ChoiceModel
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.llm.protocol import Answer, LanguageModel


def per_token(answer: Answer) -> Score:
    """Mean log-probability of a title's tokens, in nats."""
    return Score(sum(answer.logprobs) / len(answer.logprobs))


_READING = Reading(labels=(), score=per_token, subtract_no_history=True)


def open_likelihood(
    spec: ChoiceSpec, model: LanguageModel, catalogue: Catalogue, base: Path
) -> ChoiceModel:
    """Make the choice model of this mode; see ``footfall.answering.opening.open_choice``."""
    prompter = open_prompter(spec, model, catalogue, base, item_in_answer=True)
    return PointwiseChoice(_READING, spec, model, prompter)
