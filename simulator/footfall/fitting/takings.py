"""Users fitted to what was taken: one fit for ``footfall fit`` and ``footfall validate``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from footfall.behaviour.features import FEATURES
from footfall.behaviour.specs import BehaviourSpec, Habits
from footfall.fitting.fitted import CONSTANT, VARYING, FittedBehaviour, Others, fit_behaviour
from footfall.fitting.ground import Ground
from footfall.fitting.known import Known
from footfall.fitting.sets import Sets

Segments = npt.NDArray[np.object_] | None
"""[n_users] the value of a profile column of each user of a stage."""


def fit_takers(
    ground: Ground,
    sets: Sets,
    before: tuple[Known, Known],
    habits: Habits,
    *,
    habits_assumed: dict[str, str] | None = None,
    segments: tuple[Segments, Segments] = (None, None),
    segments_by: str | None = None,
    vary: Sequence[str] = VARYING,
) -> FittedBehaviour:
    """Fit behaviour to the fit and the calibration stage, as a run would have it.

    Args:
        ground: Whose stages.
        sets: Choices of the stages.
        before: What is known before the choices of both stages.
        habits: How users read and come back.
        habits_assumed: What of ``habits`` is assumed, and why.
        segments: Of the users of both stages.
        segments_by: Profile column that ``segments`` are values of.
        vary: Terms whose coefficients may differ between users, where choices can be left: others
            tell which item is taken, not how much, and users with steeper slopes would take more.
    """
    clicked = (ground.dataset.interactions["action"] == "click").any()
    fitted = fit_behaviour(
        sets.fit,
        before[0].features,
        choices="clicks" if clicked else "purchases",
        habits=habits,
        habits_assumed=habits_assumed,
        segments=segments[0],
        segments_by=segments_by,
        vary=vary if sets.fit.outside else (),
        others=Others(sets.calibrate, before[1].features, segments[1]),
    )
    return fitted if sets.fit.outside else anchored(fitted, before[0])


def anchored(fitted: FittedBehaviour, known: Known) -> FittedBehaviour:
    """Set the constant so that the whole catalogue in sight would sell one page's worth.

    For choices that could not be left without one: they tell which item, not whether. If all
    items stood on one page, the mean user would take one of them (as many as in a real visit
    where ``picks`` is "many"); a page of few items gets its share of that.
    """
    one = fitted.spec.habits.picks == "one"
    wanted = 1.0 if one else known.features.crowd.basket / _p_buy(fitted.spec)
    rates = _rates(fitted.spec, known)
    click = fitted.spec.click
    moved = click.none + float(np.log(wanted) - np.log(np.mean(rates)))
    spec = fitted.spec.model_copy(update={"click": click.model_copy(update={CONSTANT: moved})})
    said = "one item" if one else f"as much as on a real visit ({wanted:.1f} items)"
    why = f"if the whole catalogue were in sight, the mean user would take {said}"
    note = f"{moved:.2f}: {why}; these slates cannot be left without a choice"
    alike = "0: these slates tell which item is taken, not by whom more is taken"
    assumed = fitted.assumed | {CONSTANT: note, "differences between users": alike}
    return fitted.model_copy(update={"spec": spec, "assumed": assumed})


def _rates(spec: BehaviourSpec, known: Known) -> list[float]:
    """Of each user the odds of all items of the catalogue together."""
    weights = np.array([getattr(spec.click, name) for name in FEATURES])
    everything = np.arange(known.n_items, dtype=np.int32)[None]
    found = []
    for user in range(known.past.n_users):
        worth = known.features.of(np.array([user]), everything)[0] @ weights
        found.append(float(np.exp(spec.click.none + worth).sum()))
    return found


def _p_buy(spec: BehaviourSpec) -> float:
    return float(0.5 * (1.0 + np.tanh(0.5 * spec.buy.base)))
