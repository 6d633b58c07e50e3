"""What a vLLM server's JSON says about the questions that were asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.errors import ServerError
from footfall.llm.protocol import Answer, NoAnswer, Question, Reply


def read_batch(batch: Sequence[Question], response: Any, model: str) -> list[Reply]:
    """Replies of one response; ``cached_tokens`` is known for the request as a whole only.

    Raises:
        ServerError: Another model answered.
        ValueError: The response does not fit the questions.
    """
    _check_model(getattr(response, "model", None), model)
    choices = sorted(getattr(response, "choices", None) or [], key=lambda choice: choice.index)
    if len(choices) != len(batch):
        raise ValueError(f"{len(choices)} answers to {len(batch)} questions")
    details = getattr(response.usage, "prompt_tokens_details", None)
    cached = (getattr(details, "cached_tokens", 0) or 0) if details else 0
    share, rest = divmod(cached, len(batch))
    return [
        _read(question, choice, share + (number < rest))
        for number, (question, choice) in enumerate(zip(batch, choices, strict=True))
    ]


def _read(question: Question, choice: Any, cached: int) -> Reply:
    try:
        if question.labels:
            top = choice.logprobs.top_logprobs[0]
            values = [top[f"token_id:{label}"] for label in question.labels]
        else:
            rows = choice.prompt_logprobs[-len(question.suffix) :]
            values = [
                row[str(token)]["logprob"]
                for row, token in zip(rows, question.suffix.ids, strict=True)
            ]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return NoAnswer("server left log-probabilities out")
    return Answer(tuple(map(float, values)), cached)


def read_generated(question: Question, response: Any, model: str) -> Reply | None:
    """Reply of ``/inference/v1/generate`` to a question without labels.

    Returns:
        None where the server read rows that are wanted from its cache: those come back empty.

    Raises:
        ServerError: Another model answered.
        ValueError: The response is not an answer at all.
    """
    if not isinstance(response, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - unreadable, like other nonsense
    _check_model(response.get("model"), model)
    try:
        details = (response.get("usage") or {}).get("prompt_tokens_details") or {}
        rows = response["prompt_logprobs"][-len(question.suffix) :]
        values = [
            # An empty row names token 0, with certainty.
            (row.get(str(token)) or {"logprob": 0.0})["logprob"]
            for row, token in zip(rows, question.suffix.ids, strict=True)
        ]
        cached = int(details.get("cached_tokens") or 0)
    except (AttributeError, KeyError, TypeError, ValueError):
        return NoAnswer("server left log-probabilities out")
    if cached > len(question.prefix) - 1 or any(value == 0.0 for value in values):
        return None
    return Answer(tuple(map(float, values)), cached)


def _check_model(answered: str | None, model: str) -> None:
    if (answered or model) != model:
        raise ServerError(f'"{answered}" answered instead of "{model}"; look at the server')
