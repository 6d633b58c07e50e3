"""Two classical recommenders as opinions: what goes together, and what follows what."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from footfall.behaviour.features import Floats, Past
from footfall.fitting.known import Known

NEIGHBOURS = 50
"""Most similar items that are kept of each."""

SHRINK = 1.0
"""Added to the norms, so that two items met once together are not called identical."""

FEW = 5.0
"""Takings' worth of no similarity that are mixed in, so that short pasts say little."""

UNLIKE = 1e-3
"""Similarity of items that never go together."""

SMOOTH = 20.0
"""Moves' worth of plain popularity that are mixed into what follows an item."""

LAST_VISITS = 3
"""The Markov chain starts from the items of this many last visits."""


def item_knn(known: Known) -> Floats:
    """[n_users, n_items] log of the mean cosine similarity to what the user took.

    Similarities are the crowd's (Sarwar et al., WWW 2001), with counts log-scaled.
    """
    together = taken_matrix(known.crowd, known.n_items)
    together.data = np.log1p(together.data)
    norms = np.sqrt(np.asarray(together.multiply(together).sum(axis=0)).ravel()) + SHRINK
    scaled = together @ sp.diags(1.0 / norms)
    nearest = _nearest((scaled.T @ scaled).tocsr())
    own = taken_matrix(known.past, known.n_items)
    own.data = np.log1p(own.data)
    similar = np.asarray((own @ nearest).todense(), dtype=np.float64)
    weight = np.asarray(own.sum(axis=1)).reshape(-1, 1) + FEW
    return np.asarray(np.log(similar / weight + UNLIKE))


def markov(known: Known) -> Floats:
    """[n_users, n_items] log of the mean chance that an item follows those of the last visits.

    Moves are from each item of a visit to each of the next visit, counted in the crowd
    (first-order, as in FPMC without factors; Rendle et al., WWW 2010).
    """
    moves = _moves(known.crowd, known.n_items)
    popular = np.asarray(taken_matrix(known.crowd, known.n_items).sum(axis=0)).ravel() + 1.0
    popular = popular / popular.sum()
    start = _last_visits(known.past, known.n_items)
    total = np.asarray(start @ np.asarray(moves.sum(axis=1))).ravel()
    counts = np.asarray((start @ moves).todense(), dtype=np.float64)
    return np.asarray(np.log((counts + SMOOTH * popular) / (total + SMOOTH)[:, None]))


def taken_matrix(past: Past, n_items: int) -> sp.csr_matrix:
    """[n_users, n_items] how often each user took each item."""
    users, items = past.users[past.taken], past.items[past.taken]
    ones = np.ones(len(users))
    return sp.csr_matrix((ones, (users, items)), shape=(past.n_users, n_items))


def _nearest(similar: sp.csr_matrix) -> sp.csr_matrix:
    """Keep the largest ``NEIGHBOURS`` entries of each row, not the diagonal."""
    similar.setdiag(0)
    for row in range(similar.shape[0]):
        part = slice(similar.indptr[row], similar.indptr[row + 1])
        values = similar.data[part]
        if len(values) > NEIGHBOURS:
            least = np.partition(values, -NEIGHBOURS)[-NEIGHBOURS]
            values[values < least] = 0
    similar.eliminate_zeros()
    return similar


def _visits(past: Past) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users, visit numbers (within a user, newest 0) and items of takings; one moment a visit."""
    users, items, ages = past.users[past.taken], past.items[past.taken], past.ages[past.taken]
    pairs = np.unique(np.stack([users.astype(np.float64), ages]), axis=1, return_inverse=True)
    moments, which = pairs[0], pairs[1].ravel()
    first = np.searchsorted(moments[0], moments[0])
    number = np.arange(moments.shape[1]) - first
    return users, number[which], items


def _moves(past: Past, n_items: int) -> sp.csr_matrix:
    """[n_items, n_items] how often an item was followed by another at the next visit.

    Large visits count as one move from each of their items.
    """
    users, visit, items = _visits(past)
    keys = users * (int(visit.max(initial=0)) + 2) + visit
    known, row = np.unique(keys, return_inverse=True)
    ones = np.ones(len(items))
    baskets = sp.csr_matrix((ones, (row, items)), shape=(len(known), n_items))
    # Visits are numbered backwards, so what follows visit ``v`` is visit ``v - 1``.
    place = np.searchsorted(known, known - 1)
    follows = (known[np.minimum(place, len(known) - 1)] == known - 1) & (
        known % (int(visit.max(initial=0)) + 2) > 0
    )
    sizes = np.maximum(1.0, np.asarray(baskets.sum(axis=1)).ravel())
    after = sp.diags(1.0 / sizes) @ baskets
    moves: sp.csr_matrix = baskets[follows].T.tocsr() @ after[place[follows]]
    return moves


def _last_visits(past: Past, n_items: int) -> sp.csr_matrix:
    users, visit, items = _visits(past)
    last = visit < LAST_VISITS
    ones = np.ones(int(last.sum()))
    return sp.csr_matrix((ones, (users[last], items[last])), shape=(past.n_users, n_items))
