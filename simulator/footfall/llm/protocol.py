"""What Footfall asks of a language model, whatever serves it.

A question is a prefix that many questions share and a short suffix of its own. Two kinds:
with ``labels`` it asks for the probabilities of exactly these next tokens after the suffix;
without, for the probability of every token of the suffix itself. The answer is numbers or
``NoAnswer``, never text.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from footfall.plumbing.images import ImageFile


def _raw(ids: Sequence[int]) -> bytes:
    """Token ids as int32; for a handful of numbers NumPy takes ten times as long."""
    return struct.pack(f"={len(ids)}i", *ids)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids with their hash, which is computed once and compared often."""

    ids: tuple[int, ...]
    digest: bytes = field(default=b"", compare=False)

    def __post_init__(self) -> None:
        if not self.digest:
            digest = hashlib.blake2b(_raw(self.ids), digest_size=16).digest()
            object.__setattr__(self, "digest", digest)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Question:
    """One forward pass: ``prefix`` + ``suffix``, and what to read from it."""

    prefix: Tokens
    suffix: Tokens
    labels: tuple[int, ...] = ()
    """Next tokens to weigh (at most 128); empty: weigh the suffix's own tokens."""
    image: ImageFile | None = None
    """Shown where the suffix has the tokenizer's ``image_mark``."""

    def __len__(self) -> int:
        return len(self.prefix.ids) + len(self.suffix.ids)  # asked millions of times

    def key(self, fingerprint: bytes) -> bytes:
        """16 bytes that name this question to this model; the store's key."""
        digest = hashlib.blake2b(fingerprint, digest_size=16)
        digest.update(self.prefix.digest)
        digest.update(len(self.prefix).to_bytes(4, "little"))
        digest.update(self.suffix.digest)
        digest.update(_raw(self.labels))
        if self.image is not None:
            digest.update(bytes.fromhex(self.image.digest))
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """Natural log-probabilities over the full vocabulary: one a label, or one a suffix token."""

    logprobs: tuple[float, ...]
    cached_tokens: int = 0
    """Prompt tokens that the engine did not compute again."""
    from_store: bool = False
    """Read from the store of answers: no engine worked for it."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The model did not answer. A value of its own: never a click, never "no click"."""

    reason: str


Reply = Answer | NoAnswer


class Tokenizer(Protocol):
    """Text to ids, without adding special tokens."""

    control_tokens: tuple[str, ...]
    """Texts with a meaning of their own ("<|im_end|>"); data is stripped of them."""

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``. Control tokens are recognised, so strip data of them before."""
        ...

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """Like ``encode`` for each text, on several cores where the tokenizer can."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ``ids``, control tokens included."""
        ...

    def image_mark(self) -> str:
        """Text that stands for an image within the user's words.

        Raises:
            ModelError: The model is shown none.
        """
        ...

    def chat(self, system: str, user: str) -> tuple[str, str]:
        """Wrap a conversation in the model's chat template.

        Returns the text up to and including the user's words, and the text that closes
        the user's turn and opens the assistant's.
        """
        ...


class LanguageModel(Protocol):
    """Anything that answers questions with probabilities."""

    name: str
    fingerprint: bytes
    """Names the weights, the adapter and the arithmetic; part of every store key."""
    tokenizer: Tokenizer
    block_size: int
    """Prefixes are padded to a multiple of this many tokens (1: no padding)."""
    max_prompt_tokens: int

    @property
    def engine_seconds(self) -> float:
        """Wall time spent inside the engine so far."""
        ...

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order. Too-long questions get ``NoAnswer``."""
        ...

    def close(self) -> None:
        """Free the engine or the connection. May be called twice."""
        ...
