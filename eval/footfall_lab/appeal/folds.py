"""Who is judged by whom: folds over stories, and folds that only look back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall_lab.appeal.lessons import TitlePairs

Bools = npt.NDArray[np.bool_]

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Fold:
    """Pairs to learn from, and pairs to foresee; no story is in both."""

    name: str
    learn: Bools
    foresee: Bools


def by_story(lessons: TitlePairs, folds: int = FOLDS) -> list[Fold]:
    """Each story once among those foreseen."""
    lot = lessons.lots(folds, "appeal-fold")
    return [Fold(f"story {k}", lot != k, lot == k) for k in range(folds)]


def by_time(lessons: TitlePairs, blocks: int = FOLDS) -> list[Fold]:
    """Tests in blocks by time; each block but the first is foreseen from all that was before.

    Stories that come again later are not learned from. Empty where the tests have no times, or
    all the same.
    """
    time, story = lessons.pairs.time, lessons.pairs.story
    if not np.isfinite(time).all():
        return []
    edges = np.quantile(time, np.linspace(0, 1, blocks + 1)[1:-1])
    block = np.searchsorted(edges, time, side="right")
    folds = []
    for later in np.unique(block)[1:]:
        foresee = block == later
        learn = (block < later) & ~np.isin(story, story[foresee])
        if learn.any():
            folds.append(Fold(f"time {later}", learn, foresee))
    return folds
