"""Where in a visit a page comes: how many pages were before it, and what was clicked on them.

Somebody who has clicked three times may have had enough, on this visit. That is a fact of the
visit, not of the item or of the user.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

VISIT = ("further pages", "clicked earlier in the visit")
"""What ``in_visit`` tells, in the order of its columns."""


def earlier(counts: Numbers, begins: npt.NDArray[np.bool_]) -> Numbers:
    """[n] sum of ``counts`` [n] over the rows before, back to where the row's group ``begins``."""
    before = np.cumsum(counts) - counts
    return np.asarray(before - before[np.flatnonzero(begins)][np.cumsum(begins) - 1], np.int64)


def in_visit(page: Numbers, clicked: Numbers) -> Floats:
    """[n, len(VISIT)] of pages, each step adding less than the one before.

    Args:
        page: [n] number of the page within its visit, from 0.
        clicked: [n] clicks on earlier pages of the visit.
    """
    return np.log1p(np.stack([page, clicked], axis=-1).astype(np.float64))
