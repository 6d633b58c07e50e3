"""Mode ``rating``: a mark from 0 to 9 for each item, as its mean over the digits' probabilities.

The published environments that ask for ratings draw one digit; the mean holds all that the
model said and needs no draw. The label mass says whether it answered with a digit at all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from footfall.choice.asking import Score, open_prompter, single_tokens
from footfall.choice.pointwise import PointwiseChoice, Reading
from footfall.choice.protocol import ChoiceModel
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.errors import ModelError
from footfall.llm.protocol import Answer, LanguageModel

MARKS = range(10)


def labels(model: LanguageModel) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Token ids of all spellings of the marks, and the mark of each.

    Raises:
        ModelError: The model's vocabulary lacks one of them.
    """
    ids, marks = [], []
    for mark in MARKS:
        spelled = single_tokens(model, (str(mark), f" {mark}"))
        if not spelled:
            raise ModelError(f'"{model.name}" has no token for {mark}; use mode yes-no')
        for one in spelled:
            ids.append(one)
            marks.append(mark)
    return tuple(ids), tuple(marks)


def open_rating(
    spec: ChoiceSpec, model: LanguageModel, catalogue: Catalogue, base: Path
) -> ChoiceModel:
    """Make the choice model of this mode; see ``footfall.answering.opening.open_choice``."""
    ids, marks = labels(model)

    def mean(answer: Answer) -> Score:
        chances = np.exp(np.asarray(answer.logprobs))
        mass = float(chances.sum())
        return Score(float(chances @ np.asarray(marks)) / mass if mass else 0.0, mass)

    prompter = open_prompter(spec, model, catalogue, base, item_in_answer=spec.item_last)
    return PointwiseChoice(Reading(ids, mean, spec.subtract_no_history), spec, model, prompter)
