"""What a choice model is asked, and what it answers.

Pages and opinions are not changed, and not frozen either: making a frozen one takes five times
as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.users.moments import Moment
from footfall.users.population import Persona


@dataclass(slots=True)
class Page:
    """One slate in front of one user: the question."""

    persona: Persona
    items: tuple[int, ...]
    """Catalogue codes from the top of the page down."""
    clicked: tuple[int, ...] = ()
    """Codes clicked earlier in this visit, oldest first."""
    bought: tuple[int, ...] = ()
    """Codes bought earlier in this visit, oldest first."""
    time: pd.Timestamp | None = None
    seed: int = 0
    """Luck of this page (order of options); the same in every arm, batch and worker."""
    session: int = 0
    """Number of the visit within the run."""
    clock: float = 0.0
    """Simulated seconds since the start of the run; ``time`` as a number."""
    lived: tuple[Moment, ...] = ()
    """What was bought in earlier visits of the run, oldest first, if users remember it."""
    spell: int = 0
    """Number of the spell of the schedule: prices are those of then."""


@dataclass(slots=True)
class PageUtilities:
    """The language model's opinion of one slate."""

    llm: npt.NDArray[np.float64]
    """[k] one utility an item, larger is better; all NaN where the model gave no answer."""
    label_mass: float = float("nan")
    """Share of the probability that fell on the labels (yes-no, listwise)."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    reason: str = ""
    """Why there is no answer; "" where there is one."""
    summary: str = ""
    """What the user likes, in a few words, if it was summed up for this visit."""

    @property
    def answered(self) -> bool:
        """Whether every item of the page got a number."""
        return not self.reason


@dataclass
class Diagnostics:
    """Totals over a run, for the manifest and the report."""

    pages: int = 0
    unanswered_pages: int = 0
    questions: int = 0
    from_store: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    truncated_prompts: int = 0
    """Prompts whose oldest history had to be dropped to fit the token budget."""
    dropped_events: int = 0
    label_mass_sum: float = 0.0
    label_mass_pages: int = 0
    no_answers: dict[str, int] = field(default_factory=dict)
    """Why there was no answer -> on how many pages."""

    def add(self, other: Diagnostics) -> None:
        """Add the totals of a worker."""
        for name, more in vars(other).items():
            if isinstance(more, dict):
                mine: dict[str, int] = getattr(self, name)
                mine.update({key: mine.get(key, 0) + count for key, count in more.items()})
            else:
                setattr(self, name, getattr(self, name) + more)

    def as_dict(self) -> dict[str, Any]:
        """As manifests have it, where ``no_answers`` is called ``reasons``."""
        return {"reasons" if name == "no_answers" else name: n for name, n in vars(self).items()}

    def clear(self) -> None:
        """Count from 0 again, in place: whoever counts keeps hold of this object."""
        vars(self).update(vars(type(self)()))


class ChoiceModel(Protocol):
    """Weighs slates for users. The same page always gets the same utilities."""

    @property
    def diagnostics(self) -> Diagnostics:
        """Totals so far."""
        ...

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order; all pages are asked in one batch."""
        ...


Opinions = Callable[[], list[PageUtilities]]
"""Waits for pages that are under way; one opinion a page, in order."""


@runtime_checkable
class StreamingChoice(Protocol):
    """A choice model that can be asked more before it has answered."""

    def begin(self, pages: Sequence[Page]) -> Opinions:
        """Put the questions about these pages to the model and return at once."""
        ...
