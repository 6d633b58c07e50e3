"""The simulated users under judgement: coefficients, and the probabilities that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.behaviour.decisions import click_probabilities, examination_curve
from footfall.behaviour.features import FEATURES, PairFeatures
from footfall.behaviour.specs import TERMS, BehaviourSpec, Terms
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.logit import LogitData, LogitFit, fit_logit, flat_features, probabilities
from footfall.fitting.masked import one_at_most

Floats = npt.NDArray[np.float64]

RIDGE = 1.0
"""Standard-normal prior on each standardised coefficient: nothing where data are plenty."""

BEYOND_LUCK = 1.96
"""The model is given a voice only where its coefficient is this many standard errors above 0."""


def utilities(
    terms: Terms,
    features: PairFeatures,
    users: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    llm: Floats | None = None,
    *,
    times: npt.NDArray[np.datetime64] | None = None,
    differences: Floats | None = None,
) -> Floats:
    """[n, k] utility of a click against "none of these"; position and fatigue are 0 here.

    Args:
        terms: Common coefficients.
        features: Of the users.
        users: [n]
        items: [n, k]
        llm: [n, k] the model's utilities; None: it is not heard.
        times: [n] when; None: at no particular time.
        differences: [n, len(TERMS)] of the users' coefficients from the common ones; None: 0.
    """
    common = np.array([getattr(terms, name) for name in TERMS])
    own = common[None, :] if differences is None else common + differences
    weights = own[:, [TERMS.index(name) for name in FEATURES]]
    known = features.of(users, items, times=times)
    total = own[:, TERMS.index("none"), None] + np.einsum("nkf,nf->nk", known, np.broadcast_to(
        weights, (len(items), len(FEATURES))
    ))  # fmt: skip
    if llm is None or terms.llm == 0:
        return np.asarray(total)
    return np.asarray(total + own[:, TERMS.index("llm"), None] * llm)


def differences(behaviour: BehaviourSpec, users: npt.NDArray[np.int64], draw: int) -> Floats | None:
    """[n, len(TERMS)] how the users of rows differ from everybody in one draw; None: not at all.

    A user differs alike in all rows of a draw. Draws go in pairs of mirror images.
    """
    if not any(behaviour.spread.values()):
        return None
    spread = np.array([behaviour.spread.get(name, 0.0) for name in TERMS])
    size = (int(users.max(initial=0)) + 1, len(TERMS))
    z = np.random.Generator(np.random.Philox(key=draw // 2)).standard_normal(size)
    return np.asarray((1.0 if draw % 2 else -1.0) * z[users] * spread)


DRAWS = 24
"""Draws of the users' differences over which chances are averaged."""


def draws_of(behaviour: BehaviourSpec) -> int:
    """How many draws of the users' differences are needed: one where they do not differ."""
    return DRAWS if any(behaviour.spread.values()) else 1


def page_chances(
    behaviour: BehaviourSpec,
    features: PairFeatures,
    sets: ChoiceSets,
    llm: Floats | None = None,
) -> Floats:
    """[n, k + 1] as ``page_chances_of``, averaged over how users may differ."""
    draws = range(draws_of(behaviour))
    return np.asarray(
        np.mean([page_chances_of(behaviour, features, sets, llm, draw) for draw in draws], axis=0)
    )


def page_chances_of(
    behaviour: BehaviourSpec,
    features: PairFeatures,
    sets: ChoiceSets,
    llm: Floats | None = None,
    draw: int = 0,
) -> Floats:
    """[n, k + 1] P(clicked and bought) of each item of a page, as a run would have it, and of none.

    The sets tell no order, so every item stands once in every place: the mean over the cyclic
    orders. The sets keep one of several takings, so the chances are given that it was one at most
    (``footfall.fitting.masked``). Where something was taken for certain they are given that; where
    sets without a choice were thinned out, the odds are raised as much.
    """
    own = differences(behaviour, sets.users, draw)
    utility = utilities(
        behaviour.click, features, sets.users, sets.items, llm, times=sets.times, differences=own
    )
    utility = np.where(sets.shown, utility, -np.inf)
    buys = p_buy(behaviour, features, sets.users, sets.items)
    k = sets.items.shape[1]
    reading = examination_curve(behaviour.habits, k)
    place = behaviour.click.position * np.log1p(np.arange(k))
    total = np.zeros(utility.shape)
    for first in range(k):
        turned = np.roll(utility, first, axis=1)
        shown = np.isfinite(turned)
        clicks = click_probabilities(turned + place, reading * shown, behaviour.habits.picks)
        total += np.roll(np.where(shown, clicks, 0.0), -first, axis=1)
    taken = np.where(sets.shown, total / k * buys, 0.0)
    both = one_at_most(taken, behaviour.habits.picks)
    if sets.outside:
        both[:, :-1] *= np.exp(sets.log_rate)[:, None]
    else:
        both[:, -1] = 0.0
    return np.asarray(both / both.sum(axis=1, keepdims=True))


def p_buy(
    behaviour: BehaviourSpec,
    features: PairFeatures,
    users: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
) -> Floats:
    """[n, k] P(bought | clicked), as in ``Behaviour.decide``."""
    known = features.of(users, items)
    odds = (
        behaviour.buy.base
        + behaviour.buy.price * known[:, :, FEATURES.index("price")]
        + behaviour.buy.repeat * known[:, :, FEATURES.index("repeat")]
    )
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * odds)))


def chances(sets: ChoiceSets, utility: Floats) -> Floats:
    """[n, k + 1] probabilities of the items and, last, of choosing nothing."""
    offset = sets.log_rate[:, None] if sets.outside else 0.0
    inside = probabilities(utility + offset, sets.shown, outside=sets.outside)
    return np.column_stack([inside, np.maximum(0.0, 1.0 - inside.sum(axis=1))])


@dataclass(frozen=True)
class VoiceWeight:
    """How loud the language model may speak beside everything else."""

    weight: float
    """Coefficient by maximum likelihood, per unit of the model's utility."""
    error: float
    """Its standard error, clustered by user."""
    used: float
    """What the blend uses: ``weight`` drawn to 0 by as much as luck explains, and 0 where luck
    may explain all of it. Never below 0: a model whose advice is better turned round does not
    understand the question."""
    slates: int


def hear(sets: ChoiceSets, utility: Floats, llm: Floats) -> VoiceWeight:
    """Fit the model's weight on real choices, beside the utility of all other terms.

    Args:
        sets: Choices of the fit stage that the model was asked about.
        utility: [n, k] of the blend without the model, whose scale is fitted along.
        llm: [n, k] the model's utilities; NaN only where padded.
    """
    columns = {
        "llm": np.where(sets.shown, llm, 0.0),
        "rest": np.where(sets.shown, utility, 0.0),
        "none": np.full(sets.items.shape, float(sets.outside)),
    }

    def data(names: list[str]) -> LogitData:
        numbers = np.stack([columns[name] for name in names], axis=2)
        return LogitData(numbers, sets.shown, sets.chosen, sets.outside, sets.log_rate, sets.users)

    silent = set(flat_features(data(list(columns)), list(columns)))
    if "llm" in silent:
        return VoiceWeight(0.0, 0.0, 0.0, len(sets))
    names = [name for name in columns if name not in silent]
    found: LogitFit = fit_logit(data(names), names, ridge=RIDGE)
    weight, error = found["llm"], float(found.standard_errors[0])
    trust = 1.0 - (error / weight) ** 2 if weight > BEYOND_LUCK * error else 0.0
    return VoiceWeight(weight, error, weight * trust, len(sets))
