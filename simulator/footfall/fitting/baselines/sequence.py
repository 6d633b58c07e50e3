"""GRU4Rec as a user: what comes next, from the order in which things were taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from footfall.behaviour.features import Codes, Floats, Numbers, Past
from footfall.errors import ModelError
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.known import Known
from footfall.recommenders.gru import Network, Training, next_scores, train


@dataclass
class GatedSequence:
    """A small GRU4Rec on the CPU; see ``footfall.recommenders.gru``."""

    seed: int = 0
    epochs: int = Training.epochs
    _network: Network | None = field(default=None, repr=False)

    @property
    def _how(self) -> Training:
        return Training(seed=self.seed, epochs=self.epochs)

    def learn(self, *lessons: tuple[Known, ChoiceSets]) -> None:
        """Train on the takings of the last lesson's crowd and of all lessons' users."""
        known = lessons[-1][0]
        pasts = [known.crowd, *(one.past for one, _ in lessons)]
        sequences = [one for past in pasts for one in _sequences(past).values()]
        self._network = train(sequences, known.n_items, self._how)
        if self._network is None:
            raise ModelError(
                "gru4rec: nobody took two things, so there is no sequence to learn; leave it out"
            )

    def columns(self, known: Known) -> Callable[[Numbers, Codes], Floats]:
        """Log-odds of every item coming next after the user's newest takings."""
        if self._network is None:
            raise ModelError("gru4rec was asked before it was fitted")
        newest: dict[int, npt.NDArray[np.int64]] = _sequences(known.past)
        empty = np.empty(0, dtype=np.int64)
        mine = [newest.get(user, empty) for user in range(known.past.n_users)]
        table = next_scores(self._network, mine, self._how.length)
        return lambda users, items: np.asarray(table[users[:, None], items][:, :, None])


def _sequences(past: Past) -> dict[int, npt.NDArray[np.int64]]:
    """User -> takings, oldest first; within one moment by code."""
    users, items, ages = past.users[past.taken], past.items[past.taken], past.ages[past.taken]
    order = np.lexsort((items, -ages, users))
    bounds = np.flatnonzero(np.diff(users[order])) + 1
    parts = np.split(items[order].astype(np.int64), bounds)
    owners = users[order][np.concatenate([[0], bounds])] if len(order) else []
    return dict(zip((int(owner) for owner in owners), parts, strict=False))
