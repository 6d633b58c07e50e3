"""``footfall validate --protocol new-items``, told as a story.

1. lay the ground, hide items     3. learn weights on some hidden items
2. ask everybody about them       4. judge on the others
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from footfall.errors import ModelError
from footfall.fitting.ground import Ground
from footfall.llm.encoders import Encoder, Sentences, States
from footfall.llm.protocol import LanguageModel
from footfall.llm.sentences import sentences_installed
from footfall.llm.specs import ModelSpec
from footfall_lab.validation.asking import Interviewer
from footfall_lab.validation.newitems.hiding import SLATE, Slates, hidden_items, put_before
from footfall_lab.validation.newitems.judging import BASELINE, Opinion, judge
from footfall_lab.validation.newitems.opinions import Tell, Texts, asked, classical, textual
from footfall_lab.validation.study import Order

STATE_DEPTH = 0.6
"""Depth of the language model's layers whose states are read."""


def foresee_takers(
    ground: Ground, order: Order, model: LanguageModel | None, tell: Tell
) -> dict[str, Any]:
    """Hide items, ask everybody about their takers, and judge; ready for JSON.

    Args:
        ground: Who may learn from what.
        order: Questions at most, and where things are kept.
        model: Asked in the scenario's own words; None: nobody is.
        tell: Told what is being done.

    Raises:
        DataError: Too few users took hidden items.
    """
    seed = ground.scenario.seed
    hidden, new = hidden_items(ground.catalogue, seed)
    learn = put_before(ground.stages.fit, hidden, new, ground.catalogue, seed)
    told = put_before(ground.stages.test, new, (), ground.catalogue, seed)
    sides = (learn, told)
    if model is not None:
        most = max(1, order.questions // (2 * SLATE))
        learn, told = sides = (_some(learn, most), _some(told, most))
    opinions = [Opinion(BASELINE, *(classical(one, ground) for one in sides))]
    for texts in _texts(ground, order.out / "work" / "read", tell):
        tell(f"{texts.name}: likeness to what users took")
        opinions.append(Opinion(texts.name, *(textual(one, ground, texts) for one in sides)))
    if model is not None:
        tell(f"asking the language model about {2 * len(told.users) * SLATE:,} pairs")
        who = Interviewer(model, ground.scenario.choice, ground.catalogue, order.base)
        opinions.append(Opinion("language model asked", *(asked(s, ground, who) for s in sides)))
    return {
        "data": ground.dataset.name,
        "new items": len(new),
        "items put before users": len(np.unique(told.items[told.shown])),
        "users": len(told.users),
        "rows": judge(opinions, learn, told, seed),
    }


def _some(slates: Slates, most: int) -> Slates:
    """The slates of some users, drawn with the order of the stage's lots."""
    rows = np.sort(np.random.default_rng(0).permutation(len(slates.users))[:most])
    return Slates(slates.stage, slates.users[rows], slates.items[rows], slates.taken[rows])


def _texts(ground: Ground, folder: Path, tell: Tell) -> list[Texts]:
    """All items, as each reader reads them."""
    return [
        Texts.read(name, one, ground.catalogue, folder, tell)
        for name, one in _readers(ground, tell)
    ]


def _readers(ground: Ground, tell: Tell) -> list[tuple[str, Encoder]]:
    """The sentence encoder and the language model, where they are installed."""
    readers: list[tuple[str, Encoder]] = []
    if sentences_installed():
        readers.append(("sentence encoder", Sentences()))
    else:
        tell("the sentence encoder is not installed: going on without it")
    spec = ground.scenario.model
    if spec.server is None and spec.name not in {"fake", "none"}:
        try:
            name = ModelSpec(name=spec.name, revision=spec.revision)
            readers.append(("language model's states", States(name, STATE_DEPTH, tell)))
        except ModelError as error:
            tell(f"{error}: going on without its states")
    return readers
