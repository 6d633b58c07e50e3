"""Many questions behind one history in one forward pass.

A packed lesson is the prefix followed by all suffixes. Each suffix sees the prefix and itself,
never another suffix, and its positions go on where the prefix ends: so each question is what
it is alone (a test compares), while the history is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from footfall_lab.finetuning.lessons import Lesson


@dataclass(frozen=True, eq=False)
class Packed:
    """One lesson as tensors, a batch of one."""

    ids: torch.Tensor
    """[1, n] token ids."""
    positions: torch.Tensor
    """[1, n]"""
    mask: torch.Tensor
    """[1, 1, n, n] added to attention scores: 0 where a token may look, else very small."""
    answers: torch.Tensor
    """[q] place of the last token of each question, whose next token is the answer."""
    taken: torch.Tensor
    """[q] True where the answer is yes."""

    def to(self, device: torch.device) -> Packed:
        """The same on another device."""
        return Packed(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def pack(lesson: Lesson, dtype: torch.dtype) -> Packed:
    """Lay a lesson out; ``dtype`` is that of the attention scores."""
    prefix = len(lesson.prefix)
    lengths = [len(suffix) for suffix in lesson.suffixes]
    total = prefix + sum(lengths)
    ids = np.fromiter(
        (i for part in (lesson.prefix, *lesson.suffixes) for i in part.ids), np.int64, total
    )
    # 0: the prefix; 1, 2, ...: the questions.
    part = np.repeat(np.arange(len(lengths) + 1), [prefix, *lengths])
    starts = np.repeat(np.cumsum([prefix, *lengths]) - [prefix, *lengths], [prefix, *lengths])
    place = np.arange(total)
    positions = np.where(part == 0, place, place - starts + prefix)
    visible = (place[:, None] >= place) & ((part[:, None] == part) | (part == 0))
    mask = torch.zeros(total, total, dtype=dtype)
    mask.masked_fill_(torch.from_numpy(~visible), torch.finfo(dtype).min)
    return Packed(
        ids=torch.from_numpy(ids)[None],
        positions=torch.from_numpy(positions)[None],
        mask=mask[None, None],
        answers=torch.from_numpy(np.cumsum(lengths) + prefix - 1),
        taken=torch.tensor(lesson.taken),
    )


def log_odds(
    model: Any, packed: Packed, yes: tuple[int, ...], no: tuple[int, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities that the next word is yes, and no, all spellings together.

    Args:
        model: A causal language model of transformers, or one wrapped by peft.
        packed: The questions.
        yes: Token ids that mean yes.
        no: Token ids that mean no.

    Returns:
        Two tensors [q], float32, over the full vocabulary: only the answers' rows go through
        the output layer.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = base.model(
        input_ids=packed.ids,
        position_ids=packed.positions,
        attention_mask=packed.mask,
        use_cache=False,
    ).last_hidden_state[0, packed.answers]
    logits = base.lm_head(hidden).float()
    total = logits.logsumexp(-1)
    in_favour = logits[:, list(yes)].logsumexp(-1) - total
    against = logits[:, list(no)].logsumexp(-1) - total
    return in_favour, against
