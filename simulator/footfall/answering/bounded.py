"""A run in which too many pages stay without an answer is stopped, not reported."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.choice.feeding import begin
from footfall.choice.protocol import ChoiceModel, Opinions, Page, PageUtilities
from footfall.errors import RunError

FEWEST_PAGES = 50
"""Pages before the first look: one bad batch is no verdict."""


class BoundedChoice:
    """A choice model that gives up when the share of unanswered pages passes a bound."""

    def __init__(self, choice: ChoiceModel, most: float) -> None:
        self._choice, self._most = choice, most
        self.diagnostics = choice.diagnostics

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order.

        Raises:
            RunError: More than the allowed share of all pages so far got no answer.
        """
        return self.begin(pages)()

    def begin(self, pages: Sequence[Page]) -> Opinions:
        """Queue the questions about these pages; see ``footfall.choice.feeding``."""
        pending = begin(self._choice, pages)

        def wait() -> list[PageUtilities]:
            opinions = pending()
            self.check()
            return opinions

        return wait

    def check(self) -> None:
        """Look at what was counted so far.

        Raises:
            RunError: More than the allowed share of all pages so far got no answer.
        """
        found = self.diagnostics
        if found.pages >= FEWEST_PAGES and found.unanswered_pages > self._most * found.pages:
            reason = max(found.no_answers, key=lambda reason: found.no_answers[reason])
            raise RunError(
                f"no answer to {found.unanswered_pages:,} of {found.pages:,} pages "
                f"(most often: {reason}), more than the {self._most:.0%} of choice.max_unanswered; "
                "see to the model, then go on with --resume"
            )
