"""The verdict in plain words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from footfall_eval.metrics import METRICS

if TYPE_CHECKING:
    from footfall_eval.compare import Comparison, Contrast

_METRICS = {metric.name: metric for metric in METRICS}


def verdict(result: Comparison) -> str:
    """One sentence about the primary metric, then one about validity.

    For instance: "popular beats random in purchases per user: +0.42 (95% interval +0.31 to
    +0.53), 38% more, 1,000 users paired. Not validated: footfall validate was not run."
    """
    treatments = [arm.name for arm in result.arms if arm.name != result.control]
    if not treatments:
        return f"There is one arm only, nothing to compare. {result.validity.sentence()}"
    main = [result.contrast(name) for name in treatments]
    lead = _many(result, main) if len(main) > 1 else _one(result, main[0])
    return f"{lead} {result.validity.sentence()}"


def _one(result: Comparison, contrast: Contrast) -> str:
    label = _label(contrast.metric)
    if not math.isfinite(contrast.p_value):
        return f"{_cap(label)} cannot be compared: {contrast.method}."
    if contrast.standard_error == 0 and contrast.difference == 0:
        if contrast.control_value == 0:
            return f"Nothing can be said: {label} is 0 in both arms, {_users(result, contrast)}."
        return (
            f"{contrast.treatment} and {contrast.control} are identical in {label}: every user "
            f"did the same in both, {_users(result, contrast)}."
        )
    size = effect_words(contrast, result.level)
    return f"{_relation(result, contrast)} in {label}: {size}, {_users(result, contrast)}."


def _many(result: Comparison, main: list[Contrast]) -> str:
    defined = [contrast for contrast in main if math.isfinite(contrast.p_value)]
    if not defined:
        return f"{_cap(_label(result.primary))} cannot be compared: {main[0].method}."
    sign = -1 if _METRICS[result.primary].better == "lower" else 1
    best = max(defined, key=lambda contrast: sign * contrast.difference)
    return f"Of {len(main)} treatments {best.treatment} does best. {_one(result, best)}"


def _relation(result: Comparison, contrast: Contrast) -> str:
    lower = _METRICS[contrast.metric].better == "lower"
    favourable = (contrast.difference < 0) == lower
    if contrast.p_adjusted < 1 - result.level:
        word = "beats" if favourable else "loses to"
        return f"{contrast.treatment} {word} {contrast.control}"
    hint = ""
    if contrast.p_value < 1 - result.level:
        hint = " once all comparisons are counted"
    return f"{contrast.treatment} and {contrast.control} cannot be told apart{hint}"


def effect_words(contrast: Contrast, level: float) -> str:
    """For instance "+0.42 (95% interval +0.31 to +0.53), 38% more"."""
    metric = _METRICS[contrast.metric]
    words = (
        f"{amount(contrast.difference, metric.unit, signed=True)} ({level:.0%} interval "
        f"{span(contrast.ci_low, contrast.ci_high, metric.unit)})"
    )
    if math.isfinite(contrast.lift) and round(contrast.lift, 3):
        direction = "more" if contrast.lift > 0 else "less"
        words += f", {percent(abs(contrast.lift))} {direction}"
    return words


def amount(value: float, unit: str = "", *, signed: bool = False) -> str:
    """A figure for people: three significant digits; shares in percent (differences in points)."""
    if not math.isfinite(value):
        return "n/a"
    if unit == "share":
        return f"{number(100 * value, signed=signed)}{' points' if signed else '%'}"
    return number(value, signed=signed)


def span(low: float, high: float, unit: str = "") -> str:
    """An interval of differences, as in "+0.31 to +0.53"."""
    return f"{amount(low, unit, signed=True)} to {amount(high, unit, signed=True)}"


def number(value: float, *, signed: bool = False) -> str:
    """Three significant digits, no exponents."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{abs(value):,.{min(digits, 8)}f}"
    if not float(text.replace(",", "")):
        return "0"
    return f"{'-' if value < 0 else '+' if signed else ''}{text}"


def percent(share: float) -> str:
    """A share as percent with three significant digits."""
    return f"{number(100 * share)}%"


def _users(result: Comparison, contrast: Contrast) -> str:
    how = "the same in both arms" if result.design == "paired" else "split between arms"
    return f"{contrast.users:,} simulated users, {how}"


def _label(name: str) -> str:
    label = _METRICS[name].label
    return label[0].lower() + label[1:]


def _cap(text: str) -> str:
    return text[0].upper() + text[1:]
