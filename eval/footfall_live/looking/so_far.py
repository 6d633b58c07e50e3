"""What a run that goes on has found so far, with intervals that may be looked at all the time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from footfall_eval.comparing.stopping import StoppingRule, last_look, rule_of
from footfall_eval.reading.load import RunLog
from footfall_eval.statistics.sequence import running_effects

METRICS = ("purchases", "clicks")
"""Looked at where the scenario has no rule to stop by; fixed, so that no look chooses."""

LEVEL = 0.95


@dataclass(frozen=True)
class EffectSoFar:
    """A treatment minus the control, everything up to the last epoch."""

    metric: str
    treatment: str
    control: str
    difference: float
    ci_low: float
    """Always valid: with 95% probability the truth never leaves the band, however often one
    looks. Several treatments share the 5%."""
    ci_high: float


@dataclass(frozen=True)
class SoFar:
    """What the log of a run holds."""

    decisions: int
    """Items that were put before somebody."""
    effects: tuple[EffectSoFar, ...]


def so_far(log: RunLog) -> SoFar:
    """Decisions and effects of a run up to its newest epoch.

    Raises:
        FootfallError: The log is damaged, or does not say how long its epochs are.
    """
    counted = log.execute("SELECT count(*) FROM impressions").fetchone()
    return SoFar(int(counted[0]) if counted else 0, tuple(_effects(log)))


def _effects(log: RunLog) -> list[EffectSoFar]:
    days, epoch = log.length("days"), log.length("epoch_days")
    treatments = [arm for arm in log.arms if arm != log.control]
    if not days or not epoch or not treatments:
        return []
    rule = rule_of(log)
    rules = [rule] if rule else [_watching(one, math.ceil(days / epoch)) for one in METRICS]
    pieces = log.per_user_and_epoch()
    if pieces.empty:
        return []
    found = []
    for one in rules:
        level = 1 - (1 - one.level) / len(treatments)
        for treatment in treatments:
            running = running_effects(log, pieces, "epoch", one.metric, log.control, treatment)
            look = last_look(running, one, level)
            if look is not None:
                found.append(
                    EffectSoFar(
                        one.metric, treatment, log.control,
                        look.difference, look.ci_low, look.ci_high,
                    )
                )  # fmt: skip
    return found


def _watching(metric: str, epochs: int) -> StoppingRule:
    """Looking on from the first epoch, which fixes the band's shape by its variance alone."""
    return StoppingRule(metric, LEVEL, 1, epochs)
