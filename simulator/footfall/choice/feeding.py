"""Pages put to a choice model as a stream: the next batch is under way before one is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from footfall.choice.protocol import ChoiceModel, Opinions, Page, PageUtilities, StreamingChoice

UNDER_WAY = 2
"""Batches that are asked before the first is read. With two there is always one to compute
while the other is read and stored; more would only hold more in memory."""


def weigh(choice: ChoiceModel, batches: Iterable[Sequence[Page]]) -> Iterator[list[PageUtilities]]:
    """Opinions of each batch, in order.

    What is asked, and in which order, depends on the batches only and never on how long
    anything takes. Where a batch cannot be asked (a budget is used up), those under way are
    waited for first, so that nothing that was paid for is lost.
    """
    waiting: deque[Opinions] = deque()
    for pages in batches:
        try:
            waiting.append(begin(choice, pages))
        except Exception:
            while waiting:
                waiting.popleft()()
            raise
        if len(waiting) == UNDER_WAY:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


def begin(choice: ChoiceModel, pages: Sequence[Page]) -> Opinions:
    """Put pages to a choice model that can be asked more, or ask it at once where it cannot."""
    if isinstance(choice, StreamingChoice):
        return choice.begin(pages)
    opinions = choice.utilities(pages)
    return lambda: opinions
