"""From what a page is worth to a user to what is clicked: one function a rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from planted.kinds import Kind
from planted.people import Floats

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Glance:
    """Pages as users meet them."""

    utility: Floats
    """[n, slate] what each item is worth; above the noise it is wanted."""
    looked: Floats
    """[n, slate] chance that the place is looked at."""
    category: npt.NDArray[np.int64]
    """[n, slate] number of the category."""
    level: float = 0.0
    """Utility of an item that is nothing special."""


def looks(kind: Kind, slate: int, *, phone: bool) -> Floats:
    """[slate] chance that each place is looked at."""
    curve = kind.phone if phone else kind.desktop
    return np.interp(np.linspace(0, len(curve) - 1, slate), np.arange(len(curve)), curve)


def noise(kind: Kind, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Luck of single decisions, mean 0 and standard deviation 1."""
    if kind.noise == "normal":
        return rng.normal(size=shape)
    # A skewed one: P(utility + noise > 0) is a complementary log-log.
    return (rng.gumbel(size=shape) - 0.5772) * np.sqrt(6) / np.pi


def wanted(kind: Kind, utility: Floats) -> Floats:
    """P(an item of that utility is wanted): that utility and ``noise`` together are above 0."""
    if kind.noise == "normal":
        return np.asarray(norm.cdf(utility))
    return np.asarray(-np.expm1(-np.exp(utility * np.pi / np.sqrt(6) - 0.5772)))


def clicks(kind: Kind, page: Glance, rng: np.random.Generator) -> Bools:
    """[n, slate] what is clicked."""
    worth = page.utility + noise(kind, page.utility.shape, rng)
    if kind.contrast:
        worth = worth - kind.contrast * (page.utility.mean(axis=1, keepdims=True) - page.level)
    if kind.variety:
        worth = worth - kind.variety * _sameness(page.category)
    if kind.rule == "nested":
        return _nested(page, worth, rng)
    examined = rng.random(worth.shape) < page.looked
    if kind.rule == "several":
        return examined & (worth > 0)
    if kind.rule == "satisficing":
        return _first_good_enough(examined, worth)
    return _best(examined, worth)


def _best(examined: Bools, worth: Floats) -> Bools:
    """The best of what was looked at, if it is wanted at all."""
    seen = np.where(examined, worth, -np.inf)
    best = np.zeros(seen.shape, dtype=bool)
    best[np.arange(len(seen)), seen.argmax(axis=1)] = True
    return best & (seen > 0)


def _nested(page: Glance, worth: Floats, rng: np.random.Generator) -> Bools:
    """Down from the top: who stops reading reads nothing below; a click ends it seven in ten."""
    reading = np.ones(len(worth), dtype=bool)
    clicked = np.zeros(worth.shape, dtype=bool)
    before = np.ones(len(worth))
    for place in range(worth.shape[1]):
        stays = page.looked[:, place] / before
        reading &= rng.random(len(worth)) < stays
        before = page.looked[:, place]
        clicked[:, place] = reading & (worth[:, place] > 0)
        reading &= ~clicked[:, place] | (rng.random(len(worth)) < 0.3)
    return clicked


def _first_good_enough(examined: Bools, worth: Floats) -> Bools:
    """Two at most, from the top; what will do falls as the page gives nothing."""
    bar = 0.25 * np.linspace(1, -1, worth.shape[1])
    good = examined & (worth > bar)
    return np.asarray(good & (good.cumsum(axis=1) <= 2))


def dominance(category: npt.NDArray[np.int64], price: Floats, appeal: Floats) -> Floats:
    """[n, slate] 1 for what beats a neighbour, less 0.5 for what is beaten.

    An item beats another of its category within three places that is dearer and less liked.
    """
    near = np.abs(np.subtract.outer(*[np.arange(category.shape[1])] * 2)) <= 3
    rivals = near & (category[:, :, None] == category[:, None, :])
    beats = rivals & (price[:, :, None] < price[:, None, :])
    beats &= appeal[:, :, None] > appeal[:, None, :]
    return np.asarray(beats.any(axis=2) - 0.5 * beats.any(axis=1))


def _sameness(category: npt.NDArray[np.int64]) -> Floats:
    """[n, slate] 1 where the place above has the same category, 0.5 where one of two more has."""
    same = np.zeros(category.shape)
    for back, part in ((1, 1.0), (2, 0.5), (3, 0.5)):
        match = category[:, back:] == category[:, :-back]
        same[:, back:] = np.maximum(same[:, back:], part * match)
    return same
