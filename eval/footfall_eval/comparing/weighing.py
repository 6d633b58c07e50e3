"""From a run's simulation and its logged pages to evidence for each effect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from footfall.run_folder.logged import (
    LOGGED,
    LOGGED_ARMS,
    LOGGED_ARMS_NAME,
    LOGGED_NAME,
    read_table,
)
from footfall_eval.comparing.evidence import Basis, Evidence, Lift, as_lift
from footfall_eval.reading.load import RunLog
from footfall_eval.reading.uncertainty import (
    UNSEEN,
    fitted_to_pages,
    log_ratio_draws,
    model_error,
    page_weight,
    stretch,
)
from footfall_eval.statistics.competing import Competition
from footfall_eval.statistics.joining import SPIKE, Correction, correction, joined, usual_error
from footfall_eval.statistics.logged import LoggedArm, LoggedArms, Outcome, logged_arms

OUTCOMES: dict[str, Outcome] = {
    "clicks": "clicks",
    "purchases": "purchases",
    "expected_clicks": "clicks",
    "expected_purchases": "purchases",
}
"""Metrics that logged pages can speak of, and what is counted for them."""

FEWEST_OUTCOMES = 10.0
"""Clicks or purchases that an off-policy estimate must be worth."""

UNDEFINED = 0.01
"""Share of resamples that may be 0 or less before an estimate is too wild for a logarithm ..."""

SMALLEST = 0.01
"""... the others are then taken for this share of the estimate."""

Floats = npt.NDArray[np.float64]

MOSTLY, HARDLY = 0.8, 0.2
"""Share of the gap that is believed from which the verdict rests on the log, and up to which it
rests on the simulation."""


@dataclass(frozen=True, eq=False)
class Logged:
    """The logged pages of a run, estimated."""

    outcomes: Mapping[Outcome, LoggedArms]
    left_out: Mapping[str, str]
    """Arm -> why it was not asked."""


def read_logged(log: RunLog) -> Logged | None:
    """Estimates on the logged pages of a run; None where it has none.

    Raises:
        LogError: A table is damaged.
    """
    shown = read_table(log.path, LOGGED_NAME, LOGGED)
    arms = read_table(log.path, LOGGED_ARMS_NAME, LOGGED_ARMS)
    said: dict[str, Any] = log.manifest.get("logged") or {}
    if shown is None or arms is None or not said:
        return None
    judged = shown[shown["judged"]]
    arms = arms[arms["page"].isin(judged["page"])]
    kinds: tuple[Outcome, ...] = ("clicks", "purchases")
    left = {
        str(name): str(told.get("why", ""))
        for name, told in dict(said.get("arms") or {}).items()
        if not told.get("asked")
    }
    return Logged({kind: logged_arms(judged, arms, kind) for kind in kinds}, left)


@dataclass(frozen=True)
class Weigher:
    """Weighs the effects of one run."""

    log: RunLog
    logged: Logged | None
    control: str
    level: float

    @classmethod
    def of(cls, log: RunLog, control: str, level: float) -> Weigher | None:
        """None where the run tells nothing beside its own luck."""
        logged = read_logged(log)
        told = logged is not None or any(
            math.isfinite(model_error(log, kind)) for kind in ("clicks", "purchases")
        )
        return cls(log, logged, control, level) if told and log.design == "paired" else None

    def weigh(self, metric: str, treatment: str, simulated: Lift) -> Evidence | None:
        """Evidence for one effect; None where there is nothing to weigh.

        Args:
            metric: Name of the metric.
            treatment: The arm.
            simulated: Its simulated lift with the interval of the draw.
        """
        outcome = OUTCOMES.get(metric)
        if outcome is None or not _usable(simulated):
            return None
        reach = float(norm.ppf((1 + self.level) / 2))
        centre = math.log1p(simulated.lift)
        luck = (math.log1p(simulated.high) - math.log1p(simulated.low)) / (2 * reach)
        fitted = log_ratio_draws(self.log, self.control, treatment, outcome)
        in_doubt = math.hypot(stretch(self.log), self._unseen()) * centre
        luck_and_fit = math.hypot(luck, 0.0 if math.isnan(fitted) else fitted, in_doubt)
        usual = self._usual_error(outcome, treatment)
        if simulated.lift == simulated.low == simulated.high == 0:
            usual = luck_and_fit = 0.0  # identical arms differ in nothing
        gap = self._gap(outcome, treatment, centre)
        spike = SPIKE if math.isnan(usual) else usual
        if gap.used:
            found = correction(gap.value, gap.error, spike)
        else:
            found = Correction(0.0, 0.0 if math.isnan(usual) else usual, 0.0)
        log_both, error = joined(centre, luck_and_fit, found)
        wide = math.hypot(luck_and_fit, 0.0 if math.isnan(usual) else usual)
        return Evidence(
            simulated=simulated,
            all_uncertainty=as_lift(centre, wide, reach),
            off_policy=gap.off_policy(reach),
            both=as_lift(log_both, error, reach),
            rests_on=_basis(found.weight),
            weight=found.weight,
            why=gap.why or _contradiction(gap, spike, reach),
            p_value=2 * float(norm.sf(abs(log_both) / error)) if error else float(log_both == 0),
            model_error=usual,
            **gap.figures(),
        )

    def _unseen(self) -> float:
        """Share of a lift's logarithm that no log of one policy can tell of, for fitted users."""
        return UNSEEN if fitted_to_pages(self.log) else 0.0

    def _usual_error(self, outcome: Outcome, treatment: str) -> float:
        """Of the simulation of an arm: what the look back says, and the gaps of the other arms."""
        known = model_error(self.log, outcome)
        if self.logged is None or math.isnan(known):
            return known
        others = {arm: gap for arm, gap in self._told[outcome].items() if arm != treatment}
        told = [gap for gap in others.values() if gap.used and math.isfinite(gap.value)]
        return usual_error(known, [gap.value for gap in told], [gap.error for gap in told])

    @cached_property
    def _told(self) -> dict[Outcome, dict[str, _Gap]]:
        """What the log alone says of every arm: the gap of one counts for all the others."""
        found = {} if self.logged is None else self.logged.outcomes
        return {
            outcome: {
                arm: self._gap(outcome, arm, math.nan)
                for arm in sorted(of.arms)
                if arm != self.control
            }
            for outcome, of in found.items()
        }

    def _gap(self, outcome: Outcome, treatment: str, centre: float) -> _Gap:
        if self.logged is None:
            return _Gap(why="the log has no propensities between 0 and 1")
        for arm in (self.control, treatment):
            if arm in self.logged.left_out:
                return _Gap(why=f"{arm} was not asked: {self.logged.left_out[arm]}")
        found = self.logged.outcomes[outcome]
        if not {self.control, treatment} <= found.arms.keys():
            return _Gap(why="not every logged page has its answer")
        fitted = fitted_to_pages(self.log)
        arms = found.arms[self.control], found.arms[treatment]
        return self._on_pages(_gap(found, *arms, centre, fitted=fitted), treatment)

    def _on_pages(self, gap: _Gap, treatment: str) -> _Gap:
        """Where items of a page compete, impressions tell less of pages than they seem to."""
        assert self.logged is not None, "there is a gap"
        clicks = self.logged.outcomes["clicks"]
        control, arm = clicks.arms[self.control], clicks.arms[treatment]
        places = clicks.impressions / max(clicks.pages, 1)
        rule = _competition(self.log, places)
        if rule is None or not gap.used or not arm.simulated > 0 or not control.snips > 0:
            return gap
        value, slope = rule.on_pages(gap.value, arm.simulated * places)
        ratio, ratio_slope = rule.on_pages(gap.ratio, control.snips * places)
        return replace(
            gap,
            value=value,
            error=gap.error * slope,
            ratio=ratio,
            ratio_error=gap.ratio_error * ratio_slope,
        )


def _competition(log: RunLog, places: float) -> Competition | None:
    """How items compete on pages of so many, for users who were fitted to pages; else None."""
    behaviour = log.scenario.get("behaviour")
    habits = behaviour.get("habits") if isinstance(behaviour, dict) else None
    if not fitted_to_pages(log) or not isinstance(habits, dict):
        return None
    return Competition.of(habits, round(places), page_weight(log))


@dataclass(frozen=True)
class _Gap:
    """Off-policy against simulated on the same pages, in logarithms of ratios to the control."""

    why: str = ""
    value: float = 0.0
    error: float = math.nan
    ratio: float = math.nan
    """Logarithm of the off-policy ratio alone."""
    ratio_error: float = math.nan
    used: bool = False
    arm: LoggedArm | None = None
    pages: int = 0
    users: int = 0

    def off_policy(self, reach: float) -> Lift | None:
        known = math.isfinite(self.ratio) and math.isfinite(self.ratio_error)
        return as_lift(self.ratio, self.ratio_error, reach) if known else None

    def figures(self) -> dict[str, Any]:
        if self.arm is None:
            return {}
        return {
            "effective_sample_size": self.arm.effective_sample_size,
            "mean_weight": self.arm.mean_weight,
            "pages": self.pages,
            "users": self.users,
        }


def _gap(
    found: LoggedArms, control: LoggedArm, arm: LoggedArm, centre: float, *, fitted: bool
) -> _Gap:
    """What the log says of an arm against the simulation.

    Args:
        found: The outcome's estimates.
        control: Of them.
        arm: The treatment.
        centre: Logarithm of the simulated ratio, used where nothing is foreseen page by page.
        fitted: The users were fitted to pages, so that what they foresee may stand in for what
            the weights lack; of others not even the reading is known to be right.
    """
    few = min(arm.effective_outcomes, control.effective_outcomes)
    told = _Gap(arm=arm, pages=found.pages, users=found.users)
    if few < FEWEST_OUTCOMES:
        words = f"the log speaks of {arm.name} by {few:.0f} {found.outcome} only"
        return replace(told, why=f"hardly any overlap: {words}")
    foreseen = _ratio(
        arm.simulated, control.simulated, arm.simulated_draws, control.simulated_draws
    )
    if foreseen is None:
        foreseen = (centre, np.zeros(len(arm.snips_draws)))
    plain = _ratio(arm.snips, control.snips, arm.snips_draws, control.snips_draws)
    robust = _ratio(
        arm.doubly_robust, control.doubly_robust, arm.robust_draws, control.robust_draws
    )
    if plain is None:
        return replace(told, why=f"the log speaks of {arm.name} too wildly to be used")
    best = robust if robust is not None and fitted else plain
    error = float(np.std(best[1] - foreseen[1]))
    floor = 0.0 if arm.name == control.name else math.sqrt(1 / few)
    told = replace(
        told,
        value=best[0] - foreseen[0],
        error=max(error, floor),
        ratio=plain[0],
        ratio_error=max(float(np.std(plain[1])), floor),
        used=True,
    )
    for one in (control, arm):
        if one.knows_the_days:
            why = (
                f"refused: {one.name} has seen the judged days; it shows what was really shown "
                f"{one.mean_weight:.2f} times as often as it could without (1 is expected)"
            )
            return replace(told, why=why, used=False)
    return told


def _ratio(
    above: float, below: float, above_draws: Floats, below_draws: Floats
) -> tuple[float, Floats] | None:
    """Logarithm of a ratio and of its draws; None where it is not above 0."""
    if not (above > 0 and below > 0):
        return None
    draws = above_draws / below_draws
    if not np.isfinite(draws).all() or (draws <= 0).mean() > UNDEFINED:
        return None
    centre = above / below
    return math.log(centre), np.log(np.maximum(draws, SMALLEST * centre))


def _contradiction(gap: _Gap, spike: float, reach: float) -> str:
    """What to say of a gap that the errors of both sides do not explain."""
    if not gap.used or abs(gap.value) <= reach * (gap.error + spike):
        return ""
    assert gap.arm is not None, "a gap that is used has an arm"
    word = "undersold" if gap.value > 0 else "oversold"
    return (
        f"{gap.arm.name} is {word} by the simulation: on the logged pages it does "
        f"{math.exp(gap.value):.2f} times as well as simulated (luck and the usual error of the "
        f"model reach from {math.exp(-reach * (gap.error + spike)):.2f} to "
        f"{math.exp(reach * (gap.error + spike)):.2f})"
    )


def _basis(weight: float) -> Basis:
    if weight >= MOSTLY:
        return "off-policy"
    return "simulation" if weight <= HARDLY else "both"


def _usable(lift: Lift) -> bool:
    return all(math.isfinite(x) and x > -1 for x in (lift.lift, lift.low, lift.high))
