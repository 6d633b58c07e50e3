"""Whole lines of delimited files: decoded, without stray control signs, their quotes checked.

A parser that meets an open quote swallows the lines after it without a word, takes a bare carriage
return for the end of a line, and cuts a cell at a NUL. So lines pass here first.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np

from footfall.datasets.quotes import QUOTE, Quotes

BLOCK = 2**20
"""Bytes that are read at a time."""

LONGEST = 2**26
"""Bytes without an end of line from which on a file is no table."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""How files of one encoding begin; the longer marks first, for one begins with another."""


@dataclass
class LineFaults:
    """What was not in order, and in which line first."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, problem: str, count: int, line: int) -> None:
        """Count a problem that begins in a line."""
        if count:
            self.counts[problem] = self.counts.get(problem, 0) + count
            self.first.setdefault(problem, line)


@dataclass
class Lines:
    """The lines of a file as UTF-8, each ended by a newline.

    Attributes:
        source: The file.
        encoding: Its encoding, unless a mark at its beginning tells another.
        lenient: Put a sign in the place of what cannot be decoded, and leave out lines with open
            quotes, instead of refusing them.
        quoted: Cells may stand in double quotes.
    """

    source: IO[bytes]
    encoding: str = "utf-8"
    lenient: bool = False
    quoted: bool = True
    found: LineFaults = field(default_factory=LineFaults)
    number: int = 0
    """Lines given away so far."""

    def blocks(self) -> Iterator[bytes]:
        """Decoded blocks of whole lines, not yet looked at for quotes.

        Raises:
            ValueError: A byte that cannot be decoded, or a line without an end.
        """
        decode = self._decoder()
        rest, mac = b"", False
        for raw in self._raw:
            whole = decode(raw)
            mac = mac or (self.number == 0 and b"\n" not in whole and b"\r" in whole)
            whole = rest + (whole.replace(b"\r", b"\n") if mac else whole)
            end = whole.rfind(b"\n") + 1
            rest = whole[end:]
            if len(rest) > LONGEST:
                raise ValueError(f"line {self.number + 1} has no end; is it a table of text?")
            if end:
                yield self._tidied(whole[:end])
        if rest:
            yield self._tidied(rest + b"\n")

    def _tidied(self, block: bytes) -> bytes:
        """Control signs that end no line become blanks, and are counted."""
        while b"\r\n" in block:
            block = block.replace(b"\r\n", b"\n")
        block = self._blanked(block, b"\r", "carriage return inside a line")
        block = self._blanked(block, b"\0", "NUL inside a line")
        self.number += block.count(b"\n")
        return block

    def _blanked(self, block: bytes, sign: bytes, problem: str) -> bytes:
        place = block.find(sign)
        if place < 0:
            return block
        self.found.add(problem, block.count(sign), self.number + block.count(b"\n", 0, place) + 1)
        return block.replace(sign, b" ")

    def _decoder(self) -> Any:
        first = self.source.read(BLOCK)
        name = next((name for mark, name in MARKS if first.startswith(mark)), self.encoding)
        name = _unmarked(first) or name if name == "utf-8" else name
        self._raw = _chain(first, self.source)
        errors = "replace" if self.lenient else "strict"
        decoder = codecs.getincrementaldecoder(name)(errors)
        skip, plain = True, name in ("utf-8", "ascii")

        def decode(raw: bytes) -> bytes:
            nonlocal skip
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                raise ValueError(self._undecodable(raw, error)) from None
            if skip and text:
                text, skip = text.removeprefix("\ufeff"), False
            if plain and raw and len(text) == len(raw) and text.isascii():
                return raw  # by far the most blocks: no second copy
            return text.encode("utf-8", errors="replace")

        return decode

    def _undecodable(self, raw: bytes, error: UnicodeDecodeError) -> str:
        line = self.number + raw.count(b"\n", 0, error.start) + 1
        return (
            f"line {line} holds a byte that is no {self.encoding.upper()}; add encoding: cp1252 "
            "(or the one that it is written in)"
        )


def _chain(first: bytes, source: IO[bytes]) -> Iterator[bytes]:
    """The blocks of a file, and an empty one after the last."""
    while first:
        yield first
        first = source.read(BLOCK)
    yield b""


def _unmarked(first: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of plain letters is NUL."""
    head = first[:400]
    if len(head) < 8 or head.count(b"\0") < len(head) * 0.4:
        return None
    return "utf-16-le" if head[1::2].count(b"\0") > head[0::2].count(b"\0") else "utf-16-be"


class Stream(io.RawIOBase):
    """Lines whose quotes have been checked, as a file that a parser reads."""

    def __init__(self, blocks: Iterator[bytes], first: bytes = b"") -> None:
        self._blocks = blocks
        self._held = memoryview(first)

    def readable(self) -> bool:
        """Yes; parsers ask."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer``."""
        while not len(self._held):
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._held = memoryview(block)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


def checked(blocks: Iterator[bytes], quotes: Quotes) -> Iterator[bytes]:
    """Pass blocks on whose quotes are in order, and look at the others line by line.

    Raises:
        ValueError: A quote opens and swallows the lines after it.
    """
    for block in blocks:
        if not quotes.open and (QUOTE not in block or _even(block, quotes.separator)):
            quotes.passed(block)
            yield block
            continue
        good = quotes.feed(block.splitlines(keepends=True))
        if good:
            yield good
    rest = quotes.end()
    if rest:
        yield rest


def _even(block: bytes, separator: bytes) -> bool:
    """Whether each line of a block has an even number of quotes, all at the ends of cells."""
    letters = np.frombuffer(block, dtype=np.uint8)
    quotes = np.flatnonzero(letters == ord(QUOTE))
    ends = np.flatnonzero(letters == ord("\n"))
    if (np.searchsorted(quotes, ends) % 2).any():
        return False
    inner = np.array([*separator, *QUOTE, ord("\n")], dtype=np.uint8)
    before = letters[np.maximum(quotes - 1, 0)]
    after = letters[np.minimum(quotes + 1, len(letters) - 1)]
    return bool((np.isin(before, inner) | np.isin(after, inner)).all())
