"""From choice sets to a behaviour that a scenario can use, and what about it is assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.optimize
from pydantic import Field

from footfall.behaviour.decisions import click_probabilities, examination_curve
from footfall.behaviour.features import FEATURES, Floats, PairFeatures
from footfall.behaviour.specs import BehaviourSpec, BuyTerms, Habits, SegmentsSpec, Terms
from footfall.errors import DataError
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.logit import LogitData, LogitFit, fit_logit, flat_features
from footfall.fitting.masked import one_at_most, picks_of
from footfall.fitting.mixed import MixedFit, fit_mixed, spread_factor
from footfall.fitting.prior import held_back
from footfall.plumbing.spec import Spec

VARYING = ("none", "popularity", "price", "repeat", "recency", "category")
"""Terms whose coefficients may differ between users, where the choices say that they do."""

SAME = 1e-3
"""Coefficients of a segment that differ less from the common ones are left out."""

SHIFT_DRAWS = 8
"""Draws of the users' differences over which the constant is set."""

BOUGHT = BuyTerms(base=12.0, price=0.0, repeat=0.0)
"""Where the data records only takings, whoever clicks takes. An assumed share of clicks without
a purchase would have to be made up for by more clicks, which fills good pages to the brim: on
Complete Journey lifts over random then shrink to half or a third of the real ones."""

CONSTANT = "none"
MODEL = "llm"


@dataclass(frozen=True, eq=False)
class Others:
    """Choices of further users, with what was known of them before."""

    sets: ChoiceSets
    features: PairFeatures
    segments: npt.NDArray[np.object_] | None = None
    """[n_users] where those of the first ones are given."""


class SegmentTerms(Spec):
    """Coefficients of one segment of users, shrunk towards everybody's."""

    coefficients: dict[str, float]
    standard_errors: dict[str, float]
    slates: int


class FittedBehaviour(Spec):
    """A fitted behaviour with its evidence; ``spec`` is what a scenario takes."""

    spec: BehaviourSpec
    coefficients: dict[str, float]
    """As estimated, before the constant was moved for what the data cannot tell."""
    standard_errors: dict[str, float]
    """Clustered by user."""
    segments: dict[str, SegmentTerms] = Field(default={})
    protocol: str
    weak: bool
    """The protocol has unseen items; believe the coefficient of popularity least."""
    users: int
    slates: int
    several: float = 0.0
    """Share of the slates with a choice from which several items were taken."""
    log_likelihood: float
    """Per slate, in nats, on the fitted slates."""
    null_log_likelihood: float
    """The same with all coefficients 0."""
    assumed: dict[str, str] = Field(default={})
    """What the data could not tell -> what is assumed instead, and why."""


def design(
    sets: ChoiceSets,
    features: PairFeatures,
    names: Sequence[str] = FEATURES,
    llm: Floats | None = None,
) -> tuple[LogitData, tuple[str, ...]]:
    """Slates as numbers: a constant where nothing can be chosen, the model's voice, features.

    Args:
        sets: Slates.
        features: What was known before the slates, for the users of ``sets``.
        names: Which of ``FEATURES``.
        llm: [n, k] the language model's utilities; None: without it.
    """
    wanted = [FEATURES.index(name) for name in names]
    parts = [features.of(sets.users, sets.items, times=sets.times)[:, :, wanted]]
    named = list(names)
    if llm is not None:
        parts.insert(0, np.where(sets.shown, llm, 0.0)[:, :, None])
        named.insert(0, MODEL)
    if sets.outside:
        parts.insert(0, np.ones((*sets.items.shape, 1)))
        named.insert(0, CONSTANT)
    numbers = np.concatenate(parts, axis=2)
    data = LogitData(numbers, sets.shown, sets.chosen, sets.outside, sets.log_rate, sets.users)
    return data, tuple(named)


def fit_behaviour(
    sets: ChoiceSets,
    features: PairFeatures,
    *,
    llm: Floats | None = None,
    names: Sequence[str] = FEATURES,
    segments: npt.NDArray[np.object_] | None = None,
    ridge: float = 1.0,
    choices: Literal["clicks", "purchases"] = "purchases",
    habits: Habits | None = None,
    habits_assumed: dict[str, str] | None = None,
    segments_by: str | None = None,
    vary: Sequence[str] = (),
    others: Others | None = None,
) -> FittedBehaviour:
    """Fit the utility of a click to real choices.

    Args:
        sets: Real slates and choices, before the split and of users who are not tested.
        features: What was known of those users before.
        llm: [n, k] the language model's utilities of the same slates; slates where it did not
            answer (NaN at a shown item) are left out, and ``assumed`` says how many.
        names: Which of ``FEATURES``.
        segments: [n_users] segment of each of the sets' users.
        ridge: A normal prior on coefficients in units of their feature's spread.
        choices: What the choices are. Where they are purchases, nothing tells clicks without
            a purchase: whoever clicks buys (``BOUGHT``).
        habits: Fitted habits; default: the assumed ones.
        habits_assumed: What of ``habits`` is assumed, and why.
        segments_by: Profile column that ``segments`` are values of; then ``spec`` has them too.
        vary: Terms whose coefficients may differ between users (a mixed logit); none: all users
            are alike but for what is known of them.
        others: Choices of further users: they tell by how much users differ in all, and then all
            are fitted together (not where ``llm`` is given, which nobody asked about theirs).

    Raises:
        DataError: No feature varies, or the slates are unusable.
    """
    assumed = dict(habits_assumed or {})
    sets, llm = _answered(sets, llm, assumed)
    further = others if llm is None else None
    slates = _slates(sets, features, names, llm, segments, further, assumed)
    if slates.theirs is not None:
        ridge, vary = held_back(slates.own, slates.theirs, slates.names, ridge, vary, assumed)
    fit = fit_logit(slates.whole, slates.names, ridge=ridge, segments=slates.segments)
    count = len(slates.whole.chosen)
    source = f'fitted to {count} real choices of {slates.users} users (protocol "{sets.protocol}")'
    pooled, spread = fit.coefficients, dict[str, float]()
    if vary:
        mixed = _mixed(slates.own, slates.theirs, slates.whole, fit, vary, ridge)
        fit = replace(fit, coefficients=mixed.coefficients, log_likelihood=mixed.log_likelihood)
        spread = {n: float(s) for n, s in zip(mixed.names, mixed.spread, strict=True) if s}
    habits = _habits(habits or Habits(), sets.several, assumed)
    spec = _spec(fit, slates.whole, slates.weights, choices, habits, assumed, source, spread)
    if segments_by is not None:
        own = _segments(fit, pooled, spec.click, segments_by)
        spec = spec.model_copy(update={"segments": own})
    return FittedBehaviour(
        spec=spec,
        coefficients=_named(fit, fit.coefficients),
        standard_errors=_named(fit, fit.standard_errors),
        segments=_segment_terms(fit),
        protocol=sets.protocol,
        weak=sets.weak,
        users=slates.users,
        slates=count,
        several=sets.several,
        log_likelihood=fit.log_likelihood / fit.slates,
        null_log_likelihood=fit.null_log_likelihood / fit.slates,
        assumed=assumed,
    )


@dataclass(frozen=True, eq=False)
class _Slates:
    """Slates as numbers, without the terms that never vary in them."""

    own: LogitData
    """Of the users who are fitted."""
    theirs: LogitData | None
    """Of further users."""
    whole: LogitData
    """Both."""
    weights: Floats
    """Of the slates of both."""
    segments: npt.NDArray[np.object_] | None
    """Of each slate's user, likewise."""
    names: list[str]
    """Of the terms."""
    users: int


def _slates(
    sets: ChoiceSets,
    features: PairFeatures,
    names: Sequence[str],
    llm: Floats | None,
    segments: npt.NDArray[np.object_] | None,
    others: Others | None,
    assumed: dict[str, str],
) -> _Slates:
    """Put together what is fitted; terms that never vary are left out and said in ``assumed``."""
    data, named = design(sets, features, names, llm)
    silent = set(flat_features(data, named))
    assumed |= dict.fromkeys(sorted(silent), "0: it is the same for all items of every slate")
    keep = [number for number, name in enumerate(named) if name not in silent]
    own, left = replace(data, design=data.design[:, :, keep]), [named[number] for number in keep]
    of_set = None if segments is None else segments[sets.users]
    weights, users = sets.weights(), len(np.unique(sets.users))
    if others is None:
        return _Slates(own, None, own, weights, of_set, left, users)
    theirs = _narrowed(others, names, keep)
    weights = np.append(weights, others.sets.weights())
    users += len(np.unique(others.sets.users))
    if of_set is not None and others.segments is not None:
        of_set = np.append(of_set, others.segments[others.sets.users])
    return _Slates(own, theirs, own.joined(theirs), weights, of_set, left, users)


def _segment_terms(fit: LogitFit) -> dict[str, SegmentTerms]:
    return {
        name: SegmentTerms(
            coefficients=_named(fit, part.coefficients),
            standard_errors=_named(fit, part.standard_errors),
            slates=part.slates,
        )
        for name, part in fit.segments.items()
    }


def _habits(habits: Habits, several: float, assumed: dict[str, str]) -> Habits:
    """With picks as slates on display say, unless they are given.

    The logit of slates of which one of several takings is kept is that of users who saw all of it.
    """
    if "picks" in habits.model_fields_set:
        return habits
    picks = picks_of(several)
    found: dict[str, object] = {"picks": picks}
    if picks == "many" and "examination" not in habits.model_fields_set:
        found["examination"] = 0.0
        assumed["reading"] = "everything is read: what was on display was in sight"
    return habits.model_copy(update=found)


def _narrowed(others: Others, names: Sequence[str], keep: list[int]) -> LogitData:
    """Their slates with the columns that are kept."""
    data, _ = design(others.sets, others.features, names)
    return replace(data, design=data.design[:, :, keep])


def _mixed(
    first: LogitData,
    further: LogitData | None,
    whole: LogitData,
    pooled: LogitFit,
    vary: Sequence[str],
    ridge: float,
) -> MixedFit:
    """Users who differ, fitted to all; users who were not fitted tell by how much in all."""
    own = fit_mixed(first, pooled, vary, ridge=ridge)
    if further is None:
        return own
    found = fit_mixed(whole, pooled, vary, ridge=ridge, start=own)
    return replace(found, spread=found.spread * spread_factor(own, further))


def _answered(
    sets: ChoiceSets, llm: Floats | None, assumed: dict[str, str]
) -> tuple[ChoiceSets, Floats | None]:
    """Leave out slates without an answer of the model, counted."""
    if llm is None:
        assumed[MODEL] = "0: fitted without the language model"
        return sets, None
    missing = np.asarray((np.isnan(llm) & sets.shown).any(axis=1))
    if missing.any():
        assumed["slates without an answer"] = f"{int(missing.sum())} of {len(sets)} left out"
    if missing.all():
        raise DataError(
            f"fit: the language model answered none of {len(sets)} questions; see to the model, or "
            "fit without one (--model none)"
        )
    return sets.take(~missing), llm[~missing]


def _spec(
    fit: LogitFit,
    data: LogitData,
    weights: Floats,
    choices: Literal["clicks", "purchases"],
    habits: Habits,
    assumed: dict[str, str],
    source: str,
    spread: dict[str, float],
) -> BehaviourSpec:
    """Coefficients as a behaviour; everything that is not fitted is noted in ``assumed``."""
    terms = {**dict.fromkeys((MODEL, *FEATURES), 0.0), **_named(fit, fit.coefficients)}
    terms["position"], terms["fatigue"] = 0.0, Terms().fatigue
    assumed["position"] = "0: the slates are in no known order; reading depth does its work"
    assumed["fatigue"] = f"{Terms().fatigue}: nobody recorded how often an item was seen before"
    buy, assumed["buy"] = BuyTerms(), "defaults: purchases after a click were not fitted"
    if choices == "purchases":
        buy, assumed["buy"] = BOUGHT, "whoever clicks takes: the data has no other clicks"
    utility = _utilities_of_many(fit, data, spread)
    copies = len(utility) // len(data.design)
    shown, weights = np.tile(data.shown, (copies, 1)), np.tile(weights, copies)
    if not data.outside:
        terms[CONSTANT] = Terms().none - float(utility[shown].mean())
        assumed[CONSTANT] = (
            f"{Terms().none} for an average item: these slates cannot be left without a choice"
        )
    else:
        real = float(np.average(np.tile(data.chosen >= 0, copies), weights=weights))
        rate, said = real, f"those did ({real:.1%})"
        if habits.picks == "many":
            # Such pages are the logit's own, which weighs users who differ by what they chose.
            rate = float(np.average(1.0 - _nothing(utility, shown, habits), weights=weights))
            said = f"the logit lets expect ({rate:.1%}, where {real:.1%} did)"
        terms[CONSTANT] += _shift(utility, shown, weights, habits, rate)
        assumed["examination"] = (
            "reading depth is as in habits; the constant is raised so that pages like the real "
            f"ones end in a choice as often as {said}"
        )
    return BehaviourSpec(
        click=Terms(**{name: float(value) for name, value in terms.items()}),
        spread=spread,
        buy=buy,
        habits=habits,
        sources={"click": source},
    )


def _segments(fit: LogitFit, pooled: Floats, common: Terms, by: str) -> SegmentsSpec | None:
    """What the segments have of their own, moved as the common coefficients were moved."""
    groups = {}
    for name, part in fit.segments.items():
        moved = {
            term: getattr(common, term) + float(difference)
            for term, difference in zip(fit.names, part.coefficients - pooled, strict=True)
            if abs(difference) > SAME
        }
        if moved:
            groups[name] = moved
    return SegmentsSpec(by=by, click=groups) if groups else None


def _utilities_of_many(fit: LogitFit, data: LogitData, spread: dict[str, float]) -> Floats:
    """[draws * n, k] utilities of users who differ from each other; one draw if they do not."""
    if not spread or data.clusters is None:
        return np.asarray(data.design @ fit.coefficients)
    _, owner = np.unique(data.clusters, return_inverse=True)
    rng = np.random.default_rng(0)
    sizes = np.array([spread.get(name, 0.0) for name in fit.names])
    parts = []
    for _ in range(SHIFT_DRAWS // 2):
        z = rng.standard_normal((int(owner.max()) + 1, len(sizes)))
        for sign in (1.0, -1.0):
            own = fit.coefficients + sign * z[owner] * sizes
            parts.append(np.einsum("nkf,nf->nk", data.design, own))
    return np.concatenate(parts)


def _shift(
    utility: Floats, shown: npt.NDArray[np.bool_], weights: Floats, habits: Habits, rate: float
) -> float:
    """What to add to all utilities so that a share ``rate`` of the slates gets a click."""
    masked = np.where(shown, utility, -np.inf)
    reading = examination_curve(habits, shown.shape[1]) * shown

    def excess(shift: float) -> float:
        clicks = click_probabilities(masked + shift, reading, habits.picks)
        nothing = one_at_most(clicks, habits.picks)[:, -1]
        return float(np.average(1.0 - nothing, weights=weights)) - rate

    return float(scipy.optimize.brentq(excess, -30.0, 30.0, xtol=1e-6))


def _nothing(utility: Floats, shown: npt.NDArray[np.bool_], habits: Habits) -> Floats:
    """[n] chance that nothing is taken of slates that are read to the end."""
    clicks = click_probabilities(
        np.where(shown, utility, -np.inf), shown.astype(np.float64), habits.picks
    )
    return one_at_most(clicks, habits.picks)[:, -1]


def _named(fit: LogitFit, numbers: Floats) -> dict[str, float]:
    return dict(zip(fit.names, map(float, numbers), strict=True))
