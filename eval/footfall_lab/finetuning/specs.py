"""How a model is fine-tuned."""

from __future__ import annotations

from pydantic import Field

from footfall.plumbing.spec import Spec

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Linear layers of Llama-like models (SmolLM2, Llama 3, Qwen 2.5 and 3)."""


class TrainSpec(Spec):
    """LoRA (Hu et al., ICLR 2022) on the answer tokens only."""

    rank: int = Field(default=8, ge=1, le=256)
    """8 on all layers of the embedded model are 2.4 million weights, 4.9 MB in bfloat16."""
    alpha: int = Field(default=16, ge=1)
    """The adapter is scaled by ``alpha / rank``."""
    first_layer: int = Field(default=0, ge=0)
    """Layers below it stay as they are; a higher one is faster, because nothing is carried
    back below it."""
    learning_rate: float = Field(default=5e-4, gt=0)
    """Highest; it rises over the first 5% of the steps and falls as a cosine to a tenth."""
    steps: int = Field(default=400, ge=1)
    """Updates of the weights."""
    lessons_a_step: int = Field(default=4, ge=1)
    """Histories, each with its questions, in one update."""
    evaluate_every: int = Field(default=40, ge=1)
    """Steps between two looks at the validation users, and between checkpoints."""
    patience: int = Field(default=4, ge=1)
    """Looks without a better NLL after which training stops."""
    validation_lessons: int = Field(default=60, ge=1)
    """Validation users who are looked at, drawn."""
    seed: int = Field(default=0, ge=0)
    start: str | None = None
    """An adapter to go on from, by folder or shipped name; it has the same rank. Its first look
    is taken before the first step, so training that only spoils it writes nothing."""
