"""Is it better to ask where an answer can change what happens, than to ask some users everything?

    .venv/bin/python benchmarks/ask_where.py

A made-up world in which a surrogate is off by normal errors. Luck is known before the model is
asked, so for each page the chance is known that the model's answer would turn a purchase into
none, or none into one. Three ways to correct the surrogate's effect, at the same number of
questions:

    1      users drawn evenly are asked about all of their pages (``levels``)
    user   likewise, but users are drawn by how much their answers may change
    page   single pages are drawn by that, of all users

The last two weigh what they find by one over its chance, so they are unbiased as well. What is
compared is the variance of the correction. Each page is a world of its own: a purchase changes no
later page, which in a run it does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from figures import keep
from scipy.stats import norm

USERS, VISITS, PAGES, ITEMS = 20_000, 2, 2, 8
HISTORY, ITEM = 150, 12
"""Tokens of a history and of an item, as in the demo."""
ASKED = 0.1
FLOOR = 0.1
"""Of the mean chance, added to each: nothing is never asked."""

Array = np.ndarray


@dataclass(frozen=True)
class World:
    """[users, arms, visits, pages] what happened by the model and by the surrogate."""

    model: Array
    surrogate: Array
    chances: Array
    """Foreseen by the surrogate, that the model's answer changes what happened."""

    @classmethod
    def drawn(cls, error: float, believed: float, seed: int = 1) -> World:
        """Errors of that standard deviation, and what it is believed to be."""
        rng = np.random.default_rng(seed)
        shape = (USERS, 2, VISITS, PAGES, ITEMS)
        habit = rng.normal(-3.6, 0.9, (USERS, 1, 1, 1, 1)) + rng.normal(0, 1.2, shape)
        same = rng.random((USERS, VISITS, PAGES, ITEMS)) < 0.5
        habit[:, 1] = np.where(same, habit[:, 0], habit[:, 1])
        off = rng.normal(0, error, shape)
        noise, outside = (
            rng.gumbel(size=(USERS, 1, *shape[2:])),
            rng.gumbel(size=(*shape[:1], 1, *shape[2:4])),
        )
        read = np.arange(ITEMS) < rng.integers(1, ITEMS + 1, (USERS, 1, VISITS, PAGES, 1))
        buys = rng.random((USERS, 1, VISITS, PAGES)) < 0.38
        said, repeated = (
            np.where(read, habit + more + noise, -np.inf) for more in (np.zeros(1), off)
        )
        none = norm.cdf((outside[..., None] - repeated) / believed).prod(axis=-1)
        clicked = repeated.max(axis=-1) > outside
        return cls(
            ((said.max(axis=-1) > outside) & buys).astype(float),
            (clicked & buys).astype(float),
            np.where(clicked, none, 1 - none) * buys,
        )

    def effects(self) -> tuple[Array, Array]:
        """[users] treatment less control, by model and surrogate."""
        found = (one.sum(axis=(2, 3)) for one in (self.model, self.surrogate))
        first, second = (one[:, 1] - one[:, 0] for one in found)
        return first, second


def drawn(weights: Array, share: float) -> Array:
    """Chances of being asked in proportion to ``weights``, on average ``share``."""
    chances = np.minimum(1.0, share * weights / weights.mean())
    for _ in range(20):
        chances = np.minimum(1.0, chances * share / chances.mean())
    return chances


def compared(error: float, believed: float) -> dict[str, float]:
    """Variances of both ways as shares of that of ``levels``."""
    world = World.drawn(error, believed)
    model, surrogate = world.effects()
    gaps, pages = model - surrogate, world.chances + FLOOR * world.chances.mean()
    even = gaps.var() / ASKED
    by_user = drawn(np.sqrt(pages.sum(axis=(1, 2, 3))), ASKED)
    by_page = drawn(np.sqrt(pages), ASKED)
    turned = (world.model - world.surrogate) ** 2
    single = (turned * (1 / by_page - 1)).sum(axis=(1, 2, 3)).mean() + gaps.var()
    histories = (1 - (1 - by_page).prod(axis=(1, 2, 3))).mean() * HISTORY
    of_page = histories + by_page.sum(axis=(1, 2, 3)).mean() * ITEMS * ITEM
    of_even = ASKED * (HISTORY + world.model[0].size * ITEMS * ITEM)
    return {
        "correlation": float(np.corrcoef(model, surrogate)[0, 1]),
        "user": float(((gaps**2 * (1 / by_user - 1)).mean() + gaps.var()) / even),
        "page": float(single / even),
        "page-tokens": float(single / even * of_page / of_even),
    }


def main() -> None:
    """Small, middling and large errors, and errors taken for half as large as they are."""
    figures = {}
    for name, error, believed in (
        ("small", 0.1, 0.1),
        ("middling", 0.25, 0.25),
        ("large", 0.5, 0.5),
        ("mistaken", 0.25, 0.125),
    ):
        for key, value in compared(error, believed).items():
            figures[f"{name}-{key}"] = f"{value:.2f}"
            print(f"{name:9} {key:12} {value:.2f}")
    keep("ask-where", ".venv/bin/python benchmarks/ask_where.py", figures)


if __name__ == "__main__":
    main()
