"""What users alike take: collaborative filtering for prompts, among users whom nobody tests.

A prompt about one user cannot tell what only many users know together: who bakes buys vanilla
sooner than others do. So a question may tell the *affinity* of user and item: how much more often
those take the item whose histories are like the user's than all do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from footfall.datasets.catalogue import Catalogue

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfTransformer

TOOK = ("purchase", "rate")
"""Actions that count."""

EVEN, MOST = 1, 9
"""Affinity where users alike take an item as often as all do; the highest one (the lowest is 0)."""

STEP = 0.1
"""Log-odds, in nats, between one affinity and the next."""

MOST_USERS = 5_000
"""Of more, so many are drawn: time and memory for each user who is asked about grow with them."""

REMEMBERED = 64_000_000
"""Bytes of affinities that are kept at hand, one an item of a user; counting anew takes half a
millisecond."""

_SMOOTHING = 0.01
"""Added to each share and to its complement: shares of few users say little."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Users apart from those who are played or tested, and what each of them took."""

    users: dict[str, int]
    """Row of each user in the matrices."""
    took: sp.csr_matrix
    """[n_users, n_items] 1 where taken, else 0."""
    weighed: sp.csr_matrix
    """[n_users, n_items] TF-IDF of how often it was taken (sublinear, rows of length 1)."""
    idf: TfidfTransformer
    shares: npt.NDArray[np.float64]
    """[n_items] share of these users who took each item."""
    _found: dict[tuple[str, bytes], npt.NDArray[np.int8]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, interactions: pd.DataFrame, catalogue: Catalogue) -> Neighbours | None:
        """From rows with ``user``, ``item`` and ``action``; None where nobody took anything."""
        from sklearn.feature_extraction.text import TfidfTransformer  # noqa: PLC0415 - slow

        rows = interactions[interactions["action"].isin(TOOK)]
        rows = rows[rows["user"].isin(_drawn(rows["user"]))]
        codes = pd.Index(catalogue.ids).get_indexer(pd.Index(rows["item"]))
        users, names = pd.factorize(rows["user"][codes >= 0], sort=True)
        if not len(users):
            return None
        ones = np.ones(len(users))
        shape = len(names), len(catalogue)
        counts = sp.csr_matrix((ones, (users, codes[codes >= 0])), shape=shape)
        idf = TfidfTransformer(sublinear_tf=True).fit(counts)
        took = (counts > 0).astype(np.float64)
        return cls(
            users={name: number for number, name in enumerate(names)},
            took=took.tocsr(),
            weighed=sp.csr_matrix(idf.transform(counts)),
            idf=idf,
            shares=np.asarray(took.mean(axis=0)).ravel(),
        )

    def affinity(self, user: str, codes: npt.NDArray[np.integer]) -> npt.NDArray[np.int8]:
        """[n_items] from 0 to ``MOST``, read only: what users alike take more often than all do.

        Each of the others counts by the square of the cosine between the two histories. The
        difference of the log-odds, theirs less everybody's, is rounded to whole ``STEP``.

        Args:
            user: Whose affinity it is; the user does not count as alike to themselves.
            codes: [n_events] what the user took, as often as they took it.
        """
        key = user, codes.tobytes()
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= max(1_000, REMEMBERED // max(1, len(self.shares))):
                self._found.clear()
            found = self._found[key] = self._affinity(user, codes)
        return found

    def _affinity(self, user: str, codes: npt.NDArray[np.integer]) -> npt.NDArray[np.int8]:
        weights = (self.weighed @ self._alike(codes)) ** 2
        if user in self.users:
            weights[self.users[user]] = 0.0
        if not weights.any():  # somebody without a past, or like nobody
            return np.full(len(self.shares), EVEN, dtype=np.int8)
        theirs = np.asarray(self._taken_by @ weights).ravel() / weights.sum()
        steps = np.rint((_log_odds(theirs) - self._expected) / STEP)
        return np.clip(steps + EVEN, 0, MOST).astype(np.int8)

    @cached_property
    def _taken_by(self) -> sp.csc_matrix:
        """[n_items, n_users] ``took`` the other way round."""
        return self.took.T

    @cached_property
    def _expected(self) -> npt.NDArray[np.float64]:
        """[n_items] log-odds of everybody's."""
        return _log_odds(self.shares)

    def _alike(self, codes: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """[n_items] a history as the rows of ``weighed`` are: what ``idf`` would make of it."""
        items, often = np.unique(codes, return_counts=True)
        weights = (np.log(often) + 1.0) * self.idf.idf_[items]
        own = np.zeros(len(self.shares))
        # Added one by one, as scikit-learn does.
        own[items] = weights / (math.sqrt(sum(one * one for one in weights.tolist())) or 1.0)
        return own


def _drawn(users: pd.Series) -> npt.NDArray[np.object_]:
    """At most ``MOST_USERS`` of the users, always the same ones, whatever the order of the rows."""
    names = np.sort(users.unique())
    return np.asarray(np.random.default_rng(0).permutation(names)[:MOST_USERS], dtype=object)


def _log_odds(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.log((shares + _SMOOTHING) / (1 - shares + _SMOOTHING)))
