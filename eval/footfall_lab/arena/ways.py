"""Ways of asking, after what was published; the words are our own, from the papers alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from footfall.choice.specs import ChoiceSpec


@dataclass(frozen=True)
class Way:
    """One way of asking."""

    name: str
    after: str
    """Who asks like that; "" for Footfall's own."""
    options: dict[str, Any]
    """Keys of ``choice`` in a scenario."""

    def spec(self, own: ChoiceSpec) -> ChoiceSpec:
        """The question, with as much of a user's past as the scenario tells."""
        kept = {
            name: getattr(own, name)
            for name in ("max_history_tokens", "max_prompt_tokens", "max_title_chars", "suspects")
        }
        events = own.history_events or ChoiceSpec().history_events
        return ChoiceSpec(**{"history_events": events, **kept, **self.options})


_PROSE = {"persona_prose": True}

WAYS = (
    Way("likelihood", "", {"mode": "likelihood"}),
    Way("yes-no", "", {"mode": "yes-no"}),
    Way("listwise", "", {"mode": "listwise"}),
    Way("traits", "Agent4Rec", {"mode": "yes-no", "template": "traits", **_PROSE}),
    Way("role-play", "RecAgent", {"mode": "listwise", "template": "role-play", **_PROSE}),
    Way("self-consistent", "SimUSER", {"mode": "yes-no", "template": "self-consistent", **_PROSE}),
    Way("rating", "SUBER", {"mode": "rating", **_PROSE}),
    Way("plain-history", "beyond-click-sim", {"mode": "yes-no", "template": "plain-history"}),
    Way("rationale-first", "UserMirrorer", {"mode": "reasoned", "template": "rationale-first"}),
)  # fmt: skip
"""In the order of the table."""

SLOW = ("rationale-first",)
"""Ways that write text; asked only when named, as they take a hundred times as long."""
