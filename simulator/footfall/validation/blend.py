"""The simulated users under judgement: coefficients, and the probabilities that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.behaviour import BehaviourSpec, Terms, examination_curve
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.features import FEATURES, PairFeatures
from footfall.fitting.known import Known
from footfall.fitting.logit import LogitData, LogitFit, fit_logit, flat_features, probabilities

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
) -> Floats:
    """[n, k] utility of a click against "none of these"; position and fatigue are 0 here."""
    weights = np.array([getattr(terms, name) for name in FEATURES])
    total = terms.none + features.of(users, items) @ weights
    return np.asarray(total if llm is None or terms.llm == 0 else total + terms.llm * llm)


def taking(
    behaviour: BehaviourSpec,
    features: PairFeatures,
    users: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    llm: Floats | None = None,
) -> Floats:
    """[n, k] utility of taking: clicking and buying, on a slate of which no order is known.

    The chance to read an item (mean over the page) and to buy it once clicked are added as
    logs, which is exact where takings are rare, and undoes what ``fit_behaviour`` does.
    """
    read = float(examination_curve(behaviour.habits, items.shape[1]).mean())
    clicks = utilities(behaviour.click, features, users, items, llm)
    return np.asarray(clicks + np.log(read) + np.log(p_buy(behaviour, features, users, items)))


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


def anchored(behaviour: BehaviourSpec, known: Known) -> BehaviourSpec:
    """Set the constant so that a whole catalogue would sell as much as it does in a visit.

    For choices that could not be left without one: they tell which item, not whether. With
    every item of the catalogue in sight, the mean user takes as many as the crowd does in a
    visit; a page of few items then gives each the chance that it really has.
    """
    n, m = known.past.n_users, known.n_items
    everything = np.arange(m, dtype=np.int32)
    rates = [
        np.exp(utilities(behaviour.click, known.features, np.array([user]), everything[None])).sum()
        for user in range(n)
    ]
    wanted = known.features.crowd.basket / _sigmoid(behaviour.buy.base)
    moved = behaviour.click.none + float(np.log(wanted) - np.log(np.mean(rates)))
    return behaviour.model_copy(
        update={"click": behaviour.click.model_copy(update={"none": moved})}
    )


def _sigmoid(x: float) -> float:
    return float(0.5 * (1.0 + np.tanh(0.5 * x)))


def chances(sets: ChoiceSets, utility: Floats) -> Floats:
    """[n, k + 1] probabilities of the items and, last, of choosing nothing."""
    offset = sets.log_rate[:, None] if sets.outside else 0.0
    inside = probabilities(utility + offset, sets.shown, outside=sets.outside)
    return np.column_stack([inside, np.maximum(0.0, 1.0 - inside.sum(axis=1))])


@dataclass(frozen=True)
class Voice:
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


def hear(sets: ChoiceSets, utility: Floats, llm: Floats) -> Voice:
    """Fit the model's weight on real choices, beside the utility of all other terms.

    Args:
        sets: Choices of the fit stage that the model was asked about.
        utility: [n, k] of the blend without the model, whose scale is fitted along.
        llm: [n, k] the model's utilities; NaN only where padded.
    """
    filled = np.where(sets.shown, llm, 0.0)
    columns = [np.where(sets.shown, utility, 0.0), filled]
    data = LogitData(
        np.stack(columns, axis=2), sets.shown, sets.chosen, sets.outside, sets.log_rate, sets.users
    )
    names = ("rest", "llm")
    if "llm" in flat_features(data, names):
        return Voice(0.0, 0.0, 0.0, len(sets))
    found: LogitFit = fit_logit(data, names, ridge=RIDGE)
    weight, error = found["llm"], float(found.standard_errors[1])
    trust = 1.0 - (error / weight) ** 2 if weight > BEYOND_LUCK * error else 0.0
    return Voice(weight, error, weight * trust, len(sets))
