"""Which appeal model reads the words of a run, as written in a scenario."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from footfall.plumbing.spec import Spec


class AppealSpec(Spec):
    """``appeal: {path: appeal/}``: what makes users answer to other titles."""

    path: Path
    """Folder that ``footfall learn-appeal`` wrote, or the name of one that comes with Footfall."""
    weight: float = Field(default=1.0, ge=0)
    """Utility per unit of the log of the share taken. 1: a wording that was taken 10% more often
    in past tests is so here, too, as long as little is taken at all."""
