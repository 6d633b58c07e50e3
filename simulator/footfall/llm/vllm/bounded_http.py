"""Answers of a model server, bounded: it may be a stranger's, or what stands in its place.

Redirects are not followed, because prompts and the key would go wherever the answer says. Packed
answers are refused, because a megabyte of them may unpack to gigabytes; nobody asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpx
import openai

LARGEST = 256 * 2**20
"""Bytes of one answer; 64 prompts with the chances of 2,000 tokens each take a tenth of it."""

PLAIN = {"Accept-Encoding": "identity"}
"""Header that asks for answers as they are."""


class UnboundedError(Exception):
    """An answer that is packed, or too large."""


def fetch(method: str, url: str, *, headers: Mapping[str, str], **request: Any) -> bytes:
    """The body of one answer.

    Raises:
        httpx.HTTPError: There is none, or its status tells of a failure.
        UnboundedError: It is packed, or too large.
    """
    with httpx.stream(method, url, headers={**headers, **PLAIN}, **request) as response:
        response.raise_for_status()
        _refuse_packed(response.headers)
        return b"".join(_counted(response.iter_raw()))


def client() -> Any:
    """An HTTP client by the rules of this module, for ``openai.AsyncOpenAI``."""
    hooks = {"response": [_read]}
    return openai.DefaultAsyncHttpxClient(headers=PLAIN, follow_redirects=False, event_hooks=hooks)


async def _read(response: Any) -> None:
    """Read an answer before the client would, without a bound."""
    _refuse_packed(response.headers)
    size, blocks = 0, []
    async for block in response.aiter_raw():
        size += len(block)
        _refuse_large(size)
        blocks.append(block)
    response._content = b"".join(blocks)  # noqa: SLF001 - where ``aread`` puts it, and looks first


def _counted(blocks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        _refuse_large(size)
        yield block


def _refuse_packed(headers: Mapping[str, str]) -> None:
    packed = headers.get("content-encoding", "identity")
    if packed.lower() != "identity":
        raise UnboundedError(f"packed ({packed:.20}), which nobody asked for")


def _refuse_large(size: int) -> None:
    if size > LARGEST:
        raise UnboundedError(f"of more than {LARGEST:,} bytes")
