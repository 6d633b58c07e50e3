"""The verdict on simulated users, from the blocks.

validated        B, C and G pass and D is not red
direction only   otherwise, where G puts recommenders in the right order (tau of at least
                 .64 with an interval above 0) and B is not red
not validated    everything else; what was not run never counts as a pass

Where G rests on organic hits alone, nothing is better than "direction only".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from footfall_eval.blocks.ranking import DRAWN_ANEW, HITS, TAU_PASS
from footfall_eval.reading.block import Block
from footfall_eval.reading.validity import Verdict

NEEDED = ("B", "C", "G")

SURE = 0.9
"""With a lower tau of real users with themselves, luck of who was tested is part of the result."""


@dataclass(frozen=True)
class ValidityVerdict:
    """The verdict and why it is not better."""

    verdict: Verdict
    reasons: tuple[str, ...]


def decide(blocks: Mapping[str, Block], obstacles: tuple[str, ...] = ()) -> ValidityVerdict:
    """Apply the rule; ``obstacles`` are reasons outside the blocks that forbid any belief."""
    reasons = [*obstacles, *_reasons(blocks)]
    if obstacles:
        return ValidityVerdict("not validated", tuple(reasons))
    if not reasons:
        return ValidityVerdict("validated", ())
    if _ordered(blocks.get("G")) and _status(blocks, "B") in {"pass", "amber"}:
        return ValidityVerdict("direction only", tuple(reasons))
    return ValidityVerdict("not validated", tuple(reasons))


def _reasons(blocks: Mapping[str, Block]) -> list[str]:
    found = [
        f"block {letter} {_words(_status(blocks, letter))}"
        for letter in NEEDED
        if _status(blocks, letter) != "pass"
    ]
    ranked = blocks.get("G")
    if ranked is not None and _undecided(ranked):
        found.append(_too_few(ranked))
    if ranked is not None and ranked.metrics.get("judged by") == HITS:
        found.append(
            "block G rests on hits among what the old policy let users find: without "
            "propensities in the log nobody can tell whether lifts are right"
        )
    if _status(blocks, "D") in {"red", "not run"}:
        found.append(f"block D {_words(_status(blocks, 'D'))}")
    return found


def _undecided(block: Block) -> bool:
    """Whether luck of who was tested decides if the order of recommenders is good enough."""
    if block.status == "not run" or DRAWN_ANEW not in block.metrics:
        return False
    low, high = block.metrics["tau interval"]
    return bool(low < TAU_PASS <= high and block.metrics[DRAWN_ANEW] < SURE)


def _too_few(block: Block) -> str:
    low, high = block.metrics["tau interval"]
    return (
        f"block G has {block.metrics['users']} users, too few to tell: tau lies between {low:.2f} "
        f"and {high:.2f} (pass {TAU_PASS:.2f}), and as many real users drawn anew would agree with "
        f"these to {block.metrics[DRAWN_ANEW]:.2f}"
    )


def _status(blocks: Mapping[str, Block], letter: str) -> str:
    return blocks[letter].status if letter in blocks else "not run"


def _words(status: str) -> str:
    return "was not run" if status == "not run" else f"is {status}"


def _ordered(block: Block | None) -> bool:
    """Whether recommenders come out in the right order, beyond luck."""
    if block is None or block.status == "not run":
        return False
    low = block.metrics["tau interval"][0]
    return bool(block.metrics["tau"] >= TAU_PASS and low > 0)
