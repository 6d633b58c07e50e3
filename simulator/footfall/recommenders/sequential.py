"""What a user takes next, by a small recurrent network over the order of takings."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from footfall.errors import DataError
from footfall.recommenders.gru import Network, Takings, Training, next_scores, train
from footfall.recommenders.learning import Learning
from footfall.recommenders.protocol import Materials
from footfall.recommenders.ranking import RankedRecommender, Scores, ranked
from footfall.recommenders.trained_specs import SequentialSpec


def build_sequential(spec: SequentialSpec, materials: Materials) -> RankedRecommender:
    """Train a small GRU4Rec on the remembered interactions."""
    return ranked(spec, materials, partial(train_sequential, spec, materials.seed))


class SequentialScorer:
    """A trained network and each user's newest takings."""

    for_everyone = False

    def __init__(
        self,
        network: Network,
        newest: dict[str, Takings],
        taken: npt.NDArray[np.bool_],
        length: int,
    ) -> None:
        """``taken``: [n_items] whether anybody took it; of others the network knows nothing."""
        self._network, self._newest = network, newest
        self._taken, self._length = taken, length

    def scores(self, user: str) -> Scores | None:
        """[n_items] log-probabilities of being taken next; None: the user took nothing."""
        mine = self._newest.get(user)
        if mine is None:
            return None
        (found,) = next_scores(self._network, [mine], self._length)
        return np.where(self._taken, found, np.nan).astype(np.float32)


def train_sequential(spec: SequentialSpec, seed: int, learning: Learning) -> SequentialScorer:
    """Train on the positives of every user, in the order of time.

    Raises:
        DataError: Nobody took two things.
    """
    rows = learning.positives
    codes = rows["code"].to_numpy(dtype=np.int64)
    takings = {
        str(user): codes[places] for user, places in rows.groupby("user", sort=True).indices.items()
    }
    how = Training(
        seed=seed % 2**32,
        width=spec.width,
        length=spec.length,
        epochs=spec.epochs,
        most_sequences=spec.most_sequences,
    )
    network = train(takings.values(), len(learning.catalogue), how)
    if network is None:
        raise DataError(
            "sequential: no user took two items before the split, so there is no sequence to "
            "learn; use another recommender, or a later split"
        )
    newest = {user: mine[-spec.length :] for user, mine in takings.items()}
    return SequentialScorer(network, newest, learning.counts > 0, spec.length)
