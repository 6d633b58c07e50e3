"""Which recommender wins, by how much, and how far to believe it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from footfall.errors import UserError, did_you_mean
from footfall_eval.effects import FEW_USERS, effect, pairing_ratio
from footfall_eval.load import Design, RunLog
from footfall_eval.metrics import (
    METRICS,
    Metric,
    bounds,
    columns,
    derive,
    exposure,
    find_metrics,
)
from footfall_eval.stopping import Rule, Watched, rule_of, watched
from footfall_eval.validity import Validity, read_validity
from footfall_eval.verdict import verdict

Correction = Literal["holm", "bh", "none"]
CORRECTIONS: tuple[Correction, ...] = ("holm", "bh", "none")

LOW_CORRELATION = 0.1
"""Below this the pairing of arms brings next to nothing, and a reader should know."""

CREDITED = (
    *("clicks", "purchases", "revenue", "buyers", "ctr", "conversion"),
    *("expected_clicks", "expected_purchases", "expected_revenue"),
)
"""Metrics that can be credited to one of two recommenders that share a page."""

SAME_VISITORS = 0.9
"""Below this share of visitors in common, arms speak of rather different people."""

SMALL_SAMPLE = 200
"""Below this many users intervals are wide and ratio metrics rough."""


@dataclass(frozen=True)
class Arm:
    """One recommender under test and its metrics (NaN: not defined here)."""

    name: str
    users: int
    visitors: int
    metrics: dict[str, float]
    lowest: dict[str, float]
    """Least value that the unanswered pages allow; equal to the metric if there are none."""
    highest: dict[str, float]
    """Greatest value that they allow."""
    undecided_pages: int
    pages: int


@dataclass(frozen=True)
class Contrast:
    """Treatment minus control in one metric."""

    metric: str
    control: str
    treatment: str
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    """Of this contrast alone."""
    p_adjusted: float
    """Primary metric: corrected over treatments. Others: over all their contrasts."""
    correlation: float
    """Between arms over users; NaN in a split design or where an arm does not vary."""
    control_value: float
    treatment_value: float
    lift: float
    """Relative difference: 0.1 is 10% more than the control."""
    lift_low: float
    lift_high: float
    lowest: float
    """Least difference that unanswered pages allow (a bound, not an interval)."""
    highest: float
    standard_error: float
    users: int
    method: str
    pairing_ratio: float = float("nan")
    """Width of the interval over that of a split test with the same users; NaN unless paired."""
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The result of an A/B, A/A or A/B/n test, ready to print, plot and save."""

    verdict: str
    """One plain sentence about the primary metric, and one about validity."""
    design: Design
    control: str
    primary: str
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    validity: Validity
    cautions: tuple[str, ...]
    """What to know before believing any of it."""
    correction: Correction
    level: float

    def contrast(self, treatment: str, metric: str | None = None) -> Contrast:
        """The contrast of one treatment, in the primary metric unless another is named."""
        wanted = metric or self.primary
        for found in self.contrasts:
            if (found.treatment, found.metric) == (treatment, wanted):
                return found
        known = {f"{c.treatment}/{c.metric}" for c in self.contrasts}
        raise UserError(f"no contrast {treatment}/{wanted}; {did_you_mean(wanted, known)}")

    def pairing_words(self, treatment: str) -> str:
        """How much pairing narrowed the primary metric's interval; "" where nothing is paired."""
        main = self.contrast(treatment)
        if not math.isfinite(main.pairing_ratio):
            return ""
        known = {metric.name: metric for metric in METRICS}
        words = (
            f"The interval of {self.primary} is {main.pairing_ratio:.2f} times as wide as a split "
            "test's with the same users"
        )
        for other in self.contrasts:
            same = known[other.metric].variant_of == self.primary
            if same and other.treatment == treatment and math.isfinite(other.pairing_ratio):
                words += f"; that of {other.metric}, {other.pairing_ratio:.2f} times"
        return f"{words}."

    def correction_words(self) -> str:
        """What the corrected p-values are corrected for."""
        names = {"holm": "Holm", "bh": "Benjamini and Hochberg"}
        if self.correction == "none":
            return "p-values are not corrected"
        leads = sum(contrast.metric == self.primary for contrast in self.contrasts)
        others = len(self.contrasts) - leads
        main = f"{self.primary} for {leads} treatment{'s' * (leads > 1)}"
        return f"corrected by {names[self.correction]}: {main}, the rest for {others} contrasts"

    def to_frame(self) -> pd.DataFrame:
        """One row a contrast, one column a field."""
        return pd.DataFrame([asdict(contrast) for contrast in self.contrasts])

    def as_dict(self) -> dict[str, Any]:
        """The document of ``footfall compare --json``; NaN becomes None."""
        return {
            "verdict": self.verdict,
            "arms": [
                {"name": arm.name, "metrics": {k: finite(v) for k, v in arm.metrics.items()}}
                for arm in self.arms
            ],
            "contrasts": [
                {key: finite(value) for key, value in asdict(contrast).items()}
                for contrast in self.contrasts
            ],
            "design": self.design,
            "control": self.control,
            "primary": self.primary,
            "level": self.level,
            "correction": self.correction,
            "cautions": list(self.cautions),
            "validity": {
                "status": self.validity.status,
                "reasons": list(self.validity.reasons),
                "blocks": {key: block.status for key, block in self.validity.blocks.items()},
            },
        }

    def to_json(self) -> str:
        """One JSON document: ``verdict``, ``arms``, ``contrasts``, and what to know of them."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def _repr_html_(self) -> str:
        """For notebooks: the verdict, and the contrasts as a table."""
        frame = self.to_frame()
        short = ["metric", "control", "treatment", "control_value", "treatment_value"]
        short += ["difference", "ci_low", "ci_high", "p_value", "p_adjusted", "correlation"]
        table = frame[short].to_html(index=False, float_format=lambda x: f"{x:.4g}", border=0)
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.cautions)
        return f"<p><strong>{escape(self.verdict)}</strong></p>{table}<ul>{notes}</ul>"


def finite(value: Any) -> Any:
    """For JSON, which has no NaN and no infinity: None in their place."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def compare(
    log: RunLog,
    *,
    control: str | None = None,
    primary: str | None = None,
    metrics: tuple[str, ...] | None = None,
    correction: Correction = "holm",
    level: float = 0.95,
    with_exposure: bool = True,
) -> Comparison:
    """Compare the arms of a run.

    Args:
        log: The opened run.
        control: Arm to compare with; by default the scenario's.
        primary: Metric of the verdict; by default the scenario's ``primary``, else purchases,
            else (nobody bought anything) clicks.
        metrics: Names of metrics to compare; all of them by default.
        correction: For several contrasts: ``holm``, ``bh`` (Benjamini-Hochberg) or ``none``.
        level: Confidence level of the intervals, which are not corrected.
        with_exposure: Add coverage, Gini, novelty and diversity to the arms.
    """
    rule = rule_of(log)
    named = primary or log.scenario.get("primary") or (rule.metric if rule else None)
    result = compare_users(
        log.per_user(),
        control=control or log.control,
        design=log.design,
        primary=str(named) if named else None,
        metrics=metrics or (CREDITED if log.design == "interleaved" else None),
        correction=correction,
        level=level,
        validity=read_validity(log),
        cautions=log.cautions(),
        always_valid=_always_valid(log, rule, control or log.control, level),
    )
    return _with_exposure(result, log) if with_exposure else result


def compare_users(
    per_user: pd.DataFrame,
    *,
    control: str,
    design: Design = "paired",
    primary: str | None = None,
    metrics: tuple[str, ...] | None = None,
    correction: Correction = "holm",
    level: float = 0.95,
    validity: Validity | None = None,
    cautions: tuple[str, ...] = (),
    always_valid: Mapping[tuple[str, str], Watched] | None = None,
) -> Comparison:
    """Compare arms from one row a (arm, user), as ``RunLog.per_user`` gives them.

    When paired, every arm has the same users in the same order. ``always_valid`` holds, by
    (metric, treatment), what is to be reported of a metric by which the run could stop early.
    """
    counts = derive(per_user)
    names = tuple(dict.fromkeys(counts["arm"]))
    if control not in names:
        raise UserError(f"no arm {control!r} to compare with; {did_you_mean(control, names)}")
    wanted = find_metrics(metrics)
    main = _primary(counts, primary, wanted)
    arms = tuple(_arm(counts, name, wanted) for name in names)
    contrasts = [
        _watched(
            _contrast(counts, metric, (control, name), design, level),
            (always_valid or {}).get((metric.name, name)),
        )
        for name in names
        if name != control
        for metric in wanted
    ]
    result = Comparison(
        verdict="",
        design=design,
        control=control,
        primary=main,
        arms=arms,
        contrasts=_adjusted(contrasts, correction, level, main),
        validity=validity or Validity(),
        cautions=(*cautions, *_cautions(counts, names, arms, design)),
        correction=correction,
        level=level,
    )
    return _replace(result, verdict=verdict(result))


def _always_valid(
    log: RunLog, rule: Rule | None, control: str, level: float
) -> dict[tuple[str, str], Watched]:
    """A metric that was watched needs an interval that may be watched, stopped or not."""
    if rule is None:
        return {}
    found = {
        (rule.metric, arm): watched(log, rule, control, arm, level)
        for arm in log.arms
        if arm != control
    }
    return {key: one for key, one in found.items() if one is not None}


def _watched(contrast: Contrast, found: Watched | None) -> Contrast:
    if found is None or not math.isfinite(contrast.standard_error):
        return contrast
    width = contrast.ci_high - contrast.ci_low
    wider = (found.ci_high - found.ci_low) / width if width else 1.0
    return Contrast(
        **{
            **contrast.__dict__,
            "ci_low": found.ci_low,
            "ci_high": found.ci_high,
            "p_value": found.p_value,
            "p_adjusted": found.p_value,
            "lift_low": contrast.lift - wider * (contrast.lift - contrast.lift_low),
            "lift_high": contrast.lift + wider * (contrast.lift_high - contrast.lift),
            "pairing_ratio": float("nan"),
            "method": "always-valid confidence sequence",
        }
    )


def _replace(result: Comparison, **changes: Any) -> Comparison:
    return Comparison(**{**result.__dict__, **changes})


def _primary(counts: pd.DataFrame, named: str | None, wanted: tuple[Metric, ...]) -> str:
    known = [metric.name for metric in wanted]
    if named is not None:
        if named not in known:
            raise UserError(f"unknown primary metric {named!r}; {did_you_mean(named, known)}")
        return named
    for name in ("purchases", "clicks"):
        if name in known and counts[name].sum() > 0:
            return name
    return known[0]


def _arm(counts: pd.DataFrame, name: str, metrics: tuple[Metric, ...]) -> Arm:
    own = counts.loc[counts["arm"] == name]
    limits = {metric.name: bounds(own, metric, name) for metric in metrics}
    return Arm(
        name=name,
        users=len(own),
        visitors=int(own["visitor"].sum()),
        metrics={metric.name: columns(own, metric, name).value for metric in metrics},
        lowest={key: low for key, (low, _) in limits.items()},
        highest={key: high for key, (_, high) in limits.items()},
        undecided_pages=int(own["undecided_pages"].sum()),
        pages=int(own["pages"].sum()),
    )


def _contrast(
    counts: pd.DataFrame, metric: Metric, pair: tuple[str, str], design: Design, level: float
) -> Contrast:
    control, treatment = pair
    base, other = columns(counts, metric, control), columns(counts, metric, treatment)
    found = effect(base, other, design=design, level=level)
    lowest, highest = found.difference, found.difference
    if counts["undecided_impressions"].any():
        low_c, high_c = bounds(counts, metric, control)
        low_t, high_t = bounds(counts, metric, treatment)
        lowest, highest = low_t - high_c, high_t - low_c
    return Contrast(
        metric=metric.name,
        control=control,
        treatment=treatment,
        difference=found.difference,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        p_value=found.p_value,
        p_adjusted=found.p_value,
        correlation=found.correlation,
        control_value=base.value,
        treatment_value=other.value,
        lift=found.lift,
        lift_low=found.lift_low,
        lift_high=found.lift_high,
        lowest=lowest,
        highest=highest,
        standard_error=found.standard_error,
        users=found.users,
        method=found.method,
        pairing_ratio=pairing_ratio(base, other, level=level)
        if design == "paired"
        else float("nan"),
        cautions=_notes(found.correlation, found.users, found.standard_error, base.value, design),
    )


def _notes(
    correlation: float, users: int, error: float, value: float, design: Design
) -> tuple[str, ...]:
    notes = []
    if users < FEW_USERS:
        notes.append(f"only {users} users")
    if design == "paired" and correlation < LOW_CORRELATION:
        notes.append(f"low correlation between arms ({correlation:.2f}): pairing brings little")
    if error == 0 and value == 0:
        notes.append("nothing of the kind happened in either arm")
    return tuple(notes)


def _adjusted(
    contrasts: list[Contrast], correction: Correction, level: float, primary: str
) -> tuple[Contrast, ...]:
    """Correct p-values: the primary metric over treatments, the others over all of theirs.

    The primary metric is fixed before the data are seen, so it does not pay for the others.
    """
    if correction not in CORRECTIONS:
        raise UserError(
            f"unknown correction {correction!r}; {did_you_mean(correction, CORRECTIONS)}"
        )
    raw = np.array([contrast.p_value for contrast in contrasts])
    leads = np.array([contrast.metric == primary for contrast in contrasts], dtype=bool)
    adjusted = raw.copy()
    for family in (leads, ~leads):
        chosen = family & np.isfinite(raw)
        if correction != "none" and chosen.any():
            method = {"holm": "holm", "bh": "fdr_bh"}[correction]
            adjusted[chosen] = multipletests(raw[chosen], 1 - level, method=method)[1]
    return tuple(
        Contrast(**{**contrast.__dict__, "p_adjusted": float(p)})
        for contrast, p in zip(contrasts, adjusted, strict=True)
    )


def _cautions(
    counts: pd.DataFrame, names: tuple[str, ...], arms: tuple[Arm, ...], design: Design
) -> tuple[str, ...]:
    notes = []
    fewest = min(arm.users for arm in arms)
    if fewest < SMALL_SAMPLE:
        notes.append(f"Only {fewest} users in an arm: intervals are wide and ratios are rough.")
    for arm in arms:
        if arm.undecided_pages:
            share = arm.undecided_pages / arm.pages
            notes.append(
                f"{arm.undecided_pages} of {arm.pages} pages ({share:.1%}) in arm {arm.name} "
                "got no answer from the model; they are counted apart, see the bounds."
            )
    unpriced = int(counts["undecided_unpriced"].sum())
    if unpriced:
        notes.append(
            f"{unpriced} unanswered items have no price: the bounds of revenue do not cover them."
        )
    if design == "paired" and len(names) > 1:
        visited = counts.pivot_table(index="user", columns="arm", values="visitor").to_numpy() > 0
        came = int(visited.any(axis=1).sum())
        both = int(visited.all(axis=1).sum())
        if came and both < SAME_VISITORS * came:
            notes.append(
                f"Arms see different users: only {both} of {came} visitors came in every arm. "
                "Metrics per user count the others as zero; ratios compare different people."
            )
    return tuple(notes)


def _with_exposure(result: Comparison, log: RunLog) -> Comparison:
    shown = exposure(log)
    arms = tuple(
        Arm(**{**arm.__dict__, "metrics": {**arm.metrics, **asdict(shown[arm.name])}})
        for arm in result.arms
    )
    return _replace(result, arms=arms)
