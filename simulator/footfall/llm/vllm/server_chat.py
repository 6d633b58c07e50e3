"""Questions with an image, as a chat in OpenAI's format: only there does a server take images.

Prompts are made as tokens. Here their text is taken apart again along the model's own chat
template, so that the server puts it together to the same words, with the image in its place.
"""

from __future__ import annotations

from typing import Any

from footfall.llm.protocol import Question, Tokenizer

_SYSTEM, _USER = "FootfallSystemWords", "FootfallUserWords"


def chat_body(question: Question, tokenizer: Tokenizer, model: str) -> dict[str, Any]:
    """Body of ``/v1/chat/completions`` that asks for the probabilities of the labels.

    Raises:
        UnfitImageError: The image's file is gone, or another one by now.
        ValueError: The prompt does not follow the model's chat template.
    """
    assert question.image is not None, "others go out as tokens"
    text = tokenizer.decode((*question.prefix.ids, *question.suffix.ids)).lstrip("\n")
    system, user, answer = _turns(text, tokenizer)
    before, mark, after = user.partition(tokenizer.image_mark())
    if not mark:
        raise ValueError("the prompt has no mark of an image")
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": before},
        {"type": "image_url", "image_url": {"url": question.image.address()}},
        {"type": "text", "text": after},
    ]
    turns: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    turns.append({"role": "user", "content": [part for part in parts if part.get("text") != ""]})
    if answer:
        turns.append({"role": "assistant", "content": answer})
    return {
        "model": model,
        "messages": turns,
        "max_tokens": 1,
        "temperature": 0.0,
        "logprobs": True,
        "logprob_token_ids": list(question.labels),
        "return_tokens_as_token_ids": True,
        "add_generation_prompt": not answer,
        "continue_final_message": bool(answer),
        "chat_template_kwargs": {"enable_thinking": False},  # as the prompt was made
    }


def _turns(text: str, tokenizer: Tokenizer) -> tuple[str, str, str]:
    """What the system says, what the user says, and how the answer begins.

    Where the template puts the system's words into the user's turn, they stay there.
    """
    opening, closing = tokenizer.chat(_SYSTEM, _USER)
    head, _, rest = opening.partition(_SYSTEM)
    between = rest.partition(_USER)[0]
    apart = any(token in between for token in tokenizer.control_tokens)
    if apart and text.startswith(head.lstrip("\n")) and between in text:
        system, _, user = text.removeprefix(head.lstrip("\n")).partition(between)
    else:
        alone = (head if not apart else tokenizer.chat("", "")[0]).lstrip("\n")
        system, user = "", text.removeprefix(alone)
    said, end, answer = user.rpartition(closing)
    if not end:
        raise ValueError("the prompt does not end as the chat template wants it")
    return system, said, answer
