"""What stands around an item on its page: its like above it.

Somebody who has just passed two of a kind may want no third, or may be looking for just that kind.
That is a fact of the page, not of the item.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

NEAR = 3
"""Places up to which an item above is near."""

ABOVE = ("same kind just above", "same kind near above", "same kind further above")
"""What ``alike_above`` tells, in the order of its columns."""


def alike_above(kinds: Numbers) -> Floats:
    """[n, k, len(ABOVE)] of pages whose items are of ``kinds`` [n, k] from the top; -1: like none.

    At most one is 1: how far up the nearest item of the same kind is. A page of one kind, which
    no log may have, is then worth what its single neighbours say, not the sum of all of them.
    """
    nearest = np.zeros(kinds.shape, dtype=np.int64)
    for back in range(kinds.shape[1] - 1, 0, -1):
        same = (kinds[:, back:] == kinds[:, :-back]) & (kinds[:, back:] >= 0)
        nearest[:, back:][same] = back
    parts = [nearest == 1, (nearest > 1) & (nearest <= NEAR), nearest > NEAR]
    return np.stack(parts, axis=-1).astype(np.float64)


def kind_numbers(categories: Sequence[str]) -> Numbers:
    """[n_items] number of each item's category; -1 where it has none, or all have the same."""
    known = sorted({name for name in categories if name})
    if len(known) < 2:
        return np.full(len(categories), -1, dtype=np.int64)
    number = {name: place for place, name in enumerate(known)}
    return np.array([number.get(name, -1) for name in categories], dtype=np.int64)
