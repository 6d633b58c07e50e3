"""Several runs of the same arms: what computing time removes, and what it does not.

A run's interval covers luck: which users were drawn, what they happened to do. It shrinks with
users and days. Runs with other prompts, models or seeds differ by more than that, and no
computing removes it. A random-effects model tells the two apart (``statsmodels``'
``combine_effects``, between-run variance by Paule and Mandel, Journal of Research of the
National Bureau of Standards 87(5), 1982). Runs that share users share luck, so the covariance
of their estimates is measured over the users they have in common.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from footfall.errors import UserError
from footfall_eval.comparing.compare import compare
from footfall_eval.comparing.comparison import Comparison, Contrast
from footfall_eval.comparing.figures import estimate
from footfall_eval.measures.metrics import METRICS, Array, columns, derive
from footfall_eval.reading.load import RunLog

LUCK = frozenset({"seed"})
"""Scenario keys that change luck and users, but neither the prompt nor the model."""

OPINION = frozenset({"model", "choice", "seed", "name", "about"})
"""Scenario keys in which runs of the same arms may well differ."""


@dataclass(frozen=True)
class Pooled:
    """One contrast over all runs."""

    metric: str
    control: str
    treatment: str
    differences: tuple[float, ...]
    """One a run, in the order of the runs."""
    difference: float
    """Pooled over the runs."""
    ci_low: float
    """Simulation interval: luck only; shrinks with users and days."""
    ci_high: float
    model_low: float
    """Model interval: where the effect would lie with another seed, prompt or model of the same
    kind (a prediction interval); shrinks only if the runs agree."""
    model_high: float
    between: float
    """Standard deviation between runs beyond luck."""
    p_same: float
    """That all runs have the same effect (Cochran's Q)."""


@dataclass(frozen=True)
class PooledComparison:
    """Runs side by side and together."""

    verdict: str
    control: str
    primary: str
    runs: tuple[str, ...]
    results: tuple[Comparison, ...]
    differ: tuple[str, ...]
    """Top-level keys of the scenario in which the runs differ."""
    contrasts: tuple[Pooled, ...]
    cautions: tuple[str, ...]
    level: float
    no_verdict: tuple[str, ...] = ()
    """Why no winner is named: what is broken in each run."""
    played: str = ""
    """Whose answers these are, where they are nobody's: the fake model's."""

    def main(self) -> tuple[Pooled, ...]:
        """The contrasts of the primary metric."""
        return tuple(one for one in self.contrasts if one.metric == self.primary)

    def to_frame(self) -> pd.DataFrame:
        """One row a contrast, one column a field."""
        return pd.DataFrame([asdict(contrast) for contrast in self.contrasts])

    def as_dict(self) -> dict[str, Any]:
        """The document of ``footfall compare RUN RUN --json``; NaN becomes None."""
        runs = zip(self.runs, self.results, strict=True)
        return {
            "verdict": self.verdict,
            "no_verdict": list(self.no_verdict),
            "played": self.played,
            "primary": self.primary,
            "control": self.control,
            "level": self.level,
            "differ": list(self.differ),
            "contrasts": [_plain(asdict(contrast)) for contrast in self.contrasts],
            "cautions": list(self.cautions),
            "runs": [{"run": name, **result.as_dict()} for name, result in runs],
        }

    def to_json(self) -> str:
        """One JSON document."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)


def pool_runs(
    logs: Sequence[RunLog],
    *,
    control: str | None = None,
    primary: str | None = None,
    level: float = 0.95,
) -> PooledComparison:
    """Compare the arms of every run and pool the effects.

    Raises:
        UserError: Fewer than two runs, or runs of other arms or another design.
    """
    _check(logs)
    first = compare(logs[0], control=control, primary=primary, level=level)
    others = (
        compare(log, control=first.control, primary=first.primary, level=level, with_exposure=False)
        for log in logs[1:]
    )
    results = (first, *others)
    counts = [derive(log.per_user()) for log in logs]
    contrasts = tuple(
        _pooled([result.contrast(one.treatment, one.metric) for result in results], counts, first)
        for one in first.contrasts
    )
    differ = _differing([log.scenario for log in logs])
    pooled = PooledComparison(
        verdict="",
        control=first.control,
        primary=first.primary,
        runs=tuple(str(log.path) for log in logs),
        results=results,
        differ=differ,
        contrasts=contrasts,
        cautions=(*_cautions(differ, len(logs)), *first.cautions),
        level=level,
        no_verdict=tuple(
            f"{log.path}: {problem}"
            for log, result in zip(logs, results, strict=True)
            for problem in result.no_verdict
        ),
        played=next((result.played for result in results if result.played), ""),
    )
    return PooledComparison(**{**pooled.__dict__, "verdict": _verdict(pooled)})


def _check(logs: Sequence[RunLog]) -> None:
    if len(logs) < 2:
        raise UserError("pooling needs two runs or more")
    first = logs[0]
    if len({log.path.resolve() for log in logs}) < len(logs):
        raise UserError("the same run is given twice; give other seeds, prompts or models")
    for log in logs[1:]:
        if set(log.arms) != set(first.arms):
            raise UserError(
                f"{log.path} has the arms {', '.join(log.arms)}, {first.path} has "
                f"{', '.join(first.arms)}; only runs of the same arms can be pooled"
            )
        if log.design != first.design:
            raise UserError(
                f"{log.path} is {log.design}, {first.path} is {first.design}; "
                "only runs of the same design can be pooled"
            )


def _pooled(found: Sequence[Contrast], counts: Sequence[pd.DataFrame], first: Comparison) -> Pooled:
    lead = found[0]
    effects = np.array([one.difference for one in found])
    covariance = _covariance(found, counts, paired=first.design != "split")
    numbers = combine(effects, covariance, first.level)
    return Pooled(lead.metric, lead.control, lead.treatment, tuple(effects.tolist()), *numbers)


def combine(
    effects: Array, covariance: Array, level: float = 0.95
) -> tuple[float, float, float, float, float, float, float]:
    """Pool effects with correlated errors.

    Args:
        effects: [k] one estimate a run.
        covariance: [k, k] of their errors.
        level: Of both intervals.

    Returns:
        Difference, simulation low and high, model low and high, standard deviation between
        runs, p-value of "all the same"; NaN where a run has no usable estimate.
    """
    own = np.diag(covariance)
    k = len(effects)
    if not (np.isfinite(effects).all() and np.isfinite(own).all()):
        return (float("nan"),) * 7
    if (own <= 0).any():
        same = bool(np.all(effects == effects[0]) and np.all(own <= 0))
        value = float(effects[0]) if same else float("nan")
        return (value, value, value, value, value, 0.0 if same else float("nan"), float("nan"))
    # What all runs share cannot make them differ; only the rest of the luck can.
    shared = float(np.clip((covariance.sum() - own.sum()) / (k * (k - 1)), 0, 0.999 * own.min()))
    apart = own - shared
    with np.errstate(divide="ignore", invalid="ignore"):  # statsmodels' I^2 of equal effects
        between = max(float(combine_effects(effects, apart, method_re="iterated").tau2), 0.0)
    weights = 1 / (apart + between)
    weights = weights / weights.sum()
    centre = float(weights @ effects)
    luck = float(weights @ covariance @ weights)
    reach = float(stats.norm.ppf((1 + level) / 2)) * math.sqrt(luck)
    spread = math.sqrt(luck + between * float(weights @ weights) + between)
    far = float(stats.t.ppf((1 + level) / 2, k - 1)) * spread
    fixed = 1 / apart
    q = float(fixed @ (effects - fixed @ effects / fixed.sum()) ** 2)
    p_same = float(stats.chi2.sf(q, k - 1))
    return (
        *(centre, centre - reach, centre + reach, centre - far, centre + far),
        *(math.sqrt(between), p_same),
    )


def _covariance(
    found: Sequence[Contrast], counts: Sequence[pd.DataFrame], *, paired: bool
) -> Array:
    """[k, k] of the errors of one contrast; between runs from the users that both have."""
    k = len(found)
    matrix = np.diag([one.standard_error**2 for one in found])
    if not paired:
        return matrix
    gaps = [_gaps(frame, one) for frame, one in zip(counts, found, strict=True)]
    for i in range(k):
        for j in range(i):
            both = pd.concat([gaps[i], gaps[j]], axis=1, join="inner").to_numpy()
            if len(both) > 1:
                common = len(both) / (len(gaps[i]) * len(gaps[j]))
                matrix[i, j] = matrix[j, i] = common * float(np.cov(both.T)[0, 1])
    return matrix


def _gaps(counts: pd.DataFrame, contrast: Contrast) -> pd.Series:
    metric = next(one for one in METRICS if one.name == contrast.metric)
    base = columns(counts, metric, contrast.control).linearised()
    other = columns(counts, metric, contrast.treatment).linearised()
    users = counts.loc[counts["arm"] == contrast.control, "user"]
    return pd.Series(other - base, index=users.to_numpy())


def _differing(scenarios: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    keys = dict.fromkeys(key for scenario in scenarios for key in scenario)
    return tuple(
        key for key in keys if any(one.get(key) != scenarios[0].get(key) for one in scenarios)
    )


def _cautions(differ: tuple[str, ...], runs: int) -> tuple[str, ...]:
    notes = []
    changed = set(differ)
    if not changed:
        notes.append("The runs are of the same scenario and seed: they say the same thing.")
    elif changed <= LUCK:
        notes.append(
            "The runs differ in their seed only: the model interval covers other users and "
            "luck, and says nothing about other prompts and models."
        )
    odd = sorted(changed - OPINION)
    if odd:
        notes.append(f"The runs also differ in {', '.join(odd)}: they may answer other questions.")
    if runs < 5:
        notes.append(
            f"Only {runs} runs: how far models differ is hardly known, so the model interval is "
            "very wide (Student's t); five runs or more tell."
        )
    return tuple(notes)


def _verdict(pooled: PooledComparison) -> str:
    """One sentence a treatment about the primary metric."""
    said = [f"{pooled.played}."] if pooled.played else []
    if pooled.no_verdict:
        reasons = f"No verdict: {' '.join(pooled.no_verdict)}"
        return " ".join([*said, reasons, pooled.results[0].validity.sentence()])
    known = {metric.name: metric for metric in METRICS}
    sentences = []
    for one in pooled.main():
        unit = known[one.metric].unit
        size, luck = estimate(one.difference, one.ci_low, one.ci_high, unit)
        _, model = estimate(one.difference, one.model_low, one.model_high, unit)
        sure = one.ci_low > 0 or one.ci_high < 0
        firm = one.model_low > 0 or one.model_high < 0
        words = "cannot be told apart"
        if sure:
            words = "differ, and the runs agree" if firm else "differ, but another run may disagree"
        sentences.append(
            f"{one.treatment} and {one.control} {words} in {one.metric}: {size} over "
            f"{len(pooled.runs)} runs (simulation {luck}, model {model})."
        )
    return " ".join([*said, *sentences, pooled.results[0].validity.sentence()])


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    def finite(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [finite(entry) for entry in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {key: finite(value) for key, value in row.items()}
