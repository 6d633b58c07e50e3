"""Which recommender wins, by how much, and how far to believe it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from footfall.errors import UserError, did_you_mean
from footfall.run_folder.answers import RequestCounts, answers_of, played, silence
from footfall_eval.comparing.coming_back import of_returning
from footfall_eval.comparing.comparison import CORRECTIONS, Arm, Comparison, Contrast, Correction
from footfall_eval.comparing.evidence import Lift
from footfall_eval.comparing.levels import AskedToo, unevenly_drawn
from footfall_eval.comparing.stopping import StoppingRule, Watched, rule_of, watched
from footfall_eval.comparing.unanswered import doubts, lost_visits
from footfall_eval.comparing.verdict import verdict
from footfall_eval.comparing.weighing import Weigher
from footfall_eval.measures.metrics import Metric, bounds, columns, derive, exposure, find_metrics
from footfall_eval.reading.load import Design, RunLog
from footfall_eval.reading.uncertainty import stretch
from footfall_eval.reading.validity import Validity, read_validity
from footfall_eval.statistics.effects import FEW_USERS, effect, pairing_ratio

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
    levels = AskedToo.of(log, level)
    told = list(log.cautions(without="surrogate" if levels else None))
    if levels is None and unevenly_drawn(log):
        told.append(
            "These users were asked because their answers matter most, and speak for nobody else: "
            f"compare {log.path.parent}, which weighs them."
        )
    if share := stretch(log):
        told.append(_stretched(share))
    if doubt := of_returning(log, control or log.control, log.arms):
        told.append(doubt)
    result = compare_users(
        log.per_user() if levels is None else levels.crowd,
        control=control or log.control,
        design=log.design,
        primary=str(named) if named else None,
        metrics=metrics or (CREDITED if log.design == "interleaved" else None),
        correction=correction,
        level=level,
        validity=read_validity(log),
        cautions=tuple(told),
        always_valid=_always_valid(log, rule, control or log.control, level),
        answers={one.arm: one for one in answers_of(log.manifest)},
        played=played(log.manifest),
        weigher=None if levels else Weigher.of(log, control or log.control, level),
        levels=levels,
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
    answers: Mapping[str, RequestCounts] | None = None,
    played: str = "",
    weigher: Weigher | None = None,
    levels: AskedToo | None = None,
) -> Comparison:
    """Compare arms from one row a (arm, user), as ``RunLog.per_user`` gives them.

    When paired, every arm has the same users in the same order. ``always_valid`` holds, by
    (metric, treatment), what is to be reported of a metric by which the run could stop early;
    ``weigher`` knows what beside the simulation speaks of an effect. ``answers`` holds what each
    arm's recommender answered: where one is broken, or the model left most pages of an arm
    unanswered, no winner is named. ``levels`` are both levels of a run that has two; ``per_user``
    is then the surrogate's.
    """
    counts = derive(per_user)
    names = tuple(dict.fromkeys(counts["arm"]))
    if control not in names:
        raise UserError(f"no arm {control!r} to compare with; {did_you_mean(control, names)}")
    wanted = find_metrics(metrics)
    main = _primary(counts, primary, wanted)
    arms = tuple(_arm(counts, name, wanted, (answers or {}).get(name)) for name in names)
    if levels is not None:
        arms = tuple(levels.arm(arm, wanted) for arm in arms)
        leader = next(metric for metric in wanted if metric.name == main)
        cautions = (*cautions, *levels.cautions(leader, control, names))

    def contrast(metric: Metric, treatment: str) -> Contrast:
        plain = (
            _contrast(counts, metric, (control, treatment), design, level)
            if levels is None
            else levels.contrast(metric, control, treatment)
        )
        watched = (always_valid or {}).get((metric.name, treatment))
        return _weighed(_watched(plain, watched), weigher)

    treatments = [name for name in names if name != control]
    contrasts = [contrast(metric, name) for name in treatments for metric in wanted]
    adjusted = _adjusted(contrasts, correction, level, main)
    result = Comparison(
        verdict="",
        design=design,
        control=control,
        primary=main,
        arms=arms,
        contrasts=adjusted,
        validity=validity or Validity(),
        cautions=(
            *cautions,
            *_cautions(counts, names, arms, design),
            *_odd_evidence(contrasts, main),
        ),
        correction=correction,
        level=level,
        no_verdict=_problems(arms) or doubts(arms, adjusted, main, level),
        played=played,
    )
    return _replace(result, verdict=verdict(result))


def _always_valid(
    log: RunLog, rule: StoppingRule | None, control: str, level: float
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


def _weighed(contrast: Contrast, weigher: Weigher | None) -> Contrast:
    if weigher is None:
        return contrast
    simulated = Lift(contrast.lift, contrast.lift_low, contrast.lift_high)
    evidence = weigher.weigh(contrast.metric, contrast.treatment, simulated)
    return replace(contrast, evidence=evidence)


def _odd_evidence(contrasts: list[Contrast], primary: str) -> tuple[str, ...]:
    """What is odd about the evidence of the primary metric, once a treatment."""
    found = [
        f"{_begun(contrast.evidence.why, contrast.treatment)}."
        for contrast in contrasts
        if contrast.metric == primary and contrast.evidence and contrast.evidence.why
    ]
    return tuple(dict.fromkeys(found))


def _begun(words: str, arm: str) -> str:
    """With a capital letter, unless a sentence begins with the name of an arm."""
    return words if words.startswith(arm) else f"{words[0].upper()}{words[1:]}"


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


def _problems(arms: tuple[Arm, ...]) -> tuple[str, ...]:
    """Why no winner can be named: each arm's recommender, then the model's silence in it."""
    found = [arm.answers.problem() for arm in arms if arm.answers is not None]
    found += [silence(arm.undecided_pages, arm.pages, f" of {arm.name}") for arm in arms]
    return tuple(f"{problem}." for problem in found if problem)


def _arm(
    counts: pd.DataFrame, name: str, metrics: tuple[Metric, ...], answers: RequestCounts | None
) -> Arm:
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
        lost_visits=lost_visits(own),
        answers=answers,
    )


def _contrast(
    counts: pd.DataFrame, metric: Metric, pair: tuple[str, str], design: Design, level: float
) -> Contrast:
    control, treatment = pair
    base, other = columns(counts, metric, control), columns(counts, metric, treatment)
    found = effect(base, other, design=design, level=level)
    more: dict[str, float] = {}
    if counts["undecided_impressions"].any():
        low_c, high_c = bounds(counts, metric, control)
        low_t, high_t = bounds(counts, metric, treatment)
        more = {"lowest": low_t - high_c, "highest": high_t - low_c}
    if design == "paired":
        more["pairing_ratio"] = pairing_ratio(base, other, level=level)
    return Contrast.of(
        metric.name,
        pair,
        (base.value, other.value),
        found,
        cautions=_notes(found.correlation, found.users, found.standard_error, base.value, design),
        **more,
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
    raw = np.array([contrast.ruling_p for contrast in contrasts])
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


def _stretched(share: float) -> str:
    """What to say where the log's last days refute how much better pages are clicked more."""
    wrong, more = ("large", "less") if share < 0 else ("small", "more")
    return (
        f"Lifts are likely too {wrong}, by about {abs(share):.0%} of themselves: on the log's last "
        f"days better pages gained {more} than the users foretold, by a rule that is not fitted; "
        "intervals are wider for it."
    )


def _cautions(
    counts: pd.DataFrame, names: tuple[str, ...], arms: tuple[Arm, ...], design: Design
) -> tuple[str, ...]:
    notes = []
    fewest = min(arm.users for arm in arms)
    if fewest < SMALL_SAMPLE:
        notes.append(f"Only {fewest} users in an arm: intervals are wide and ratios are rough.")
    for arm in arms:
        told = "" if arm.answers is None or arm.answers.problem() else arm.answers.caution()
        notes += [f"{told[0].upper()}{told[1:]}."] if told else []
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
