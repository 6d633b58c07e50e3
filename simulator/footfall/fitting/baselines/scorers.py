"""Classical models of choice, all behind one interface and all scaled by the same logit.

A scorer turns what is known into one number a (user, item) pair. A logit with that number as
its only feature (and a constant where nothing can be chosen) is then fitted on the same choice
sets for everybody, so that held-out likelihoods compare opinions and not scales.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from footfall.behaviour.features import FEATURES, Codes, Floats, Numbers
from footfall.errors import ModelError, did_you_mean
from footfall.fitting.baselines.neighbours import item_knn, markov
from footfall.fitting.baselines.sequence import GatedSequence
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.known import Known
from footfall.fitting.logit import LogitData, LogitFit, fit_logit, flat_features

RIDGE = 1.0
"""Of all logits here: a standard-normal prior on standardised coefficients."""

Scores = Callable[[Numbers, Codes], Floats]
"""Users [n] and their items [n, k] (-1 padded) -> one number each, larger is better."""


Lesson = tuple[Known, ChoiceSets]
"""Choice sets, and what was known before them."""


class ChoiceScorer(Protocol):
    """A model of choice that learns from what is known and from choice sets."""

    name: str

    def fit(self, *lessons: Lesson) -> None:
        """Learn from the choices of one stage or several, in the order of time."""
        ...

    def open(self, known: Known) -> Scores:
        """Utilities against the outside option (0) for the users of ``known``."""
        ...


class PairScorer(Protocol):
    """What tells the baselines apart: a number for every pair."""

    def learn(self, *lessons: Lesson) -> None:
        """Learn what is not simply counted."""
        ...

    def columns(self, known: Known) -> Callable[[Numbers, Codes], Floats]:
        """Users [n], items [n, k] -> [n, k, f] numbers that a logit will weigh."""
        ...


@dataclass
class Scaled:
    """An opinion behind a logit: every baseline is one of these."""

    name: str
    opinion: PairScorer
    fitted: LogitFit | None = None
    _used: tuple[int, ...] = ()
    _constant: bool = False

    def fit(self, *lessons: Lesson) -> None:
        """Let the opinion learn, then weigh it by the choices of the lessons."""
        self.opinion.learn(*lessons)
        self._constant = lessons[0][1].outside
        data, *further = (self._numbers(*lesson) for lesson in lessons)
        for more in further:
            data = data.joined(more)
        design = data.design
        names = [str(number) for number in range(design.shape[2])]
        flat = set(flat_features(data, names))
        self._used = tuple(number for number, name in enumerate(names) if name not in flat)
        if self._used:
            kept = LogitData(design[:, :, list(self._used)], *(getattr(data, f) for f in _OTHERS))
            self.fitted = fit_logit(kept, [names[number] for number in self._used], ridge=RIDGE)

    def _numbers(self, known: Known, sets: ChoiceSets) -> LogitData:
        numbers = self.opinion.columns(known)(sets.users, sets.items)
        design = _with_constant(numbers) if sets.outside else numbers
        return LogitData(design, sets.shown, sets.chosen, sets.outside, sets.log_rate, sets.users)

    def open(self, known: Known) -> Scores:
        """Utilities for the users of ``known``.

        Raises:
            ModelError: The baseline was not fitted.
        """
        columns, fitted, used = self.opinion.columns(known), self.fitted, list(self._used)
        if fitted is None and used:
            raise ModelError(f'baseline "{self.name}" was asked before it was fitted')

        def utilities(users: Numbers, items: Codes) -> Floats:
            numbers = columns(users, items)
            if fitted is None:
                return np.zeros(items.shape)
            design = _with_constant(numbers) if self._constant else numbers
            return np.asarray(design[:, :, used] @ fitted.coefficients)

        return utilities


_OTHERS = ("shown", "chosen", "outside", "offset", "clusters")


@dataclass
class Features:
    """Some of ``FEATURES`` as they are: a conditional logit without the language model."""

    names: Sequence[str]
    position: bool = False
    """Also log(1+position)."""

    def learn(self, *lessons: Lesson) -> None:
        """Nothing but counts."""

    def columns(self, known: Known) -> Callable[[Numbers, Codes], Floats]:
        """The chosen features."""
        wanted = [FEATURES.index(name) for name in self.names]

        def numbers(users: Numbers, items: Codes) -> Floats:
            found = known.features.of(users, items)[:, :, wanted]
            if not self.position:
                return found
            place = np.broadcast_to(np.log1p(np.arange(items.shape[1])), items.shape)
            return np.concatenate([found, place[:, :, None]], axis=2)

        return numbers


@dataclass
class Matrix:
    """A number for every user and item, made at once by ``score`` [n_users, n_items]."""

    score: Callable[[Known], Floats]
    most: int = 100_000_000
    """Pairs; more would not fit in memory."""

    def learn(self, *lessons: Lesson) -> None:
        """``score`` only counts."""

    def columns(self, known: Known) -> Callable[[Numbers, Codes], Floats]:
        """Look the pairs up."""
        pairs = known.past.n_users * known.n_items
        if pairs > self.most:
            raise ModelError(
                f"this baseline holds a number for each of {pairs} pairs of users and items, more "
                f"than {self.most}; play fewer users"
            )
        table = self.score(known)
        return lambda users, items: np.asarray(table[users[:, None], items][:, :, None])


@dataclass
class Logistic:
    """Logistic regression of "was it the chosen one" on all features, item by item."""

    model: Pipeline = field(
        default_factory=lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    )

    def learn(self, *lessons: Lesson) -> None:
        """Fit on the shown items of all sets."""
        rows, labels = [], []
        for known, sets in lessons:
            chosen = np.arange(sets.items.shape[1]) == sets.chosen[:, None]
            rows.append(known.features.of(sets.users, sets.items)[sets.shown])
            labels.append(chosen[sets.shown])
        self.model.fit(np.concatenate(rows), np.concatenate(labels))

    def columns(self, known: Known) -> Callable[[Numbers, Codes], Floats]:
        """Log-odds."""

        def numbers(users: Numbers, items: Codes) -> Floats:
            rows = known.features.of(users, items).reshape(-1, len(FEATURES))
            odds = self.model.decision_function(rows)
            return np.asarray(odds).reshape(*items.shape, 1)

        return numbers


def utilities(scorer: ChoiceScorer, known: Known, sets: ChoiceSets) -> Floats:
    """[n, k] utilities of the items of ``sets``, without the sets' offset for sampling."""
    return scorer.open(known)(sets.users, sets.items)


def _with_constant(numbers: Floats) -> npt.NDArray[np.float64]:
    return np.concatenate([np.ones((*numbers.shape[:2], 1)), numbers], axis=2)


def baseline(name: str, *, seed: int = 0) -> Scaled:
    """A baseline by name; see ``BASELINES``.

    Raises:
        ModelError: There is no such baseline.
    """
    if name not in BASELINES:
        raise ModelError(f'no baseline "{name}"; {did_you_mean(name, BASELINES)}')
    return Scaled(name, BASELINES[name](seed))


BASELINES: dict[str, Callable[[int], PairScorer]] = {
    "uniform": lambda _: Features(()),
    "popularity": lambda _: Features(("popularity",)),
    "position+popularity": lambda _: Features(("popularity",), position=True),
    "repeat": lambda _: Features(("repeat",)),
    "item-knn": lambda _: Matrix(item_knn),
    "logistic": lambda _: Logistic(),
    "logit": lambda _: Features(FEATURES),
    "markov": lambda _: Matrix(markov),
    "gru4rec": lambda seed: GatedSequence(seed=seed),
}
"""All baselines, each made from a seed."""
