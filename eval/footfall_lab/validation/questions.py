"""How many questions a validation asks, before it asks any."""

from __future__ import annotations

from typing import Any

from footfall.fitting.sets import K
from footfall.llm.nobody import NOBODY
from footfall.scenario.scenario import Scenario
from footfall_lab.validation.players import FIT_SHARE, SETS_A_USER, TEST_SHARE
from footfall_lab.validation.until_clear import FIRST_LOOK

A_SECOND = (30.0, 75.0)
"""Questions that the embedded model answers a second on two cores: busy, and quiet."""


def foreseen(scenario: Scenario, questions: int) -> dict[str, Any]:
    """Questions at least and at most, by what they are for, and minutes of the embedded model."""
    asked = questions if scenario.model.name != NOBODY else 0
    held_out = TEST_SHARE * asked
    first = min(held_out, FIRST_LOOK * SETS_A_USER * K)
    share = first / held_out if held_out else 0.0
    fitting, rest = FIT_SHARE * asked, (1 - FIT_SHARE - TEST_SHARE) * asked
    least = fitting + first + share * rest
    return {
        "questions": [round(least), round(asked)],
        "choices to fit": round(fitting),
        "held-out choices": [round(first), round(held_out)],
        "pages of recommenders, and asking again": [round(share * rest), round(rest)],
        "minutes": [round(least / A_SECOND[1] / 60, 1), round(asked / A_SECOND[0] / 60, 1)],
    }


def words(found: dict[str, Any]) -> str:
    """For people."""
    least, most = found["questions"]
    if not most:
        return "no questions: no language model is asked"
    quick, slow = found["minutes"]
    return (
        f"{least:,} to {most:,} questions, about: it stops where block B is clear, after "
        f"{FIRST_LOOK} users at the earliest; {quick:g} to {slow:g} minutes for the embedded model "
        "on two cores; answers are stored, and asked once"
    )
