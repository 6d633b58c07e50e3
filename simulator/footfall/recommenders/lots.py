"""Many draws without replacement at once: what ``numpy`` draws for one key at a time.

A generator of numpy for each page costs more than the draw itself. Here the same numbers come from
arrays: those of ``Generator(Philox(key=(seed, purpose))).choice(n, k, replace=False)``, which is
Floyd's algorithm, bounded by Lemire's multiplication, and a shuffle. Rows that numpy would draw in
another way (a large part of a large catalogue, everything there is, a rejected word) are left to
numpy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footfall.luck import Words, philox

Numbers = npt.NDArray[np.int64]

WORD = 2**64 - 1
"""As much of a seed as a key takes."""

SHUFFLED_FROM = 10_000
"""Candidates from which on numpy shuffles instead, if more than a fiftieth of them is drawn."""

_32, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


def drawn(seeds: Words, purpose: int, of: Numbers, k: int) -> Numbers:
    """[n, k] numbers below ``of`` [n], each once in a row.

    Args:
        seeds: [n]
        purpose: Keeps these draws apart from others with the same seeds.
        of: [n] at least ``k``.
        k: How many.
    """
    out = np.zeros((len(seeds), k), dtype=np.int64)
    if not k:
        return out
    plain = (of > k) & (of < WORD >> 32) & ~((of > SHUFFLED_FROM) & (k > of // 50))
    rows = np.flatnonzero(plain)
    if len(rows):
        out[rows], plain[rows] = _floyd(_halves(seeds[rows], purpose, 2 * k - 1), of[rows], k)
    for row in np.flatnonzero(~plain).tolist():
        out[row] = alone(int(seeds[row]), purpose, int(of[row]), k)
    return out


def alone(seed: int, purpose: int, of: int, k: int) -> Numbers:
    """[k] the same of one row."""
    key = np.array([seed & WORD, purpose], dtype=np.uint64)
    chosen = np.random.Generator(np.random.Philox(key=key)).choice(of, size=k, replace=False)
    return np.asarray(chosen, dtype=np.int64)


def _halves(seeds: Words, purpose: int, wanted: int) -> Words:
    """[wanted, n] the first 32-bit words of each seed, as numpy's generator takes them."""
    blocks = np.arange(1, -(-wanted // 8) + 1, dtype=np.uint64)[:, None]
    zero = np.zeros_like(blocks)
    words = philox((blocks, zero, zero, zero), (seeds, np.full_like(seeds, purpose)))
    whole = np.stack(words, axis=1).reshape(-1, len(seeds))
    return np.stack([whole & _LOW, whole >> _32], axis=1).reshape(-1, len(seeds))[:wanted]


def _floyd(halves: Words, of: Numbers, k: int) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """[n, k] draws, and [n] whether no word of a row would have been rejected."""
    sure = np.ones(len(of), dtype=bool)

    def below(number: int, bound: Words) -> Numbers:
        product = halves[number] * bound
        np.logical_and(sure, (product & _LOW) >= bound, out=sure)
        return np.asarray(product >> _32, dtype=np.int64)

    out = np.empty((len(of), k), dtype=np.int64)
    for place in range(k):
        last = of - k + place
        value = below(place, last.astype(np.uint64) + np.uint64(1))
        again = (out[:, :place] == value[:, None]).any(axis=1)
        out[:, place] = np.where(again, last, value)
    every = np.arange(len(of))
    for number, place in enumerate(range(k - 1, 0, -1), start=k):
        other = below(number, np.full(len(of), place + 1, dtype=np.uint64))
        out[every, place], out[every, other] = out[every, other], out[every, place].copy()
    return out, sure
