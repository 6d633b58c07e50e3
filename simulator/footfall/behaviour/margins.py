"""How close a page came to being decided otherwise, by the luck that it had."""

from __future__ import annotations

import numpy as np

from footfall.behaviour.decisions import (
    Floats,
    PageLuck,
    content_by_clicks,
    noise_of_one,
)
from footfall.behaviour.specs import Habits
from footfall.luck import gumbel, uniform


def margins(utility: Floats, reading: Floats, luck: PageLuck, habits: Habits) -> Floats:
    """[n_pages, k] by how much utility was above what a click took; negative: below.

    -inf where it was not looked at. Where a page has one click at most, only its best item has a
    margin: without it another one may be clicked, and neither clicks nor purchases change.

    Args:
        utility: [n_pages, k], -inf where nothing is shown.
        reading: [n_pages, k] P(the user reads down to this position).
        luck: Of the same pages.
        habits: By which they were decided.
    """
    if habits.picks == "many" and habits.reads_on:
        draws = uniform(luck.item_noise)
        _, examined = content_by_clicks(utility, reading, luck, habits.reads_on)
        return np.where(examined, utility - np.log(draws) + np.log1p(-draws), -np.inf)
    if habits.picks == "one" and habits.crowding is not None:
        above = noise_of_one(utility, reading, luck, habits.crowding)
    else:
        depth = np.sum(uniform(luck.depth)[:, None] < reading, axis=1)
        examined = np.arange(utility.shape[1]) < depth[:, None]
        noisy = utility + gumbel(luck.item_noise) - gumbel(luck.outside)[:, None]
        above = np.where(examined, noisy, -np.inf)
    if habits.picks == "many":
        return above
    best = np.argmax(above, axis=1)[:, None]
    return np.where(np.arange(above.shape[1]) == best, above, -np.inf)
