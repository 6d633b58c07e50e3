"""Answers of a model server, bounded: it may be a stranger's, or what stands in its place.

Redirects are not followed, because prompts and the key would go wherever the answer says. Packed
answers are refused, because a megabyte of them may unpack to gigabytes; nobody asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import openai

from footfall.plumbing.http_answers import PLAIN, UNPACKED, Caller, whole

LARGEST = 256 * 2**20
"""Bytes of one answer; 64 prompts with the chances of 2,000 tokens each take a tenth of it."""


def fetch(
    method: str, url: str, *, headers: Mapping[str, str], within: float, **body: Any
) -> bytes:
    """The body of one answer, which has to come to its end ``within`` so many seconds.

    Raises:
        httpx.HTTPError: There is none, or its status tells of a failure.
        UnboundedError: It is packed, or too large.
    """
    told = {**headers, **PLAIN}
    caller = Caller(within=within, largest=LARGEST, packings=UNPACKED, timeout=within, headers=told)
    with closing(caller):
        return caller.ask(method, url, **body).raise_for_status().content


def client() -> Any:
    """An HTTP client by the rules of this module, for ``openai.AsyncOpenAI``.

    How long an answer may take is for whoever awaits it to say.
    """
    hooks = {"response": [_read]}
    return openai.DefaultAsyncHttpxClient(headers=PLAIN, follow_redirects=False, event_hooks=hooks)


async def _read(response: Any) -> None:
    """Read an answer before the client would, without a bound."""
    body = await whole(response, LARGEST, UNPACKED)
    response._content = body  # noqa: SLF001 - where ``aread`` puts it, and looks first
