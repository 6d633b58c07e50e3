"""What a run asks of users who have an opinion of their own on what they are shown."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from footfall.behaviour.coming_back import Before
from footfall.behaviour.people import Opinion

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


class Thinking(Protocol):
    """Users who have an opinion on what they are shown: fitted ones, or a planted truth."""

    @property
    def gap_days(self) -> Floats:
        """[n_users] mean days between visits."""
        ...

    def think(
        self,
        users: Numbers,
        items: Codes,
        price: Floats,
        days: Floats,
        traces: Floats,
        visit: Floats,
    ) -> Opinion:
        """See ``People.think``; the answer to a page must not depend on its batch."""
        ...

    def going(self, users: Numbers, pages: Numbers) -> Floats:
        """See ``People.going``."""
        ...

    def before(self, user: int) -> Before:
        """See ``People.before``."""
        ...

    def stretch(self, users: Numbers, late: Floats) -> Floats:
        """See ``People.stretch``."""
        ...

    def leaves(self, clicks: Floats) -> Floats:
        """See ``People.leaves``."""
        ...
