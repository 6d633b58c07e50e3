"""All the luck of a run: Philox draws keyed by who, when and what for.

A draw depends on (seed, user, session, page, item, purpose) and on nothing else: not on the
arm, the slot, the batch, the worker or the order of calls. So arms share their luck (common
random numbers), and a resumed run meets the same luck as an uninterrupted one.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox4x64-10,
the generator behind ``numpy.random.Philox``; numpy's takes one key at a time, this one arrays).
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

_LAST = 0xFFFFFFFFFFFFFFFF
_M0 = 0xD2E7470EE14C6C93
_M1 = 0xCA5A826395121157
_W0 = np.uint64(0x9E3779B97F4A7C15)
_W1 = np.uint64(0xBB67AE8584CAA73B)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


class Purpose(enum.IntEnum):
    """What a draw decides; part of its key, so no two purposes share their luck."""

    VISIT = 1
    """Words: gap before the visit, hour of the day, -, -."""
    PAGE = 2
    """Words: reading depth, the outside option's noise, going on, order of options."""
    ITEM = 3
    """Words: noise of the item's utility, buying after a click where a page may have several
    clicks, whether it is looked at where clicks shorten reading, -."""
    REQUEST = 4
    """Words: the seed handed to recommenders, -, -, -."""
    BUY = 5
    """Words: buying after the only click of a page, -, -, -."""
    LEAVE = 6
    """Words: leaving for good after the visit before this one, -, -, -."""
    ACT = 30
    """Words: pieces bought, whether it is put into a cart or rated, the rating, the review."""
    NEXT = 31
    """Words: searching, looking at similar items, what is searched for, -."""
    TASTE = 32
    """Words: a user's lasting difference from everybody in one coefficient, -, -, -."""
    WAIT = 20
    """Words: patience with a slow page, -, -, -."""
    REASON = 21
    """Words: whether the model is asked for its reasons, -, -, -."""


def identity(name: str) -> int:
    """64 bits that stand for a user or an item in the keys."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def identities(names: tuple[str, ...] | list[str]) -> Words:
    """[n] ``identity`` of each name."""
    return np.fromiter((identity(name) for name in names), dtype=np.uint64, count=len(names))


@dataclass(frozen=True)
class Luck:
    """The luck of one seed."""

    seed: int

    def words(
        self,
        purpose: Purpose,
        user: Words,
        session: npt.NDArray[np.int64],
        page: npt.NDArray[np.int64] | int = 0,
        item: Words | int = 0,
    ) -> tuple[Words, Words, Words, Words]:
        """Four independent 64-bit words for each key; the arguments broadcast together."""
        visit = (np.asarray(session, np.uint64) << _32) | np.asarray(page, np.uint64)
        # Kept as small as they are: arrays grow in the round in which they meet larger ones.
        counter = (visit, np.asarray(item, np.uint64), _word(purpose), _word(0))
        return philox(counter, (_word(self.seed), user))


def philox(
    counter: tuple[Words, Words, Words, Words], key: tuple[Words, Words]
) -> tuple[Words, Words, Words, Words]:
    """Philox4x64-10 over arrays that broadcast together: ten rounds, no state.

    Four arrays of the common shape come out where every part of it occurs among counter and key.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    with np.errstate(over="ignore"):
        for _ in range(10):
            high0, low0 = _multiply(_M0, c0)
            high1, low1 = _multiply(_M1, c2)
            c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
            k0, k1 = k0 + _W0, k1 + _W1
    return c0, c1, c2, c3


def _word(number: int) -> Words:
    """A single word, of no dimension."""
    return np.array(number & _LAST, dtype=np.uint64)


def _multiply(factor: int, words: Words) -> tuple[Words, Words]:
    """High and low halves of the 128-bit products."""
    factor_high, factor_low = np.uint64(factor >> 32), np.uint64(factor & 0xFFFFFFFF)
    high, low = words >> _32, words & _LOW
    cross = factor_high * low + ((factor_low * low) >> _32)
    middle = factor_low * high + (cross & _LOW)
    return factor_high * high + (cross >> _32) + (middle >> _32), words * np.uint64(factor)


def uniform(words: Words) -> Floats:
    """Uniform on the open interval (0, 1), 53 bits."""
    return np.asarray(((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)


def gumbel(words: Words) -> Floats:
    """Standard Gumbel noise: adding it to utilities and taking the best is a logit choice."""
    return np.asarray(-np.log(-np.log(uniform(words))))


def exponential(words: Words) -> Floats:
    """Standard exponential, mean 1."""
    return np.asarray(-np.log(uniform(words)))
