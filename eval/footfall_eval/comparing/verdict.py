"""The verdict in plain words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from footfall_eval.comparing.figures import estimate, relative
from footfall_eval.measures.metrics import METRICS, in_a_sentence

if TYPE_CHECKING:
    from footfall_eval.comparing.comparison import Comparison, Contrast
    from footfall_eval.comparing.evidence import Evidence

_METRICS = {metric.name: metric for metric in METRICS}


_DESIGNS = {
    "paired": "the same in both arms",
    "split": "split between arms",
    "interleaved": "both recommenders on every page",
}


def verdict(result: Comparison) -> str:
    """One sentence about the primary metric, then one about validity.

    For instance: "popular beats random in purchases per user: +0.42 (95% interval +0.31 to
    +0.53), 38% more, 1,000 users paired. Not validated: footfall validate was not run."
    """
    said = f"{result.played}. " if result.played else ""
    return f"{said}{_lead(result)} {result.validity.sentence()}"


def _lead(result: Comparison) -> str:
    if result.no_verdict:
        return f"No verdict: {' '.join(result.no_verdict)}"
    treatments = [arm.name for arm in result.arms if arm.name != result.control]
    if not treatments:
        return "There is one arm only, nothing to compare."
    best = leading(result)
    if best is None:
        why = result.contrast(treatments[0]).method
        return f"{_cap(in_a_sentence(result.primary))} cannot be compared: {why}."
    return f"{_found(result, best)}: {_size(result, best)}"


def claim(result: Comparison) -> str:
    """The verdict without its figures, as a headline: "popular beats random in clicks per user"."""
    best = leading(result)
    words = _lead(result) if best is None else _found(result, best)
    if result.no_verdict:  # examples and details stand below a headline
        words = (
            f"No verdict: {', '.join(one.split(';')[0].rstrip('.') for one in result.no_verdict)}"
        )
    return f"{result.played}: {words}" if result.played else words


def _found(result: Comparison, best: Contrast) -> str:
    treatments = len(result.arms) - 1
    if treatments == 1:
        return _relation(result, best)
    if _wins(result, best):
        return f"Of {treatments} treatments {best.treatment} does best and {_words(result, best)}"
    counted = ", once all comparisons are counted" if _wins(result, best, raw=True) else ""
    nobody = (
        f"None of {treatments} treatments beats {result.control} in {in_a_sentence(best.metric)}"
    )
    return f"{nobody}{counted}; the best of them is {best.treatment}"


def leading(result: Comparison) -> Contrast | None:
    """The contrast that the verdict speaks of: the best treatment's, in the primary metric.

    A treatment that beats the control goes before one that may only seem to. None where there
    is no treatment, the metric is defined in none of them, or no winner may be named.
    """
    if result.no_verdict:
        return None
    sign = _sign(result.primary)
    main = [
        contrast
        for contrast in result.contrasts
        if contrast.metric == result.primary and math.isfinite(contrast.p_value)
    ]
    return max(main, key=lambda c: (_wins(result, c), sign * c.direction), default=None)


def _sign(metric: str) -> int:
    return -1 if _METRICS[metric].better == "lower" else 1


def _wins(result: Comparison, contrast: Contrast, *, raw: bool = False) -> bool:
    p_value = contrast.ruling_p if raw else contrast.p_adjusted
    return p_value < 1 - result.level and _sign(contrast.metric) * contrast.direction > 0


def _size(result: Comparison, contrast: Contrast) -> str:
    users = _users(result, contrast)
    if contrast.standard_error == 0 and contrast.difference == 0:
        return f"every user did the same, {users}."
    return f"{effect_words(contrast, result.level)}, {users}."


def _relation(result: Comparison, contrast: Contrast) -> str:
    label = in_a_sentence(contrast.metric)
    pair = f"{contrast.treatment} and {contrast.control}"
    if contrast.standard_error == 0 and contrast.difference == 0:
        if contrast.control_value == 0:
            return f"Nothing can be said: {label} is 0 in {pair}"
        return f"{pair} are identical in {label}"
    if contrast.p_adjusted < 1 - result.level:
        return f"{contrast.treatment} {_words(result, contrast)}"
    counted = contrast.ruling_p < 1 - result.level
    hint = ", once all comparisons are counted" if counted else ""
    return f"{pair} cannot be told apart in {label}{hint}"


def _words(result: Comparison, contrast: Contrast) -> str:
    favourable = _sign(contrast.metric) * contrast.direction > 0
    word = "beats" if favourable else "loses to"
    but = _against(result, contrast, favourable=favourable)
    return f"{word} {contrast.control} in {in_a_sentence(contrast.metric)}{but}"


def _against(result: Comparison, main: Contrast, *, favourable: bool) -> str:
    """Metrics per user that moved the other way beyond doubt: a winner that costs something."""
    found = [
        in_a_sentence(other.metric)
        for other in result.contrasts
        if other.treatment == main.treatment
        and other.metric != main.metric
        and not _METRICS[other.metric].variant_of
        and _METRICS[main.metric].variant_of != other.metric
        and _METRICS[other.metric].per_user
        and other.p_adjusted < 1 - result.level
        and (other.direction > 0) != favourable
    ]
    if not found:
        return ""
    return f", but {'loses' if favourable else 'wins'} in {' and '.join(found)}"


def effect_words(contrast: Contrast, level: float) -> str:
    """For instance "+0.42 (95% interval +0.31 to +0.53), 38% more"."""
    if contrast.evidence is not None:
        return _evidence_words(contrast.evidence, level)
    unit = _METRICS[contrast.metric].unit
    size, interval = estimate(contrast.difference, contrast.ci_low, contrast.ci_high, unit)
    words = f"{size} ({level:.0%} interval {interval})"
    share = relative(contrast.lift, contrast.lift_low, contrast.lift_high)[0]
    if share[0] in "+-":
        words += f", {share[1:]} {'more' if share[0] == '+' else 'less'}"
    return words


def _evidence_words(evidence: Evidence, level: float) -> str:
    """For instance "+12% (95% interval with all uncertainty +4% to +21%), resting on both"."""
    both = evidence.both
    size, interval = relative(both.lift, both.low, both.high)
    parts = [f"{level:.0%} interval with all uncertainty {interval}"]
    if math.isnan(evidence.model_error) and evidence.rests_on == "simulation":
        parts = [f"{level:.0%} interval {interval}, the luck of the simulation only"]
    if evidence.off_policy is not None:
        alone = (evidence.simulated, evidence.off_policy)
        simulated, logged = (relative(one.lift, one.low, one.high)[0] for one in alone)
        parts.append(f"simulated {simulated}, off-policy {logged}")
    basis = {"simulation": "the simulation", "off-policy": "the log", "both": "both"}
    return f"{size} ({'; '.join(parts)}), resting on {basis[evidence.rests_on]}"


def _users(result: Comparison, contrast: Contrast) -> str:
    return f"{contrast.users:,} simulated users, {_DESIGNS[result.design]}"


def _cap(text: str) -> str:
    return text[0].upper() + text[1:]
