"""Buying what was clicked, and asking for another page: logits with something of each user's own.

Both are fitted by the same blocks as clicks, each row a page of its own that is read for sure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import (
    BUY_MEASURES,
    BUY_OWN,
    GOING,
    buy_measures,
    sigmoid,
)
from footfall.fitting.pages.blocks import Blocks, Design, Posterior, start
from footfall.fitting.pages.design import WEAK, Paper, Scales
from footfall.fitting.pages.log import PageLog
from footfall.fitting.pages.picks import Family, Grid, Pull, expected_pull

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

SWEEPS = 10

EACH = Family("many")
"""Every row for itself."""

CAPPED = 0.002
"""A last page that so many pages of the log are is where the shop ends a visit: nobody was asked
whether they wanted to go on."""


@dataclass(frozen=True, eq=False)
class Logit:
    """A fitted logit."""

    post: Posterior
    scales: Scales
    rows: int
    """Decisions that it was fitted to."""
    positive: int


def fit_logit(design: Design, outcome: Bools) -> Posterior:
    """Blocks without taste; as many outcomes are expected as there were."""
    read = np.ones(len(outcome))

    def at(mean: Floats, spread: Floats) -> Pull:
        return expected_pull(EACH, design.grid, mean, spread, read, outcome)

    rate = (outcome.sum() + 0.5) / (len(outcome) + 1.0)
    post, blocks = start(design, float(rate)), Blocks(design, at)
    for _ in range(SWEEPS):
        blocks.sweep(post, post.variance(design), taste=False)
    variance = post.variance(design)
    for _ in range(3):
        chance = sigmoid(post.expected(design, variance))
        odds = np.log((outcome.sum() + 0.5) / (chance.sum() + 0.5))
        post.common[0] += odds / max(1.0 - rate, 0.1)
    return post


def fit_buying(
    log: PageLog, measures: Floats, worth: Floats, chance: Floats, paper: Paper, rows: Bools
) -> Logit | None:
    """P(bought | clicked); None where nothing was bought, or everything that was clicked.

    The level is set by all impressions, not by those that were clicked: what was clicked is
    worth more in the fit than it will be worth again, because the fit has seen the clicks.

    Args:
        log: The pages.
        measures: [n, len(MEASURES)], unscaled.
        worth: [n] utility of the click.
        chance: [n] P(clicked).
        paper: What users and items are like without the log.
        rows: [n] whose impressions are fitted.
    """
    shown, rows = rows, rows & log.clicked
    bought = log.bought[rows]
    if bought.sum() in {0, len(bought)}:
        return None
    raw = buy_measures(measures[rows], worth[rows])
    scales = Scales.of(raw)
    x = scales(raw)
    design = Design(
        grid=_alone(len(x)),
        users=log.users[rows],
        items=log.items[rows],
        common=x,
        own=x[:, list(BUY_OWN)],
        profile=paper.profile,
        content=paper.content,
        penalty=np.r_[1e-6, np.full(len(BUY_MEASURES) - 1, WEAK)],
        guess=np.full(len(BUY_OWN), 0.1),
        factors=0,
        item_guess=0.1,
    )
    post = fit_logit(design, bought)
    every = scales(buy_measures(measures[shown], worth[shown]))
    odds = every @ post.common + post.items[log.items[shown], 0]
    odds += np.einsum("nk,nk->n", every[:, list(BUY_OWN)], post.users[log.users[shown]])
    post.common[0] += _shift(odds, chance[shown], float(bought.sum()))
    return Logit(post, scales, len(bought), int(bought.sum()))


def _shift(odds: Floats, chance: Floats, wanted: float) -> float:
    """What to add to log-odds so that ``wanted`` are expected, each counting by its chance."""
    shift = 0.0
    for _ in range(20):
        probability = sigmoid(odds + shift)
        expected = float(chance @ probability)
        slope = float(chance @ (probability * (1 - probability)))
        shift += float(np.clip((wanted - expected) / max(slope, 1e-9), -1.0, 1.0))
    return shift


def fit_going(log: PageLog, paper: Paper, rows: Bools) -> Logit | None:
    """Another page, by page number and what happened; None where no visit has a second page."""
    first = log.grid.rows[:, 0]
    user, number = log.users[first], log.page_number
    went = np.zeros(log.n_pages, dtype=bool)
    went[:-1] = log.page_visit[1:] == log.page_visit[:-1]
    clicked = np.bincount(log.pages, weights=log.clicked, minlength=log.n_pages) > 0
    bought = np.bincount(log.pages, weights=log.bought, minlength=log.n_pages) > 0
    last = int(number.max(initial=0))
    capped = last > 0 and (number == last).mean() > CAPPED
    asked = rows[first] & ~(capped & (number == last))
    if not went[asked].any() or went[asked].all():
        return None
    x = np.stack([np.ones(log.n_pages), np.log1p(number), clicked, bought], axis=1)[asked]
    told = np.r_[True, x[:, 1:].std(axis=0) > 0]
    design = Design(
        grid=_alone(len(x)),
        users=user[asked],
        items=np.zeros(len(x), dtype=np.int64),
        common=x * told,
        own=x[:, :1],
        profile=paper.profile,
        content=np.zeros((1, 0)),
        penalty=np.r_[1e-6, np.full(len(GOING) - 1, WEAK)],
        guess=np.array([0.2]),
        factors=0,
        item_guess=1e-6,
    )
    post = fit_logit(design, went[asked])
    identity = Scales(np.zeros(len(GOING)), np.ones(len(GOING)), told)
    return Logit(post, identity, len(x), int(went[asked].sum()))


def _alone(n: int) -> Grid:
    return Grid.of(np.arange(n))
