"""``footfall validate --protocol new-items``, told as a story.

1. read all items                      3. ask everybody about them
2. hide a part of them, four times     4. learn weights on other hidden items, and judge
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.errors import ModelError
from footfall.fitting.ground import Ground
from footfall.llm.encoders import Encoder, SentenceEncoder, States
from footfall.llm.protocol import LanguageModel
from footfall.llm.sentences import sentences_installed
from footfall.llm.specs import ModelSpec
from footfall_lab.validation.asking import Interviewer
from footfall_lab.validation.newitems.hiding import (
    SLATE,
    NewItemSlates,
    clicked,
    parts_of,
    put_before,
)
from footfall_lab.validation.newitems.judging import BASELINE, VoiceScores, aucs, table
from footfall_lab.validation.newitems.opinions import (
    ItemEmbeddings,
    Tell,
    asked,
    classical,
    textual,
)
from footfall_lab.validation.study import ValidationOptions

Floats = npt.NDArray[np.float64]

STATE_DEPTH = 0.6
"""Depth of the language model's layers whose states are read."""


def foresee_takers(
    ground: Ground, options: ValidationOptions, model: LanguageModel | None, tell: Tell
) -> dict[str, Any]:
    """Hide items, ask everybody about their takers, and judge; ready for JSON.

    Args:
        ground: Who may learn from what.
        options: Questions at most, and where things are kept.
        model: Asked in the scenario's own words; None: nobody is.
        tell: Told what is being done.

    Raises:
        DataError: Too few users took hidden items.
    """
    seed = ground.scenario.seed
    fit, test = clicked(ground.stages.fit), clicked(ground.stages.test)
    texts = _texts(ground, options.out / "work" / "read", tell)
    parts = parts_of(ground.catalogue, seed)
    values: dict[str, list[Floats]] = {}
    users, shown = [], 0
    for number, new in enumerate(parts):
        tell(f"part {number + 1} of {len(parts)} of the items is new")
        told = put_before(test, new, (), ground.catalogue, seed)
        learn = [
            put_before(fit, hidden, new, ground.catalogue, seed)
            for hidden in (*parts[number + 1 :], *parts[:number])
        ]
        if model is not None:
            most = max(1, options.questions // (2 * SLATE * len(parts)))
            told = _some(told, most)
            learn = [_some(one, max(1, most // len(learn))) for one in learn]
        opinions = _opinions(ground, options, [*learn, told], texts, model)
        for name, found in aucs(opinions, [*learn, told]).items():
            values.setdefault(name, []).append(found)
        users.append(told.users)
        shown += len(np.unique(told.items[told.shown]))
    rows = table(
        {name: np.concatenate(found) for name, found in values.items()},
        np.concatenate(users),
        seed,
    )
    return {
        "data": ground.dataset.name,
        "items put before users": shown,
        "users": rows[0]["users"],
        "rows": rows,
    }


def _opinions(
    ground: Ground,
    options: ValidationOptions,
    slates: list[NewItemSlates],
    texts: list[ItemEmbeddings],
    model: LanguageModel | None,
) -> list[VoiceScores]:
    """What everybody thinks of the slates to learn from and, the last, of those to judge by."""
    found = [VoiceScores(BASELINE, [classical(one, ground) for one in slates])]
    found += [
        VoiceScores(read.name, [textual(one, ground, read) for one in slates]) for read in texts
    ]
    if model is not None:
        who = Interviewer(model, ground.scenario.choice, ground.catalogue, options.base)
        found.append(VoiceScores("language model asked", [asked(s, ground, who) for s in slates]))
    return found


def _some(slates: NewItemSlates, most: int) -> NewItemSlates:
    """The slates of some users, drawn with the order of the stage's lots."""
    rows = np.sort(np.random.default_rng(0).permutation(len(slates.users))[:most])
    return NewItemSlates(slates.stage, slates.users[rows], slates.items[rows], slates.taken[rows])


def _texts(ground: Ground, folder: Path, tell: Tell) -> list[ItemEmbeddings]:
    """All items, as each reader reads them."""
    return [
        ItemEmbeddings.read(name, one, ground.catalogue, folder, tell)
        for name, one in _readers(ground, tell)
    ]


def _readers(ground: Ground, tell: Tell) -> list[tuple[str, Encoder]]:
    """The sentence encoder and the language model, where they are installed."""
    readers: list[tuple[str, Encoder]] = []
    if sentences_installed():
        readers.append(("sentence encoder", SentenceEncoder()))
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
