"""A language model without a model: probabilities from hashes, for tests and dry runs.

It ships with Footfall so that users can test their own scenarios, recommenders and choice
models in milliseconds. The same question always gets the same answer, in every process.
With ``taste`` a test plants a world whose right answer is known.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.llm.protocol import Answer, NoAnswer, Question, Reply, Tokenizer, Tokens
from footfall.llm.writing import Passage, Written

Taste = Callable[[str, str], float]
"""(text of the prefix, text of the item) -> liking; 0 is indifferent, about -4 to 4."""

_PIECES = re.compile(r"\n| ?[^\W_]+| ?[^\s\w]|_| +|\s")
_LABELLED_LINE = "(?m)^{letter}[.):] (.*)$"
_BASE_LOGPROB = -6.0
_NOISE = 0.1


class FakeTokenizer:
    """Words to ids (their CRC-32), with a memory of the words it has seen."""

    control_tokens: tuple[str, ...] = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._words: dict[int, str] = {}

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``, one a word or a sign."""
        ids = self._ids
        return [ids[w] if w in ids else self._learn(w) for w in _PIECES.findall(text)]

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text."""
        return [self.encode(text) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids that this tokenizer made; others appear as numbers."""
        return "".join(self._words.get(i) or f"<{i}>" for i in ids)

    def chat(self, system: str, user: str) -> tuple[str, str]:
        """Wrap a conversation; see ``footfall.llm.protocol.Tokenizer``."""
        return f"<|system|>{system}<|end|>\n<|user|>{user}", "<|end|>\n<|assistant|>\n"

    def image_mark(self) -> str:
        """A word that stands for an image."""
        return "<image>"

    def _learn(self, word: str) -> int:
        number = zlib.crc32(word.encode()) & 0x7FFFFFFF
        self._ids[word] = number
        self._words[number] = word
        return number


class FakeModel:
    """Deterministic answers from hashes, optionally with planted preferences.

    A title's tokens get log-probability -6 plus ``taste(prefix, title)`` each, so that the
    likelihood ratio against a prefix that the taste finds indifferent is the taste. A label
    "Yes" gets plus half the taste, "No" minus half; a label that begins a line of the suffix
    ("B. Oat milk") gets the taste of that line. A little noise from the hash comes on top.

    Args:
        seed: Another seed is another imaginary model.
        taste: Planted preference; None: noise only.
        bias: Log-odds added to labels by their text, for instance ``{"A": 1.0}``.
        label_mass: Share of the probability that the labels get together.
        fail_one_in: One question in this many gets ``NoAnswer``, chosen by hash; 0: none.
        max_prompt_tokens: Longer questions get ``NoAnswer``.
        block_size: Prefixes should be padded to this.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        taste: Taste | None = None,
        bias: Mapping[str, float] | None = None,
        label_mass: float = 0.9,
        fail_one_in: int = 0,
        max_prompt_tokens: int = 4095,
        block_size: int = 1,
    ) -> None:
        self.name = "fake"
        self._words = FakeTokenizer()
        self.tokenizer: Tokenizer = self._words
        self.block_size = block_size
        self.max_prompt_tokens = max_prompt_tokens
        self.engine_seconds = 0.0
        self.asked = 0
        """Questions that reached this model so far."""
        self._taste = taste
        self._bias = dict(bias or {})
        self._label_mass = label_mass
        self._fail_one_in = fail_one_in
        world = (seed, sorted(self._bias.items()), label_mass)
        self._chance = _digest(*world, 0)
        # A planted taste is code and cannot be hashed: worlds do not share a store by accident.
        # What is answered has nothing of where in memory the taste lies.
        self.fingerprint = _digest(*world, id(taste)) if taste else self._chance
        self._texts: dict[bytes, str] = {}

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order."""
        self.asked += len(questions)
        replies: list[Reply] = []
        for labels, group in groupby(questions, key=lambda question: question.labels):
            batch = list(group)
            hashes = self._hashes(batch)
            answers = self._labels(batch, labels, hashes) if labels else self._suffix(batch, hashes)
            replies += map(self._or_failure, batch, hashes.tolist(), answers)
        return replies

    def write(self, passages: Sequence[Passage]) -> list[Written | NoAnswer]:
        """Words from hashes; where a schema is asked for, JSON that follows it."""
        return [self._written(passage) for passage in passages]

    def _written(self, passage: Passage) -> Written | NoAnswer:
        number = int.from_bytes(passage.key(self._chance)[:8], "little")
        if self._fail_one_in and number % self._fail_one_in == 0:
            return NoAnswer("fake failure")
        if passage.schema is None:
            return Written(f"I am made of hashes ({number % 1000}) and like what I bought.")
        return Written(json.dumps(_instance(passage.schema, number)))

    def close(self) -> None:
        """Nothing to free."""

    def _or_failure(self, question: Question, number: int, answer: Answer) -> Reply:
        if len(question) > self.max_prompt_tokens:
            return NoAnswer(f"prompt longer than {self.max_prompt_tokens} tokens")
        if self._fail_one_in and number % self._fail_one_in == 0:
            return NoAnswer("fake failure")
        return answer

    def _hashes(self, batch: Sequence[Question]) -> npt.NDArray[np.uint64]:
        """[n] one well-mixed number a question, from the digests of its parts."""
        raw = b"".join(q.prefix.digest + _own(q) for q in batch)
        parts = np.frombuffer(raw, dtype=np.uint64).reshape(len(batch), 4)
        seed = np.frombuffer(self._chance[:8], dtype=np.uint64)
        mixed = _mix(parts[:, 0] ^ seed)
        for column in range(1, 4):
            mixed = _mix(mixed ^ parts[:, column])
        return mixed

    def _labels(
        self, batch: Sequence[Question], labels: tuple[int, ...], hashes: npt.NDArray[np.uint64]
    ) -> list[Answer]:
        words = [self._words.decode([label]).strip() for label in labels]
        numbers = np.asarray(labels, dtype=np.uint64)
        logits = _NOISE * _uniform(hashes[:, None] ^ _mix(numbers)[None, :])
        logits += np.array([self._bias.get(word, 0.0) for word in words])
        if self._taste is not None:
            logits += np.array([self._liking(question, words) for question in batch])
        logits -= np.logaddexp.reduce(logits, axis=1, keepdims=True)
        return [Answer(tuple(row)) for row in (logits + math.log(self._label_mass)).tolist()]

    def _liking(self, question: Question, words: Sequence[str]) -> list[float]:
        """Planted log-odds of each label."""
        assert self._taste is not None
        prefix, suffix = self._text(question.prefix), self._text(question.suffix)
        liking = []
        for word in words:
            line = re.search(_LABELLED_LINE.format(letter=re.escape(word)), suffix)
            if line:
                liking.append(self._taste(prefix, line[1]))
            else:
                sign = {"yes": 0.5, "no": -0.5}.get(word.lower(), 0.0)
                liking.append(sign * self._taste(prefix, suffix) if sign else 0.0)
        return liking

    def _suffix(self, batch: Sequence[Question], hashes: npt.NDArray[np.uint64]) -> list[Answer]:
        lengths = np.array([len(question.suffix) for question in batch])
        ends = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
        mixed = np.repeat(hashes, lengths) ^ _mix(within.astype(np.uint64))
        values = _BASE_LOGPROB + _NOISE * _uniform(mixed)
        if self._taste is not None:
            taste = [self._taste(self._text(q.prefix), self._text(q.suffix)) for q in batch]
            values = np.minimum(values + np.repeat(taste, lengths), 0.0)
        flat = values.tolist()
        return [Answer(tuple(flat[start:end])) for start, end in pairwise(ends.tolist())]

    def _text(self, tokens: Tokens) -> str:
        text = self._texts.get(tokens.digest)
        if text is None:
            text = self._texts[tokens.digest] = self._words.decode(tokens.ids)
        return text


def _instance(schema: Mapping[str, Any], number: int) -> Any:
    """Something that follows a JSON schema of objects, arrays, whole numbers and text."""
    match schema["type"]:
        case "object":
            parts = schema["properties"].items()
            return {
                name: _instance(part, number + place) for place, (name, part) in enumerate(parts)
            }
        case "array":
            return [
                _instance(schema["items"], number >> place) for place in range(schema["maxItems"])
            ]
        case "integer":
            low, high = int(schema["minimum"]), int(schema["maximum"])
            return low + number % (high - low + 1)
        case _:
            return f"hash {number % 1000}"


def _digest(*world: object) -> bytes:
    """16 bytes that tell worlds apart."""
    return hashlib.blake2b(f"fake {world}".encode(), digest_size=16).digest()


def _own(question: Question) -> bytes:
    """16 bytes of what is asked: the suffix, and the image with it."""
    if question.image is None:
        return question.suffix.digest
    seen = question.suffix.digest + bytes.fromhex(question.image.digest)
    return hashlib.blake2b(seen, digest_size=16).digest()


def _mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele et al. 2014): every input bit moves every output bit."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _uniform(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Map 64 random bits to [-1, 1)."""
    return (_mix(numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0
