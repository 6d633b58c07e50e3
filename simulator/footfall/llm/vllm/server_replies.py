"""What a vLLM server's JSON says about the questions that were asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.errors import ServerError
from footfall.llm.protocol import Answer, NoAnswer, Question, Reply
from footfall.llm.writing import Written

MISSING = "server left log-probabilities out"


def read_batch(batch: Sequence[Question], response: Any, model: str) -> list[Reply]:
    """Replies of one response; ``cached_tokens`` is known for the request as a whole only.

    Raises:
        ServerError: Another model answered.
        ValueError: The response does not fit the questions.
    """
    _check_model(getattr(response, "model", None), model)
    choices = _in_order(response)
    if len(choices) != len(batch):
        raise ValueError(f"{len(choices)} answers to {len(batch)} questions")
    details = getattr(getattr(response, "usage", None), "prompt_tokens_details", None)
    share, rest = divmod(_count(getattr(details, "cached_tokens", 0)), len(batch))
    return [
        _read(question, choice, share + (number < rest))
        for number, (question, choice) in enumerate(zip(batch, choices, strict=True))
    ]


def _in_order(response: Any) -> list[Any]:
    """Choices by their index; nothing that a server sends is taken to be of the right type."""
    try:
        return sorted(getattr(response, "choices", None) or [], key=lambda choice: choice.index)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"choices cannot be told apart: {error}") from error


def _count(tokens: Any) -> int:
    """A number of tokens, for statistics only; 0 where it is none."""
    return tokens if isinstance(tokens, int) and tokens > 0 else 0


def _answer(values: Sequence[Any], cached: int) -> Reply:
    """Log-probabilities as an answer, if they are some: numbers of at most 0, or minus infinity.

    What is impossible must not even be an ``Answer``: those are stored, and replayed for ever.
    """
    try:
        logprobs = tuple(map(float, values))
    except (OverflowError, TypeError, ValueError):
        return NoAnswer(MISSING)
    possible = all(value <= 0.0 for value in logprobs)  # false for NaN, too
    return Answer(logprobs, cached) if possible else NoAnswer("server's numbers are impossible")


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
        return NoAnswer(MISSING)
    return _answer(values, cached)


def read_generated(question: Question, response: Any, model: str) -> Reply | None:
    """Reply of ``/inference/v1/generate`` to a question without labels.

    Returns:
        None where the server read rows that are wanted from its cache: those come back empty.

    Raises:
        ServerError: Another model answered.
        ValueError: The response is not an answer at all.
    """
    response = _object_of(response, model)
    try:
        details = (response.get("usage") or {}).get("prompt_tokens_details") or {}
        rows = response["prompt_logprobs"][-len(question.suffix) :]
        values = [
            # An empty row names token 0, with certainty.
            (row.get(str(token)) or {"logprob": 0.0})["logprob"]
            for row, token in zip(rows, question.suffix.ids, strict=True)
        ]
        cached = _count(details.get("cached_tokens"))
    except (AttributeError, KeyError, TypeError, ValueError):
        return NoAnswer(MISSING)
    if cached > len(question.prefix) - 1 or any(value == 0.0 for value in values):
        return None
    return _answer(values, cached)


def read_chat(question: Question, response: Any, model: str) -> Reply:
    """Reply of ``/chat/completions`` to a question with labels, as JSON.

    Raises:
        ServerError: Another model answered.
        ValueError: The response is not an answer at all.
    """
    response = _object_of(response, model)
    try:
        rows = response["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        known = {row["token"]: float(row["logprob"]) for row in rows}
        values = [known[f"token_id:{label}"] for label in question.labels]
    except (IndexError, KeyError, OverflowError, TypeError, ValueError):
        return NoAnswer(MISSING)
    try:
        cached = response["usage"]["prompt_tokens_details"]["cached_tokens"]
    except (KeyError, TypeError):
        cached = 0
    return _answer(values, _count(cached))


def _object_of(response: Any, model: str) -> dict[str, Any]:
    """A response that is a JSON object, by the model that was asked."""
    if not isinstance(response, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - unreadable, like other nonsense
    _check_model(response.get("model"), model)
    return response


def read_written(response: Any, model: str) -> Written:
    """The text that a server wrote.

    Raises:
        ServerError: Another model wrote it.
        ValueError: There is none.
    """
    _check_model(getattr(response, "model", None), model)
    choices = getattr(response, "choices", None)
    text = getattr(choices[0], "text", None) if isinstance(choices, list) and choices else None
    if not isinstance(text, str):
        raise ValueError("nothing was written")  # noqa: TRY004 - unreadable, like other nonsense
    return Written(text)


def _check_model(answered: Any, model: str) -> None:
    if (answered or model) != model:
        raise ServerError(f'"{answered}" answered instead of "{model}"; look at the server')
