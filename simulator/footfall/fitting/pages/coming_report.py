"""What a fit of pages says of when users come back, and whether they do."""

from __future__ import annotations

import math

import numpy as np

from footfall.behaviour.coming_back import RATE
from footfall.fitting.pages.returning import AskedPart, Returning
from footfall.plumbing.spec import Spec


class FoundPart(Spec):
    """A part that was asked of the log."""

    used: bool
    gain: float | None
    """Log-likelihood of what the fit had not seen above that without the part, in nats; None: too
    few visits to ask."""
    gain_error: float | None


class ComingReport(Spec):
    """What the visits of the log told."""

    visits: int
    per_click: float
    """What each click above the usual adds to the log of the rate of coming back."""
    per_click_error: float
    same: float | None
    """What a first page that is all the one of the visit before adds to it, as the log alone has
    it; None: nothing tells."""
    same_error: float | None
    same_played: float
    """What the run plays."""
    same_doubt: float
    """Standard deviation of what the run does not know of it."""
    usual_sameness: float
    """Mean share of first pages that stood on the first page of the visit before ..."""
    sameness_spread: float
    """... and how much that varied over visits of late: what the log has to learn from."""
    sameness: FoundPart
    leaving_odds: tuple[float, ...]
    """Log-odds of never coming back after a visit, and what it adds that nothing was clicked."""
    leaving_errors: tuple[float, ...]
    leaves_after_click: float
    leaves_after_nothing: float
    """P(never comes back) after a visit with and without a click."""
    gone: float
    """Share of the users who had left for good at the end of the log."""
    leaving: FoundPart

    def sentences(self) -> tuple[str, ...]:
        """For people."""
        return (self._of_sameness(), self._of_leaving())

    def _of_sameness(self) -> str:
        seen = (
            f"{self.usual_sameness:.0%} of a first page stood on the one of the visit before "
            f"(std. deviation of the visits of late {self.sameness_spread:.3f})"
        )
        if self.same is None or self.same_error is None:
            return (
                f"{RATE[1]}: {seen}: nothing tells what an arm does that shows the same first page "
                f"more often, or less; assumed to be nothing, give or take {self.same_doubt:.2f}"
            )
        found = f"{RATE[1]}: {self.same:+.2f} (std. error {self.same_error:.2f}) by the log; {seen}"
        if self.sameness.used:
            return f"{found}; used as {self.same_played:+.2f} give or take {self.same_doubt:.2f}"
        return f"{found}: not told from nothing, and so in doubt by {self.same_doubt:.2f}"

    def _of_leaving(self) -> str:
        if not self.leaving.used:
            few = self.leaving.gain is None
            why = "too few visits to ask" if few else "the last days are foreseen as well without"
            return f"leaving for good: not used, {why}"
        return (
            f"leaving for good: after {self.leaves_after_nothing:.1%} of the visits without a "
            f"click, {self.leaves_after_click:.1%} of the others; {self.gone:.0%} of the users "
            "had left by the end of the log"
        )


def coming_report(found: Returning) -> ComingReport:
    """Sum it up."""
    coming, told = found.coming, math.isfinite(found.estimate_error)
    after, nothing = coming.leaves(np.array([1.0, 0.0])).tolist()
    return ComingReport(
        visits=found.visits,
        per_click=float(coming.rate[0]),
        per_click_error=float(coming.click_error[0]),
        same=found.estimate if told else None,
        same_error=found.estimate_error if told else None,
        same_played=float(coming.rate[1]),
        same_doubt=float(np.sqrt(np.mean(coming.same_errors**2))),
        usual_sameness=float(coming.usual[0]),
        sameness_spread=found.spread,
        sameness=_part(found.sameness),
        leaving_odds=tuple(coming.leaving.tolist()),
        leaving_errors=tuple(np.sqrt(np.diag(coming.leaving_cov)).tolist()),
        leaves_after_click=after,
        leaves_after_nothing=nothing,
        gone=float(found.gone[:-1].mean()) if len(found.gone) > 1 else 0.0,
        leaving=_part(found.leaving),
    )


def _part(asked: AskedPart) -> FoundPart:
    known = math.isfinite(asked.gain)
    return FoundPart(
        used=asked.used,
        gain=asked.gain if known else None,
        gain_error=asked.error if known else None,
    )
