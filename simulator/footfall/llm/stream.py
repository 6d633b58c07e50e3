"""Questions under way: added to an engine at any time, collected in order.

``LLM.generate`` takes a batch and returns when all of it is done, so the engine idles while the
next batch is made. Here requests are queued first and collected later: the queue need never run
dry, and where the engine core works in a process of its own (vLLM's default on a GPU) the Python
of the world and of the prompts runs while it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from footfall.llm.protocol import LanguageModel, Question, Reply

Pending = Callable[[], list[Reply]]
"""Waits for questions that are under way; one reply a question, in order. May be called twice."""


@runtime_checkable
class StreamingModel(Protocol):
    """A language model that can be asked more before it has answered."""

    def submit(self, questions: Sequence[Question]) -> Pending:
        """Queue questions and return at once."""
        ...


def submit(model: LanguageModel, questions: Sequence[Question]) -> Pending:
    """Queue questions where the model can do that; ask them at once where it cannot."""
    if isinstance(model, StreamingModel):
        return model.submit(questions)
    replies = model.ask(questions)
    return lambda: replies
