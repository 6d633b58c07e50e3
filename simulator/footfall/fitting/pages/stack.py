"""Never worse than what it contains: each part of the utility held against days not fitted.

The parts of a fit to the earlier days are the features of a last model of the later ones, with
weights that are not negative and a weak prior around 1. A part that the later days refute gets its
weight; the others keep 1, for weights that are only uncertain made lifts in planted shops worse,
not better. The whole is then held against uniform users, and against users who only know what is
popular; where these foretell more, all weights are taken as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import OWN, TERM_OF, unsure
from footfall.fitting.pages.blocks import Design, Posterior
from footfall.fitting.pages.picks import Family, chances, log_likelihood, pull

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PARTS = (*TERM_OF, "item", "content", "taste")
"""What is weighed, in the order of the columns."""

TRUST = 0.7
"""Standard deviation of the prior of a weight around 1."""

REFUTED = 3.0
"""A part is refuted if its weight lies so many errors away from 1 ..."""

REFUTED_BY = 0.25
"""... and by so much."""

STEPS = 12


@dataclass(frozen=True, eq=False)
class Stack:
    """Weights of the parts, and what the whole foretells beside simpler users."""

    weights: dict[str, float]
    errors: dict[str, float]
    over_uniform: float
    """Log-likelihood of later pages above that of users to whom all items are the same, in nats
    a page."""
    over_popular: float
    """The same above users who differ in nothing and only know what is clicked by everybody."""

    @property
    def applied(self) -> dict[str, float]:
        """What each part is multiplied by in the end."""
        if self.over_popular < 0 or self.over_uniform < 0:
            return self.weights

        def refuted(name: str) -> bool:
            gap = abs(self.weights[name] - 1.0)
            return gap > REFUTED_BY and gap > REFUTED * self.errors[name]

        return {name: self.weights[name] if refuted(name) else 1.0 for name in PARTS}


def stacked(
    family: Family, design: Design, post: Posterior, reading: Floats, clicked: Bools
) -> Stack:
    """Weigh the parts of ``post`` on impressions that it was not fitted to."""
    parts = _parts(design, post)
    utility = post.utility(design)
    rest = unsure(utility, post.variance(design)) - utility
    told = np.array([parts[:, number].std() > 1e-9 for number in range(len(PARTS))])
    x = np.concatenate([np.ones((len(parts), 1)), parts * told], axis=1)
    weights, precision = _fitted(family, design, x, rest, reading, clicked)
    errors = np.sqrt(np.diag(np.linalg.inv(precision)))
    whole = _score(family, design, x @ weights + rest, reading, clicked)
    item = parts[:, PARTS.index("item")]
    return Stack(
        weights=dict(zip(PARTS, weights[1:].tolist(), strict=True)),
        errors=dict(zip(PARTS, errors[1:].tolist(), strict=True)),
        over_uniform=whole - _best_level(family, design, np.zeros(len(item)), reading, clicked),
        over_popular=whole - _best_level(family, design, item, reading, clicked),
    )


def weigh(post: Posterior, weights: dict[str, float]) -> None:
    """Apply the weights of the parts, in place; the level is left to be set anew."""
    slots = {column: place for place, column in enumerate(OWN)}
    for name, columns in TERM_OF.items():
        for column in columns:
            post.common[column] *= weights[name] if column else 1.0
            if column in slots:
                _scale_users(post, slots[column], weights[name])
    for place in range(len(OWN), post.slopes):
        _scale_users(post, place, weights["content"])
    for place in range(post.slopes, post.users.shape[1]):
        _scale_users(post, place, weights["taste"])
    post.items[:, 0] *= weights["item"]
    post.item_cov[:, 0, :] *= weights["item"]
    post.item_cov[:, :, 0] *= weights["item"]


def _scale_users(post: Posterior, place: int, weight: float) -> None:
    post.users[:, place] *= weight
    post.user_cov[:, place, :] *= weight
    post.user_cov[:, :, place] *= weight


def _parts(design: Design, post: Posterior) -> Floats:
    """[n, len(PARTS)]; the common constant is in none of them."""
    k, own, item = post.slopes, post.users[design.users], post.items[design.items]
    slots = {column: place for place, column in enumerate(OWN)}
    found = []
    for columns in TERM_OF.values():
        part = np.zeros(len(own))
        for column in columns:
            slope = own[:, slots[column]] if column in slots else 0.0
            part += design.common[:, column] * ((post.common[column] if column else 0.0) + slope)
        found.append(part)
    content = design.own[:, len(OWN) :]
    found += [
        item[:, 0],
        np.einsum("nr,nr->n", content, own[:, len(OWN) : k]),
        np.einsum("nf,nf->n", own[:, k:], item[:, 1:]),
    ]
    return np.stack(found, axis=1)


def _fitted(
    family: Family, design: Design, x: Floats, rest: Floats, reading: Floats, clicked: Bools
) -> tuple[Floats, Floats]:
    """Weights that are not negative (projected Newton), and the precision around them."""
    centre = np.r_[0.0, np.ones(x.shape[1] - 1)]
    prior = np.diag(np.r_[1e-6, np.full(x.shape[1] - 1, 1 / TRUST**2)])
    weights = np.r_[
        level_of(family, design, x[:, 1:].sum(axis=1) + rest, reading, clicked), centre[1:]
    ]
    precision = prior
    for _ in range(STEPS):
        now = pull(family, design.grid, x @ weights + rest, reading, clicked)
        weighted = x * now.weight[:, None]
        precision = weighted.T @ x + prior
        if now.together:
            mean = np.add.reduceat(weighted, design.grid.rows[:, 0], axis=0)
            precision -= now.together * mean.T @ mean
        gradient = x.T @ now.slope - prior @ (weights - centre)
        weights = weights + np.linalg.solve(precision, gradient)
        weights[1:] = np.maximum(weights[1:], 0.0)
    return weights, precision


def level_of(
    family: Family, design: Design, utility: Floats, reading: Floats, clicked: Bools
) -> float:
    """What to add to utilities so that as many clicks are expected as there were."""
    level = 0.0
    for _ in range(30):
        expected = chances(family, design.grid, utility + level, reading).sum()
        level += float(np.clip(np.log((clicked.sum() + 0.5) / (expected + 0.5)), -2, 2))
    return level


def _best_level(
    family: Family, design: Design, utility: Floats, reading: Floats, clicked: Bools
) -> float:
    level = level_of(family, design, utility, reading, clicked)
    return _score(family, design, utility + level, reading, clicked)


def _score(
    family: Family, design: Design, utility: Floats, reading: Floats, clicked: Bools
) -> float:
    return float(log_likelihood(family, design.grid, utility, reading, clicked).mean())
