"""Whether a surrogate that was read can be one: it may be damaged, or a stranger's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.surrogate.bounds import traits_of
from footfall.surrogate.features import MIN_WINDOW, features_of
from footfall.surrogate.student import Student
from footfall.surrogate.texts import BUCKETS
from footfall.surrogate.trees import Trees

MOST_EVENTS = 100_000
DEEPEST_TREE = 100


def check(student: Student) -> None:
    """``ValueError`` if asking the student would read outside of its numbers, or take for ever."""
    for wrong in (*_of_texts(student), *_of_names(student), *_of_trees(student)):
        raise ValueError(wrong)
    _ = student.leaves  # raises as well, where a walk through the trees does not end in them


def _of_texts(student: Student) -> Iterator[str]:
    space, bounds = student.space, student.bounds
    words = len(space.buckets)
    if not (_numbers(space.buckets, words) and _within(space.buckets, BUCKETS)):
        yield "buckets that are none"
    elif (np.diff(space.buckets) <= 0).any():
        yield "buckets that do not rise"
    if not _numbers(space.rarity, words) or not np.isfinite(space.unmet):
        yield "no rarity for each bucket"
    if space.axes.ndim != 2 or not _numbers(space.axes, words, space.axes.shape[1]):
        yield "no axes for each bucket"
        return
    traits = traits_of(space.axes.shape[1])
    limits = np.array([bounds.item_limit, bounds.user_limit])
    if np.isnan(limits).any() or not _numbers(bounds.centre, traits):
        yield "no bounds"
    if not _numbers(bounds.precision, traits, traits):
        yield "no precision of users"


def _of_names(student: Student) -> Iterator[str]:
    if not student.learned:
        yield "nothing that was learned"
    if not _numbers(student.liking, len(student.names)):
        yield "no liking for each name"
    if not MIN_WINDOW <= student.events <= MOST_EVENTS:
        yield "a window of no possible length"


def _of_trees(student: Student) -> Iterator[str]:
    trees: Trees = student.trees
    nodes, seen = len(trees.feature), features_of(student.space.axes.shape[-1]) + 1
    if not (_numbers(trees.feature, nodes) and _within(trees.feature, seen)):
        yield "trees of features that there are not"
    if not all(
        _numbers(ways, nodes) and _within(ways, nodes) for ways in (trees.left, trees.right)
    ):
        yield "trees that lead nowhere"
    if not (_numbers(trees.roots, len(trees.roots)) and _within(trees.roots, nodes)):
        yield "trees without roots"
    if trees.threshold.shape != (nodes,) or np.isnan(trees.threshold).any():
        yield "trees without thresholds"
    if not _numbers(trees.value, nodes) or not np.isfinite(trees.base):
        yield "leaves without values"
    if not 0 <= trees.depth <= DEEPEST_TREE:
        yield "trees of no possible depth"


def _numbers(array: npt.NDArray[Any], *shape: int) -> bool:
    return array.shape == shape and array.dtype.kind in "if" and bool(np.isfinite(array).all())


def _within(array: npt.NDArray[Any], end: int) -> bool:
    return array.dtype.kind == "i" and bool(((array >= 0) & (array < end)).all())
