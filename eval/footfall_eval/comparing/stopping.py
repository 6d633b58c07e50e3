"""Stop a run when its answer is clear, and report it honestly all the same.

A scenario with ``stop_early`` is looked at after every epoch. An ordinary interval that is
looked at until it excludes zero excludes it sooner or later; the confidence sequence of
``statistics.sequence`` does so in at most 5% of the runs. Its mixture is fixed at the first
look, from the variance alone, for the day on which the run would end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from footfall.errors import LogError
from footfall.run_folder import manifest
from footfall.run_folder.answers import no_verdict
from footfall.run_folder.layout import ASKED, MANIFEST, epochs_of
from footfall.run_folder.manifest import CHANGED
from footfall_eval.comparing.levels_over_time import running_levels
from footfall_eval.comparing.unanswered import uneven
from footfall_eval.reading.load import RunLog
from footfall_eval.statistics.sequence import Running, boundary, running_effects, tuning

LARGEST = 2**31
"""No run has as many epochs."""


@dataclass(frozen=True)
class StoppingRule:
    """The scenario's ``stop_early``."""

    metric: str
    level: float
    min_epochs: int
    epochs: int
    """Epochs of the whole run, as planned."""


@dataclass(frozen=True)
class Watched:
    """The effect at the last look, with the interval that looking on allows."""

    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    """Always valid: 1 over the e-value of "no difference" at the last look."""


def rule_of(log: RunLog) -> StoppingRule | None:
    """The rule that the run was watched by, or None.

    Raises:
        LogError: The manifest holds something else in its place.
    """
    found = log.scenario.get("stop_early")
    if not found:
        return None
    days, epoch = log.length("days"), log.length("epoch_days")
    match found:
        case {"metric": str(metric), "level": float(level), "min_epochs": int(fewest)} if (
            days and epoch and 0 < level < 1 and 0 < fewest < LARGEST
        ):
            return StoppingRule(metric, level, fewest, math.ceil(days / epoch))
    raise LogError(
        f"{log.path / 'manifest.json'}: stop_early cannot be read as a stopping rule; {CHANGED}"
    )


def watched(
    log: RunLog, rule: StoppingRule, control: str, treatment: str, level: float | None = None
) -> Watched | None:
    """The effect at the last epoch; None before the first look."""
    level = rule.level if level is None else level
    return last_look(_running(log, rule, control, treatment, level), rule, level)


def _running(
    log: RunLog, rule: StoppingRule, control: str, treatment: str, level: float
) -> Running:
    if log.scenario.get("levels"):
        return running_levels(log, rule.metric, control, treatment, level)
    pieces = log.per_user_and_epoch()
    return running_effects(log, pieces, "epoch", rule.metric, control, treatment)


def last_look(running: Running, rule: StoppingRule, level: float) -> Watched | None:
    """The interval of the last look, with the mixture that the first look fixed."""
    before = np.flatnonzero(np.asarray(running.at) < rule.min_epochs)
    if not before.size or not np.isfinite(running.means[-1]):
        return None
    first = float(running.variances[before[-1]])
    mean, variance = float(running.means[-1]), float(running.variances[-1])
    if not math.isfinite(first):
        return None
    if variance == 0:
        return Watched(mean, mean, mean, 1.0 if mean == 0 else 0.0)
    # A first look without any spread fixes nothing; take the second.
    rho2 = tuning((first or variance) * max(1.0, rule.epochs / rule.min_epochs), rule.level)
    half = float(boundary(np.array([variance]), rho2, level)[0]) / running.rows
    return Watched(mean, mean - half, mean + half, _p_value(mean * running.rows, variance, rho2))


def _p_value(total: float, variance: float, rho2: float) -> float:
    grown = variance * rho2 + 1
    return min(1.0, math.exp(0.5 * math.log(grown) - rho2 * total**2 / (2 * grown)))


def stop_early(folder: Path) -> str:
    """Why the run in ``folder`` may stop now, or "" to go on; entry point ``footfall.stop_early``.

    It may when every treatment differs from the control, each at a level that pays for their
    number (Bonferroni), and no arm is broken or lost more visits than another for want of the
    model's answers: the lack of answers is no effect.
    """
    log = RunLog.open(folder)
    try:
        return reason_to_stop(log)
    finally:
        log.connection.close()


def reason_to_stop(log: RunLog) -> str:
    """Like ``stop_early``, for an open log."""
    rule = rule_of(log)
    treatments = [arm for arm in log.arms if arm != log.control]
    if rule is None or not treatments or no_verdict(log.manifest):
        return ""
    done = _epochs(log)
    if done < rule.min_epochs or _lost_unevenly(log):
        return ""
    level = 1 - (1 - rule.level) / len(treatments)
    for treatment in treatments:
        running = _running(log, rule, log.control, treatment, level)
        found = last_look(running, rule, level)
        if found is None or found.ci_low <= 0 <= found.ci_high:
            return ""
    names = " and ".join(treatments)
    differ = "differs" if len(treatments) == 1 else "differ"
    return (
        f"{names} {differ} from {log.control} in {rule.metric} beyond doubt (always-valid "
        f"{rule.level:.0%} interval) after {done} of {rule.epochs} epochs"
    )


def _lost_unevenly(log: RunLog) -> bool:
    """Of those whom the model was asked about: of two levels the second."""
    if not log.scenario.get("levels"):
        return uneven(log.per_user())
    asked = RunLog.open(log.path / ASKED)
    try:
        return uneven(asked.per_user())
    finally:
        asked.connection.close()


def _epochs(log: RunLog) -> int:
    """Epochs that were lived; of a run of two levels by the users asked, if any were yet."""
    if not log.scenario.get("levels"):
        pieces = log.per_user_and_epoch()
        return int(pieces["epoch"].max()) + 1 if len(pieces) else 0
    folder = log.path / ASKED
    record = manifest.read(folder, needed=()) if (folder / MANIFEST).exists() else {}
    return 0 if no_verdict(record) else epochs_of(record.get("parts") or {})
