"""How well somebody foresees tests, with intervals over stories.

Pairs of one test share arms, and tests of one story share words: every interval resamples
stories. A test's own reading is noisy, so nobody can be right about all pairs: ``ceiling`` says
how right one could be who knew every true difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from footfall_lab.appeal.lessons import TitlePairs
from footfall_lab.appeal.stacking import Foreseen

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DRAWS = 1_000
LEVEL = 1.959964
CONFIDENT = 0.25
"""Share of pairs that count as the confident ones: those foreseen to differ most."""

SHARES = (1.0, 0.75, 0.5, 0.25, 0.1)
"""Shares of pairs answered, in the table of accuracy against them."""

_LEAST_CHANCE = 1e-4


@dataclass(frozen=True)
class Measure:
    """One measure with its 95% interval over stories; NaN where it is not defined."""

    value: float
    low: float
    high: float

    def as_list(self) -> list[float]:
        """Value, low, high; for JSON."""
        return [self.value, self.low, self.high]


@dataclass(frozen=True, eq=False)
class Scored:
    """Pairs that were foreseen, and how they came out."""

    story: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    real: Floats
    """[n] difference of log rates as the test read it."""
    error: Floats
    """[n] standard error of ``real``."""
    told: Floats
    """[n] foreseen difference."""
    spread: Floats
    """[n] standard deviation of the truth around it."""

    @classmethod
    def of(cls, lessons: TitlePairs, foreseen: Foreseen, rows: Bools | None = None) -> Scored:
        """Those pairs among ``rows`` that were foreseen."""
        kept = foreseen.told if rows is None else foreseen.told & rows
        return cls(
            lessons.pairs.story[kept],
            lessons.pairs.test[kept],
            lessons.pairs.difference[kept],
            lessons.errors[kept],
            foreseen.difference[kept],
            foreseen.spread[kept],
        )

    @property
    def decisive(self) -> Bools:
        """[n] beyond 1.96 standard errors."""
        return np.asarray(np.abs(self.real) > LEVEL * self.error)

    @property
    def right(self) -> Floats:
        """[n] 1 where the sign is right, a half where nothing was said."""
        return np.asarray(0.5 + 0.5 * np.sign(self.told) * np.sign(self.real))

    @property
    def confident(self) -> Bools:
        """[n] the quarter foreseen to differ most."""
        size = np.abs(self.told)
        return np.asarray((size >= np.quantile(size, 1 - CONFIDENT)) & (size > 0))

    @property
    def chance(self) -> Floats:
        """[n] that the test reads the first arm as the better one, by what was foreseen."""
        around = np.sqrt(self.spread**2 + self.error**2)
        return np.asarray(np.clip(ndtr(self.told / around), _LEAST_CHANCE, 1 - _LEAST_CHANCE))


@dataclass(frozen=True, eq=False)
class Sums:
    """Numbers of pairs added up by story, to be resampled at once."""

    draws: Floats
    """[DRAWS, n_stories] how often each story was drawn."""
    story: npt.NDArray[np.int64]

    @classmethod
    def of(cls, story: npt.NDArray[np.int64], seed: int = 0) -> Sums:
        """Draw stories."""
        _, place = np.unique(story, return_inverse=True)
        n = int(place.max(initial=-1)) + 1
        rng = np.random.default_rng(seed)
        return cls(rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64), place)

    def figure(self, make: Callable[..., Any], *columns: Floats) -> Measure:
        """``make`` of the sums of ``columns``, with its interval."""
        n = self.draws.shape[1]
        of_story = [np.bincount(self.story, weights=column, minlength=n) for column in columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(make(*(column.sum() for column in of_story)))
            drawn = np.asarray(make(*(self.draws @ column for column in of_story)))
        known = drawn[np.isfinite(drawn)]
        if not np.isfinite(value) or not len(known):
            return Measure(float("nan"), float("nan"), float("nan"))
        low, high = np.quantile(known, [0.025, 0.975])
        return Measure(value, float(low), float(high))

    def share(self, values: Floats, of: Bools) -> Measure:
        """Mean of ``values`` over the pairs of ``of``."""
        return self.figure(_ratio, values * of, of.astype(float))


def _ratio(a: Any, b: Any) -> Any:
    return np.divide(a, b)


def _r(products: Any, told: Any, real: Any) -> Any:
    return products / np.sqrt(told * real)


def _corrected(products: Any, told: Any, real: Any, noise: Any) -> Any:
    """R against true differences, whose squares sum to those read less the noise."""
    return products / np.sqrt(told * np.where(real > noise, real - noise, np.nan))


def figures(scored: Scored) -> dict[str, Measure]:
    """Everything that is said of one predictor; see docs/appeal.md for the words."""
    sums, every = Sums.of(scored.story), np.ones(len(scored.real), dtype=np.bool_)
    told, real, right = scored.told, scored.real, scored.right
    squares = (told * real, told**2, real**2)
    confident, decisive = scored.confident, scored.decisive
    around = np.sqrt(scored.spread**2 + scored.error**2)
    won, chance = (real > 0).astype(float), scored.chance
    likely = np.where(real > 0, chance, 1 - chance)
    counts = np.unique(scored.test, return_inverse=True, return_counts=True)
    alike = 1.0 / counts[2][counts[1]]
    return {
        "direction": sums.share(right, every),
        "direction, decisive": sums.share(right, decisive),
        "direction, tests alike": sums.figure(_ratio, right * alike, alike),
        "r": sums.figure(_r, *squares),
        "r, noise taken off": sums.figure(_corrected, *squares, scored.error**2),
        "slope": sums.figure(_ratio, told * real, told**2),
        "confident quarter": sums.share(right, confident),
        "confident quarter, decisive": sums.share(right, confident & decisive),
        "coverage": sums.share((np.abs(real - told) <= LEVEL * around).astype(float), every),
        "brier": sums.share((chance - won) ** 2, every),
        "log loss": sums.share(-np.log(likely), every),
        "mean error": sums.share(np.abs(real - told), every),
        "median error": _median(sums, np.abs(real - told)),
        "median error, no difference": _median(sums, np.abs(real)),
    }


def _median(sums: Sums, values: Floats) -> Measure:
    """The median pair, with its interval over 200 resamples of stories."""
    order = np.argsort(values)
    weights = sums.draws[:200][:, sums.story[order]].cumsum(axis=1)
    middle = np.argmax(weights >= weights[:, -1:] / 2, axis=1)
    low, high = np.quantile(values[order][middle], [0.025, 0.975])
    return Measure(float(np.median(values)), float(low), float(high))


def answered(scored: Scored) -> list[dict[str, float]]:
    """Accuracy against the share of pairs answered, those foreseen to differ most first."""
    order = np.argsort(-np.abs(scored.told), kind="stable")
    rows = []
    for share in SHARES:
        some = order[: max(1, round(share * len(order)))]
        decisive = scored.decisive[some]
        rows.append(
            {
                "answered": share,
                "direction": float(scored.right[some].mean()),
                "direction, decisive": float(scored.right[some][decisive].mean())
                if decisive.any()
                else float("nan"),
            }
        )
    return rows


def gain(more: Scored, less: Scored) -> dict[str, Measure]:
    """What one predictor has over another on the same pairs; above 0 is better."""
    sums = Sums.of(more.story)

    def r_apart(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
        return _r(a, b, e) - _r(c, d, e)

    real = more.real
    products = (more.told * real, more.told**2, less.told * real, less.told**2, real**2)
    every = np.ones(len(real), dtype=np.bool_)
    losses = [np.log(np.where(real > 0, one.chance, 1 - one.chance)) for one in (more, less)]
    return {
        "r": sums.figure(r_apart, *products),
        "direction": sums.share(more.right - less.right, every),
        "direction, decisive": sums.share(more.right - less.right, more.decisive),
        "log loss": sums.share(losses[0] - losses[1], every),
    }


@dataclass(frozen=True)
class Ceiling:
    """What somebody would reach who knew every true difference, by two laws of their sizes."""

    direction: tuple[float, float]
    """If few wordings differ much (Laplace), and if many differ a little (normal)."""
    decisive: tuple[float, float]
    r: float


def ceiling(scored: Scored, seed: int = 0) -> Ceiling:
    """By simulation: true differences as spread as they must be, read with each pair's noise.

    Their variance is that of the readings less the noise's.
    """
    noise = float((scored.error**2).mean())
    variance = max(0.0, float((scored.real**2).mean()) - noise)
    rng = np.random.default_rng(seed)
    shape = (100, len(scored.real))
    found = []
    for truth in (
        rng.laplace(scale=np.sqrt(variance / 2), size=shape),
        rng.normal(scale=np.sqrt(variance), size=shape),
    ):
        read = truth + rng.normal(size=shape) * scored.error
        right = np.sign(truth) == np.sign(read)
        sure = np.abs(read) > LEVEL * scored.error
        found.append((float(right.mean()), float(right[sure].mean()) if sure.any() else np.nan))
    (few, few_sure), (many, many_sure) = found
    r = float(np.sqrt(variance / (variance + noise)))
    return Ceiling((few, many), (few_sure, many_sure), r)
