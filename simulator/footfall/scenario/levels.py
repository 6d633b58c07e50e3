"""Two levels of users, as written in a scenario: many by a surrogate, some by the model as well."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from footfall.plumbing.spec import Spec

DISTIL = "distil"
"""In the place of a surrogate's folder: there is none yet, and the run makes one."""


class LevelsSpec(Spec):
    """Who is played by what; see docs/two-levels.md. ``auto`` alone stands for the defaults."""

    surrogate: str = Field(default=DISTIL, min_length=1)
    """Folder that ``footfall distill`` wrote, of the very question that ``choice`` asks. By default
    the run makes one from a pilot, and its pilot says how to share out the questions."""
    asked: float = Field(default=0.1, gt=0, le=0.9)
    """With a folder: share of the users who are played by the language model, too, with the same
    luck. Without one: what all may cost together, as a share of asking everybody."""
    draw: Literal["foreseen", "even"] = "foreseen"
    """Whom to ask: users more often whose answers are foreseen to change more, or evenly."""
    pilot: int = Field(default=60, ge=45)
    """Users of the pilot, where there is no surrogate yet: two thirds teach, the others measure."""

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, raw: Any) -> Any:
        return {} if raw == "auto" else raw

    @property
    def distils(self) -> bool:
        """Whether the run makes its surrogate itself."""
        return self.surrogate == DISTIL
