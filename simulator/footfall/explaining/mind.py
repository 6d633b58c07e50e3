"""What came to a user's mind in front of a page: the events that the model was told of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.schema import ACTIONS
from footfall.explaining.replay import Replay
from footfall.memory.recall import Recall, keep
from footfall.memory.remembering import events_shown
from footfall.memory.similarity import open_similarity
from footfall.users.population import Persona


@dataclass(frozen=True)
class RememberedEvent:
    """Something that the user did before."""

    item: str
    title: str
    action: str
    time: pd.Timestamp
    lived: bool
    """Whether it happened within the run, and not in the user's history."""


def asked_ones(choice: ChoiceSpec) -> tuple[ChoiceSpec, ...]:
    """The ways in which a language model is asked: none where surrogates answer."""
    members = (choice,) if choice.ensemble is None else choice.ensemble.of
    return tuple(member for member in members if member.mode != "surrogate")


def remembered(
    choice: ChoiceSpec, page: Page, dropped: int, replay: Replay
) -> list[RememberedEvent]:
    """The events in the prompts about a page, oldest first.

    Args:
        choice: How the model was asked.
        page: What it was asked about.
        dropped: Oldest events that the budget of tokens had no room for.
        replay: Whose page it is.
    """
    catalogue = replay.histories.catalogue
    persona = _chosen(choice, page, replay)
    shown = persona.columns(slice(dropped, None))
    begin = np.datetime64(replay.service.start)
    return [
        RememberedEvent(
            item=catalogue.ids[item],
            title=catalogue.titles[item],
            action=ACTIONS[action],
            time=pd.Timestamp(time),
            lived=bool(time >= begin),
        )
        for item, action, time in zip(shown["items"], shown["actions"], shown["times"], strict=True)
    ]


def _chosen(choice: ChoiceSpec, page: Page, replay: Replay) -> Persona:
    if choice.memory is None:
        persona, most = page.persona, choice.history_events
    else:
        memory = choice.memory
        similarity = (
            open_similarity(memory.similarity, replay.histories.catalogue)
            if memory.retrieved
            else None
        )
        persona, most = Recall(memory, similarity).persona(page), events_shown(memory)
    count = len(persona.items)
    return keep(persona, np.arange(max(0, count - most), count))
