"""The order in which an engine or a server is asked."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.llm.protocol import Question


def too_long(question: Question, limit: int) -> str:
    """Why ``question`` cannot be sent, or "" if it can."""
    if len(question) > limit:
        return f"prompt longer than {limit} tokens"
    return "" if len(question.suffix) and len(question.prefix) else "empty prefix or suffix"


def by_prefix(questions: Sequence[Question], chosen: Sequence[int]) -> list[int]:
    """Put questions with the same prefix next to each other, so that they share its cache.

    Args:
        questions: All questions.
        chosen: Positions of those to order.

    Returns:
        ``chosen``, grouped by prefix; groups and their members keep their order.
    """
    first: dict[bytes, int] = {}
    for position in chosen:
        first.setdefault(questions[position].prefix.digest, position)
    return sorted(chosen, key=lambda position: first[questions[position].prefix.digest])
