"""What each arm's recommender answered in a run, and whether a verdict can rest on it.

A page that a recommender did not fill is no behaviour of users. The thresholds below were set
before any run was looked at: round numbers that a healthy service stays far under.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_UNANSWERED = 0.05
"""Share of requests that may fail or bring an empty slate."""

MOST_INVENTED = 0.2
"""Share of requests that may bring an item which the catalogue lacks."""

MOST_FALLBACK = 0.5
"""Share of requests that a substitute may answer, such as the rows of user ``*`` of a table."""

MOST_UNFILLED = 0.25
"""Share of the places of visits' first pages that may stay empty."""

MOST_RAN_OUT = 0.1
"""Share of requests above which a reader is told that a recommender had nothing new to show."""

NO_VERDICT = 3
"""Exit status of commands whose result names no winner because an arm or the model is broken."""

PLANNED = "outage of the scenario"
"""Why a request fails that the scenario lets fail, as ``footfall.recommenders.outage`` says it."""

KINDS = ("failed", "empty", "invented", "fallback", "ran_out")
"""What is counted in requests."""

OWN = frozenset({"random", "popular", "shuffled", "item-knn", "implicit"})
"""Kinds whose substitute is part of what they are: popular items for users without a history."""


@dataclass(frozen=True)
class RequestCounts:
    """What one arm was asked and what came back; counts of requests unless said otherwise."""

    arm: str
    requests: int
    """Without those that the scenario itself let fail (``outages``)."""
    failed: int = 0
    empty: int = 0
    """Nothing to show on the first page of a visit."""
    ran_out: int = 0
    """Nothing new to show on a later page: a ranking has an end, or ignores what was shown."""
    invented: int = 0
    """With at least one item that the catalogue lacks."""
    fallback: int = 0
    """Answered by a substitute, for users whom the recommender does not know."""
    failed_updates: int = 0
    """Epochs from which it could not learn."""
    places: int = 0
    """Places of the first pages of visits."""
    unfilled: int = 0
    """Those of them that stayed empty."""
    kind: str = ""
    """Kind of recommender, where the scenario tells."""
    examples: Mapping[str, str] | None = None
    """The first example of each kind of fault."""

    def share(self, kind: str) -> float:
        """Share of the requests (of the places: ``unfilled``); 0 where there were none."""
        out_of = self.places if kind == "unfilled" else self.requests
        count: int = getattr(self, kind)
        return count / out_of if out_of else 0.0

    @property
    def answered(self) -> int:
        """Requests with at least one item to show."""
        return max(0, self.requests - self.failed - self.empty)

    def problem(self) -> str:
        """Why no verdict can rest on this arm, as a sentence; "" where one can."""
        if not self.requests:
            return ""
        if self.failed + self.empty > MOST_UNANSWERED * self.requests:
            return (
                f"{self.arm} answered {self.answered:,} of {self.requests:,} requests, "
                f"{self._counted('failed', 'empty')}{self._example('failed', 'empty')}"
            )
        if self.share("invented") > MOST_INVENTED:
            return (
                f"{self.arm} showed items that the catalogue lacks in {self._of('invented')}"
                f"{self._example('invented_slates')}"
            )
        if self.share("fallback") > MOST_FALLBACK and self.kind not in OWN:
            return f"{self.arm} answered {self._of('fallback')} by its rows for unknown users"
        if self.share("unfilled") > MOST_UNFILLED:
            return (
                f"{self.arm} left {self.share('unfilled'):.0%} of the places of first pages empty"
                f"{self._example('too_short', 'repeated', 'unavailable')}"
            )
        return ""

    def caution(self) -> str:
        """What a reader should know of an arm that is fit for a verdict; "" for nothing."""
        found = []
        told = self._counted("failed", "empty", "invented", "fallback")
        if told:
            found.append(f"requests of {self.arm}: {told}")
        if self.share("ran_out") > MOST_RAN_OUT:
            found.append(f"{self.arm} had nothing new left to show in {self._of('ran_out')}")
        if self.failed_updates:
            found.append(f"{self.arm} could not learn from {self.failed_updates:,} epochs")
        return "; ".join(found)

    def words(self) -> str:
        """One line for the end of a run: "svc: 250 requests, 250 failed (100%)"."""
        told = self._counted(*KINDS) or "all answered"
        return f"{self.arm}: {self.requests:,} requests, {told}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON: counts, shares of the requests, and the problem."""
        return {
            "requests": self.requests,
            **{kind: getattr(self, kind) for kind in KINDS},
            "shares": {kind: self.share(kind) for kind in (*KINDS, "unfilled")},
            "problem": self.problem(),
        }

    def _counted(self, *kinds: str) -> str:
        return ", ".join(
            f"{getattr(self, kind):,} {kind.replace('_', ' ')} ({self.share(kind):.0%})"
            for kind in kinds
            if self.share(kind)
        )

    def _of(self, kind: str) -> str:
        return f"{getattr(self, kind):,} of {self.requests:,} requests ({self.share(kind):.0%})"

    def _example(self, *kinds: str) -> str:
        found = next((self.examples[k] for k in kinds if k in (self.examples or {})), "")  # type: ignore[index]  # looked up above
        return f"; for instance: {found}" if found else ""


def answers_of(record: Mapping[str, Any]) -> tuple[RequestCounts, ...]:
    """Those of every arm that a manifest tells of, in its order."""
    arms = (record.get("scenario") or {}).get("arms") or ()
    kinds = {
        str(arm.get("name")): str((arm.get("recommender") or {}).get("kind"))
        for arm in arms
        if isinstance(arm, dict) and isinstance(arm.get("recommender") or {}, dict)
    }
    return tuple(
        answers(str(arm), counts, kinds.get(str(arm), ""))
        for arm, counts in (record.get("faults") or {}).items()
    )


def answers(arm: str, counts: Mapping[str, Any], kind: str = "") -> RequestCounts:
    """What the audit of one arm counted (``footfall.recommenders.audit``)."""

    def count(name: str) -> int:
        found = counts.get(name)
        return found if type(found) is int and found > 0 else 0

    listed = counts.get("examples")
    examples = {
        str(kind): " ".join(str(found[0]).split())[:150]
        for kind, found in (listed.items() if isinstance(listed, dict) else ())
        if isinstance(found, list) and found
    }
    failed, outages = count("failed"), count("outages")
    if "outages" not in counts and examples.get("failed", "").endswith(PLANNED):
        failed, outages = 0, failed  # an older manifest counts both in one
    return RequestCounts(
        arm=arm,
        requests=max(0, count("slates") - outages),
        failed=failed,
        empty=count("empty"),
        ran_out=count("ran_out"),
        invented=count("invented_slates"),
        fallback=count("fallback_requests"),
        failed_updates=count("failed_updates"),
        places=count("places"),
        unfilled=count("unfilled"),
        kind=kind,
        examples=examples,
    )


MOSTLY = 0.5
"""Share of pages without an answer of the model above which they are "mostly unanswered"."""


def no_verdict(record: Mapping[str, Any]) -> list[str]:
    """Why no verdict can rest on a run, in sentences; empty where one can."""
    found = [one.problem() for one in answers_of(record)]
    choice = record.get("choice") or {}
    found.append(silence(choice.get("unanswered_pages"), choice.get("pages")))
    return [f"{problem}." for problem in found if problem]


def silence(unanswered: Any, pages: Any, where: str = "") -> str:
    """That the model left most pages (of ``where``) unanswered; "" where it did not."""
    if type(pages) is not int or type(unanswered) is not int or unanswered <= MOSTLY * pages:
        return ""
    return f"The model gave no answer to {unanswered:,} of {pages:,} pages{where}"


def played(record: Mapping[str, Any]) -> str:
    """Whose answers these are, where they are nobody's; "" for those of a model or of habits."""
    if (record.get("model") or {}).get("name") != "fake":
        return ""
    return "The answers are the fake model's, a test of the plumbing only"
