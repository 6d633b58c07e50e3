"""What a backtest lets us believe of foreseen tests: block H for this kind of change."""

from __future__ import annotations

from dataclasses import dataclass

from footfall_eval.reading.validity import Verdict
from footfall_lab.appeal.figures import Measure

KIND = "wordings of the same item"
"""The kind of change that these tests are about; nothing is said of others."""

FEWEST_TESTS = 100
"""Tests without which a verdict is not better than "direction only"."""

DIRECTION = 0.5
SLOPE = (0.8, 1.3)
COVERAGE = (0.92, 0.97)


@dataclass(frozen=True)
class AppealVerdict:
    """How far foreseen tests of this kind may be believed, and why."""

    status: Verdict
    reasons: tuple[str, ...]
    kind: str = KIND

    def sentence(self) -> str:
        """For people."""
        why = "; ".join(self.reasons)
        return f"{self.status[0].upper()}{self.status[1:]} for {self.kind}: {why}."


def appeal_verdict(figures: dict[str, Measure], tests: int) -> AppealVerdict:
    """Read the figures of one predictor.

    ``validated``: directions beat a coin with the whole interval, sizes are right on average
    (slope from 0.8 to 1.3) and intervals hold what they promise (coverage from .92 to .97), on at
    least 100 tests. ``direction only``: the first of these. Else ``not validated``.
    """
    direction, slope, coverage = (figures[name] for name in ("direction", "slope", "coverage"))
    said = (
        f"{direction.value:.0%} of {tests:,} tests' pairs have the right sign "
        f"({direction.low:.0%} to {direction.high:.0%})"
    )
    if not direction.low > DIRECTION:
        return AppealVerdict("not validated", (said, "a coin is not beaten"))
    sized = SLOPE[0] <= slope.value <= SLOPE[1]
    covered = COVERAGE[0] <= coverage.value <= COVERAGE[1]
    reasons = [
        said,
        f"slope of real on foreseen differences {slope.value:.2f}",
        f"95% intervals hold {coverage.value:.0%}",
    ]
    if tests < FEWEST_TESTS:
        reasons.append(f"fewer than {FEWEST_TESTS} tests")
    good = sized and covered and tests >= FEWEST_TESTS
    return AppealVerdict("validated" if good else "direction only", tuple(reasons))
