"""Block A: what is this evidence made of, and could the model know the answers?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from footfall_eval.reading.block import Block, BlockStatus
from footfall_eval.statistics.resample import Interval


@dataclass(frozen=True)
class Provenance:
    """What made the predictions."""

    hashes: dict[str, str]
    """Of data, prompts, code and scenario."""
    model: str
    """Name and fingerprint; "" where no language model was asked."""
    split: str
    cutoff: str = ""
    """When the model's training data ends; "" unknown."""
    published: str = ""
    """When the data became public; "" unknown."""
    circular: bool = False
    """Recommenders under test and the choice model share training users."""
    anonymised: Interval | None = None
    """Nats a choice that are lost with titles replaced by names without meaning."""
    gain: Interval | None = None
    """Nats a choice that the language model saves."""
    contaminated: str = ""
    """Why the model's adapter may know the tested answers; "" if nothing speaks for it."""
    tested: str = ""
    """Which users were tested, and why those."""
    suspects: dict[str, str] = field(default_factory=dict)
    """Arm -> why its figures are worth nothing: it knows the answers, or looks into the mirror."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Arm -> why it was not held against the log."""
    likeness: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Arm -> share of its items that are those that the simulated users like best, and the rank
    correlation of its order with theirs."""


def provenance(made: Provenance) -> Block:
    """Name what was used; without knowing the model's cut-off it cannot pass."""
    metrics: dict[str, Any] = {
        "model": made.model or "none",
        "split": made.split,
        "tested users": made.tested,
        "model's cut-off": made.cutoff or "unknown",
        "data published": made.published or "unknown",
        **{f"hash of {name}": digest for name, digest in made.hashes.items()},
    }
    if made.anonymised is not None:
        metrics["anonymised titles cost nats"] = made.anonymised.value
        metrics["anonymised titles cost nats interval"] = made.anonymised.pair()
    metrics |= {f"arm {name}": why for name, why in made.suspects.items()}
    metrics |= {f"arm {name}, left out": why for name, why in made.left_out.items()}
    status, explanation = _judge(made)
    rows = tuple(
        {"arm": name, "share of the users' best": overlap, "rank correlation": order}
        for name, (overlap, order) in made.likeness.items()
    )
    return Block("A", status, explanation, metrics, rows)


def _judge(made: Provenance) -> tuple[BlockStatus, str]:
    flaw = _flaw(made)
    if flaw:
        return "red", flaw
    if not made.model:
        return "pass", "No language model was asked, so none could know the answers."
    known = made.cutoff and made.published and made.cutoff < made.published
    if known:
        return "pass", "The data was published after the model's training data ends."
    why = "The model may have read about this data: its cut-off or the publication is unknown."
    if made.anonymised is None:
        return "amber", f"{why} It was not asked again with anonymised titles."
    lost = f"With anonymised titles a choice costs {made.anonymised.value:+.4f} nats more"
    if made.gain is not None and made.gain.low > 0:
        return "amber", (
            f"{why} {lost}: part of its gain comes from the words of titles, which is what it is "
            "asked for, but might be memory."
        )
    return "amber", f"{why} {lost}; it adds nothing either way, so there is nothing to fear."


def _flaw(made: Provenance) -> str:
    """What makes this evidence worthless; "" if nothing does."""
    if made.suspects:
        return " ".join(
            f'Arm "{name}" is no evidence: {why}.' for name, why in made.suspects.items()
        )
    if made.circular:
        return (
            "Circular: the recommenders under test and the choice model learned from the same "
            "users, because too few others are left."
        )
    return f"Contaminated: {made.contaminated}." if made.contaminated else ""
