"""How clicks shorten reading, as behaviour and manifests say it (``habits.reads_on``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def as_shares(said: Any) -> Any:
    """Shares after one click, two clicks, ...; anything else is left for its reader to refuse.

    Runs of earlier versions have one number, the same for each click; 1: reading goes on.
    """
    if isinstance(said, int | float) and not isinstance(said, bool):
        return () if said == 1 else (said,)
    return said


def reads_after(reads_on: Sequence[float], most: int) -> npt.NDArray[np.float64]:
    """[most + 1] by what 0, 1, 2, ... clicks above multiply reading.

    Args:
        reads_on: After one click, two, ...; further ones each go on by the last step's ratio.
        most: Clicks above at most.
    """
    left = [1.0, *reads_on]
    ratio = left[-1] / left[-2] if len(left) > 1 and left[-2] > 0 else 1.0
    while len(left) <= most:
        left.append(left[-1] * ratio)
    return np.array(left[: most + 1])
