"""Mode ``yes-no``: would this user take this item? Log-odds of Yes against No.

All spellings of a label that are one token are weighed together. The share of the
probability that falls on labels at all, the label mass, says whether the model answered
the question; where it is too low, there is no answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from footfall.choice.asking import Score, open_prompter, single_tokens
from footfall.choice.pointwise import PointwiseChoice, Reading
from footfall.choice.protocol import ChoiceModel
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.errors import ModelError
from footfall.llm.protocol import Answer, LanguageModel

_YES = ("Yes", " Yes", "yes", " yes", "YES")
_NO = ("No", " No", "no", " no", "NO")


def labels(model: LanguageModel) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Token ids of all spellings of Yes, and of No.

    Raises:
        ModelError: The model's vocabulary lacks one of them.
    """
    yes, no = single_tokens(model, _YES), single_tokens(model, _NO)
    if not yes or not no:
        raise ModelError(f'"{model.name}" has no tokens for Yes and No; use mode likelihood')
    return yes, no


def log_odds(answer: Answer, yes: int) -> Score:
    """Yes against No; the first ``yes`` labels spell Yes, the others No."""
    in_favour, against = _together(answer.logprobs[:yes]), _together(answer.logprobs[yes:])
    return Score(in_favour - against, math.exp(in_favour) + math.exp(against))


def open_yes_no(
    spec: ChoiceSpec, model: LanguageModel, catalogue: Catalogue, base: Path
) -> ChoiceModel:
    """Make the choice model of this mode; see ``footfall.answering.opening.open_choice``."""
    yes, no = labels(model)

    prompter = open_prompter(spec, model, catalogue, base, item_in_answer=spec.item_last)
    score = partial(log_odds, yes=len(yes))
    reading = Reading((*yes, *no), score, spec.subtract_no_history)
    return PointwiseChoice(reading, spec, model, prompter)


def _together(logprobs: Sequence[float]) -> float:
    """Log of a sum of probabilities; for a handful of numbers NumPy takes ten times as long."""
    largest = max(logprobs)
    if largest == -math.inf:
        return largest
    return largest + math.log(math.fsum(math.exp(value - largest) for value in logprobs))
