"""Asking a model for words: reasons and interviews. Decisions never need any.

A *passage* is a prompt and what may follow it: free text, or JSON of a schema that the engine
enforces while it writes. Written words are kept in the store of answers like everything else that
a model said, so a rerun replays them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from footfall.llm.protocol import NoAnswer, Tokens


@dataclass(frozen=True, slots=True)
class Passage:
    """Something to be written."""

    prompt: Tokens
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    """JSON schema that the words must follow; None: free text."""
    max_tokens: int = 160

    def key(self, fingerprint: bytes) -> bytes:
        """16 bytes that name this passage to this model; the store's key."""
        digest = hashlib.blake2b(b"written" + fingerprint, digest_size=16)
        digest.update(self.prompt.digest)
        digest.update(json.dumps(self.schema, sort_keys=True).encode())
        digest.update(self.max_tokens.to_bytes(4, "little"))
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Written:
    """What the model wrote; the most likely words, no luck in it."""

    text: str
    from_store: bool = False


@runtime_checkable
class Writer(Protocol):
    """A language model that can also write."""

    fingerprint: bytes

    def write(self, passages: Sequence[Passage]) -> list[Written | NoAnswer]:
        """One text a passage, in order."""
        ...
