"""What a user has met of an item until now: exposures, clicks and purchases that fade.

A faded count is the sum of exp(-days/life) over earlier events. It means the same whether a log
reaches back two weeks or two months, as long as that is longer than the life, which a plain sum
does not; and two faded counts of different times simply add up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


def faded_before(pairs: Numbers, days: Floats, amounts: Floats, lives: Floats) -> Floats:
    """[n, m] what came before each event of the same pair, faded.

    Args:
        pairs: [n] number of the (user, item) pair of each event.
        days: [n] when; events of the same pair at the same time do not count for each other.
        amounts: [n, m] what each event adds to each count.
        lives: [m] days after which 1/e is left.
    """
    order = np.lexsort((days, pairs))
    pair, day = pairs[order], days[order]
    fresh = np.ones(len(pair), dtype=bool)
    fresh[1:] = (pair[1:] != pair[:-1]) | (day[1:] != day[:-1])
    moment = np.cumsum(fresh) - 1
    pair, day = pair[fresh], day[fresh]
    amount = np.zeros((len(pair), amounts.shape[1]))
    np.add.at(amount, moment, amounts[order])
    sums = _carried(pair, day, amount, lives)
    out = np.empty(amounts.shape)
    out[order] = sums[moment]
    return out


def _carried(pair: Numbers, day: Floats, amount: Floats, lives: Floats) -> Floats:
    """Like ``faded_before`` of sorted events, one a pair and moment."""
    n = len(pair)
    first = np.ones(n, dtype=bool)
    first[1:] = pair[1:] != pair[:-1]
    rank = np.arange(n) - np.maximum.accumulate(np.where(first, np.arange(n), 0))
    decay = np.exp(-np.diff(day, prepend=day[:1])[:, None] / lives)
    sums = np.zeros(amount.shape)
    by_rank = np.argsort(rank, kind="stable")
    bounds = np.searchsorted(rank[by_rank], np.arange(1, rank.max(initial=0) + 2))
    for start, end in zip(bounds[:-1], bounds[1:], strict=True):
        at = by_rank[start:end]
        sums[at] = (sums[at - 1] + amount[at - 1]) * decay[at]
    return sums
