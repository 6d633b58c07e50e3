"""A pilot of two levels: how truly a surrogate plays users unknown to it, and at what cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from footfall.errors import UserError
from footfall_eval.comparing.levels import taught, without
from footfall_eval.measures.metrics import columns, derive, find_metrics
from footfall_eval.reading.load import RunLog
from footfall_eval.statistics.effects import correlation
from footfall_eval.statistics.sharing import Repeated

FASTER = 300.0
"""Item decisions that a surrogate makes in the time of one question to the embedded model, as
measured in docs/surrogate.md. Counted, not timed: the same pilot must always choose the same."""

FEWEST = 5
"""Users who did not teach, below whom a correlation tells nothing."""


@dataclass(frozen=True)
class MeasuredPilot:
    """What a pilot tells of a surrogate."""

    metric: str
    users: tuple[str, ...]
    """All of the pilot."""
    strangers: int
    """Those of them who did not teach, and on whom the surrogate was measured."""
    correlations: dict[str, float]
    """Treatment -> r of its difference from the control over them, surrogate and model; 0 where
    one side does not vary."""
    cost: float
    """Of a user of the surrogate, as a share of a user asked."""

    def repeated(self, treatment: str | None = None) -> Repeated:
        """Of one treatment, or of the one that is repeated worst."""
        found = (
            min(self.correlations.values()) if treatment is None else self.correlations[treatment]
        )
        return Repeated.of(found, self.strangers, self.cost)


def measure(crowd: RunLog, asked: RunLog, metric: str | None = None) -> MeasuredPilot:
    """Hold the same users at both levels against each other.

    Args:
        crowd: By the surrogate.
        asked: By the model.
        metric: The metric that will be judged; by default the scenario's, as for ``compare``.

    Raises:
        UserError: Too few of them did not teach.
    """
    everybody = asked.per_user()
    same, known = set(everybody["user"]), taught(crowd)
    cheap = crowd.per_user()
    cheap = cheap[cheap["user"].isin(same)].reset_index(drop=True)
    s, d = (derive(without(one, known)) for one in (cheap, everybody))
    strangers = int(d["user"].nunique())
    if strangers < FEWEST:
        raise UserError(
            f"{asked.path}: {strangers} users were asked whom the surrogate had not learned from; "
            f"{FEWEST} are needed to tell how truly it plays them"
        )
    name = metric or judged(asked, bool(everybody["purchases"].any()))
    return MeasuredPilot(
        metric=name,
        users=tuple(sorted(map(str, same))),
        strangers=strangers,
        correlations={
            arm: _correlation(name, (s, d), asked.control, arm)
            for arm in asked.arms
            if arm != asked.control
        },
        cost=_cost(crowd, asked) * len(same) / crowd.per_user()["user"].nunique(),
    )


def judged(log: RunLog, bought: bool) -> str:
    """The metric of the verdict: the scenario's, or purchases where there are any."""
    scenario = log.scenario
    named = scenario.get("primary") or (scenario.get("stop_early") or {}).get("metric")
    return str(named or ("purchases" if bought else "clicks"))


def _correlation(name: str, levels: tuple[Any, Any], control: str, treatment: str) -> float:
    metric = find_metrics((name,))[0]
    s, d = (
        columns(one, metric, treatment).linearised() - columns(one, metric, control).linearised()
        for one in levels
    )
    found = correlation(s, d)
    return 0.0 if math.isnan(found) else found


def _cost(crowd: RunLog, asked: RunLog) -> float:
    """Of all that the surrogate decided, as a share of all questions."""
    decisions = crowd.execute("SELECT count(*) FROM impressions").fetchone()
    questions = int((asked.manifest.get("choice") or {}).get("questions") or 0)
    return (decisions[0] if decisions else 0) / (FASTER * max(questions, 1))
