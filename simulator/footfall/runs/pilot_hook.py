"""Who teaches a surrogate within a run and shares out the questions: another package.

Simulating knows nothing of learning and comparing. A package names an object of this shape in the
entry point group ``footfall.pilot``; runs with ``levels: auto`` ask it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from footfall.options import Announce
from footfall.plumbing.plugins import the_only

GROUP = "footfall.pilot"


class PilotStudy(Protocol):
    """Learns from the pilot of a run of two levels, and knows whom to ask."""

    def teach(self, answered: Path, out: Path, base: Path, announce: Announce) -> None:
        """Write a surrogate to ``out`` that learned from two thirds of the users of a run."""

    def share(self, crowd: Path, answered: Path, users: int, asked: float) -> dict[str, Any]:
        """How to share out the questions, as ``levels.json`` has it.

        Args:
            crowd: The pilot by the surrogate.
            answered: The same users by the model.
            users: Users of the whole run.
            asked: What all may cost together, as a share of asking everybody.
        """

    def draw(self, crowd: Path, taught: Path, asked: float, out: Path) -> str:
        """Draw whom to ask, by what their answers may change, and say how.

        Args:
            crowd: The run of everybody by the surrogate.
            taught: The surrogate.
            asked: Questions that may be asked, in users of average questions.
            out: Where the table of ``footfall.run_folder.layout.WHOM`` is written.
        """


def installed_pilot_study() -> PilotStudy:
    """The installed one.

    Raises:
        UserError: There is none, or there are several.
    """
    study: PilotStudy = the_only(
        GROUP,
        "two levels need one installed pilot study",
        "install footfall_lab with Footfall",
    )
    return study
