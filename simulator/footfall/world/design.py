"""Who meets which recommender: the design of the experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

Design = Literal["paired", "split", "interleaved"]
"""``paired``: every user meets every arm, with the same luck (the default).
``split``: every user meets one arm, as in a live test.
``interleaved``: every user sees pages on which two recommenders take turns (team draft)."""

INTERLEAVED = "interleaved"
"""Name of the only arm of an interleaved run."""

_Item = TypeVar("_Item")


def assign(
    design: Design,
    users: npt.NDArray[np.uint64],
    arms: int,
    seed: int,
    *,
    played: float | npt.NDArray[np.uint64] = 1.0,
) -> list[tuple[int, int]]:
    """(arm, user) pairs that are simulated, ordered by arm and user.

    In a split design users are dealt out to the arms in an order drawn with the seed, so arms
    differ by at most one user.

    Args:
        design: Who meets which arm.
        users: [n_users] what users are known by.
        arms: How many.
        seed: Deals the users out, and draws who comes.
        played: Share of the users who come at all, or who does. Whoever comes with a smaller share
            comes with a larger one as well.
    """
    if isinstance(played, float):
        coming = sorted(_coming(len(users), played, seed))
    else:
        coming = np.flatnonzero(np.isin(users, played)).tolist()
    if design == "interleaved":
        return [(0, user) for user in coming]
    if design == "paired":
        return [(arm, user) for arm in range(arms) for user in coming]
    order = np.random.Generator(np.random.Philox(seed)).permutation(coming)
    return sorted((place % arms, int(user)) for place, user in enumerate(order))


def _coming(users: int, played: float, seed: int) -> list[int]:
    """Numbers of the users who come, in an order of their own."""
    if played == 1.0:
        return list(range(users))
    order = np.random.Generator(np.random.Philox(key=[seed, users])).permutation(users)
    return [int(user) for user in order[: max(1, round(played * users))]]


def team_draft(
    first: Sequence[_Item], second: Sequence[_Item], k: int, coins: int
) -> list[tuple[_Item, int]]:
    """A page of at most ``k`` items and the team (0 or 1) that contributed each.

    In every round a coin (a bit of ``coins``, the lowest one first) decides who goes first;
    each side then puts up its best item that is not there yet (Radlinski, Kurup and Joachims,
    CIKM 2008).
    """
    sides = (first, second)
    page: dict[_Item, int] = {}
    rounds = 0
    while len(page) < k:
        before = len(page)
        leader = (coins >> rounds) & 1
        for team in (leader, 1 - leader):
            item = next((item for item in sides[team] if item not in page), None)
            if item is not None and len(page) < k:
                page[item] = team
        if len(page) == before:
            break
        rounds += 1
    return list(page.items())
