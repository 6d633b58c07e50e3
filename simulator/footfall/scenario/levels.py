"""Two levels of users, as written in a scenario: many by a surrogate, some by the model as well."""

from __future__ import annotations

from pydantic import Field

from footfall.plumbing.spec import Spec


class LevelsSpec(Spec):
    """Who is played by what; see docs/two-levels.md."""

    surrogate: str = Field(min_length=1)
    """Folder that ``footfall distill`` wrote, of the very question that ``choice`` asks."""
    asked: float = Field(default=0.1, gt=0, le=0.9)
    """Share of the users who are played by the language model, too, with the same luck."""
