"""What can be counted in a title without understanding it: length, punctuation, small words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def _has(pattern: str) -> Callable[[str, list[str]], float]:
    found = re.compile(pattern, re.IGNORECASE)
    return lambda title, _: float(found.search(title) is not None)


def _count(signs: str) -> Callable[[str, list[str]], float]:
    return lambda title, _: float(sum(title.count(sign) for sign in signs))


def _share(holds: Callable[[str], bool]) -> Callable[[str, list[str]], float]:
    return lambda _, words: sum(map(holds, words)) / max(1, len(words))


MEASURES: dict[str, Callable[[str, list[str]], float]] = {
    "characters": lambda title, _: len(title) / 40,
    "root of characters": lambda title, _: len(title) ** 0.5 / 2,
    "words": lambda _, words: len(words) / 7,
    "square of words": lambda _, words: len(words) ** 2 / 150,
    "letters a word": lambda _, words: sum(map(len, words)) / max(1, len(words)) / 2,
    "sentences": lambda title, _: float(len(re.split(r"[.!?]+\s", title))),
    "question marks": _count("?"),
    "exclamation marks": _count("!"),
    "full stops": _count("."),
    "commas": _count(","),
    "colons": _count(":"),
    "double quotes": _count('"\u201c'),
    "single quotes": _count("'\u2019"),
    "dots that trail": _has(r"\.\.\.|\u2026"),
    "dashes": _count("-\u2013\u2014"),
    "brackets": _count("(["),
    "digits": _has(r"\d"),
    "begins with a number": _has(r"^\s*\d"),
    "words in capitals": _share(lambda word: len(word) > 1 and word.isupper()),
    "words with a capital": _share(lambda word: word[0].isupper()),
    "this, these, here": _has(r"\b(this|these|here)\b"),
    "you": _has(r"\b(you|your)\b"),
    "I, we": _has(r"\b(i|my|me|we|our|us)\b"),
    "he, she": _has(r"\b(he|she|his|her|him)\b"),
    "they": _has(r"\b(they|their|them)\b"),
    "begins with a question word": _has(r"^\s*(how|why|what|who|when|where|which)\b"),
    "not": _has(r"\b(not|no|never|none|\w+n['\u2019]t)\b"),
    "and, but, so": _has(r"\b(and|but|so)\b"),
}
"""Name -> number of a title and its words, each of about unit spread on headlines."""


def style(titles: Sequence[str]) -> Floats:
    """[n_titles, n_measures] of each title."""
    rows = [(title, re.findall(r"[\w'\u2019]+", title)) for title in titles]
    table = [[measure(title, words) for measure in MEASURES.values()] for title, words in rows]
    return np.array(table, dtype=np.float64).reshape(len(rows), len(MEASURES))
