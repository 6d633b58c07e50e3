"""What a recommender under test may learn from: positives, known items, popularity."""

from __future__ import annotations

import copy
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset
from footfall.errors import DataError
from footfall.recommenders.trained_specs import Positive

LIKED_RATING = 3.5
"""Ratings from here on count as liked, as in the re-tests of Agent4Rec on MovieLens."""

KNOWN_ACTIONS = ("purchase", "rate")
"""Actions after which an item is known to the user; seeing or carting it is not enough."""


class Learning:
    """The interactions seen so far, as catalogue codes; what is too old teaches nothing."""

    def __init__(
        self,
        remembered: Dataset,
        catalogue: Catalogue,
        positive: Positive | None = None,
        window_days: float | None = None,
    ) -> None:
        """``window_days``: positives that are older than the newest event by more are forgotten."""
        self._positive = positive
        self._window = None if window_days is None else pd.Timedelta(days=window_days)
        self.catalogue = catalogue
        self._barred: dict[frozenset[str], npt.NDArray[np.int32]] = {}
        self._rows = self._coded(remembered.interactions)
        if not len(self.positives):
            wanted = "purchases or ratings of 3.5 or more" if positive is None else str(positive)
            raise DataError(
                f"{remembered.name}: nothing to learn from before the split: no {wanted}; "
                'set "positive" of the recommender to an action that the data has'
            )

    def add(self, events: pd.DataFrame) -> None:
        """Append canonical interactions."""
        self._rows = pd.concat([self._rows, self._coded(events)], ignore_index=True)
        for cached in ("positives", "counts", "by_popularity", "_known"):
            self.__dict__.pop(cached, None)

    def answering(self, *, known: bool) -> Learning:
        """What answers need of this, without the interactions; it cannot learn any more."""
        lean = copy.copy(self)
        for name in ("counts", "by_popularity", "on_sale", *(["_known"] if known else [])):
            lean.__dict__[name] = getattr(self, name)
        lean.__dict__.pop("positives", None)
        lean.__dict__["_rows"] = self._rows.iloc[:0]
        lean.__dict__["_barred"] = {}
        return lean

    def _coded(self, interactions: pd.DataFrame) -> pd.DataFrame:
        """Reduce to user, code, liked, known, time."""
        codes = pd.Index(self.catalogue.ids).get_indexer(pd.Index(interactions["item"]))
        if len(codes) and codes.min() < 0:
            stranger = interactions["item"].iloc[int(codes.argmin())]
            raise DataError(f'interactions name item "{stranger}", which the items lack')
        liked = self._liked(interactions)
        known = interactions["action"].isin(KNOWN_ACTIONS) | liked
        return pd.DataFrame(
            {
                "user": interactions["user"].to_numpy(),
                "code": codes.astype(np.int32),
                "liked": liked.to_numpy(),
                "known": known.to_numpy(),
                "time": interactions["time"].to_numpy(),
            }
        )

    def _liked(self, interactions: pd.DataFrame) -> pd.Series[bool]:
        action, value = interactions["action"], interactions["value"]
        if self._positive is None:
            return (action == "purchase") | ((action == "rate") & (value >= LIKED_RATING))
        liked = action == self._positive.action
        if self._positive.min_value is not None:
            liked &= value >= self._positive.min_value
        return liked

    @cached_property
    def positives(self) -> pd.DataFrame:
        """One row a positive interaction, repeats included: ``user``, ``code``."""
        liked = self._rows["liked"]
        if self._window is not None:
            liked = liked & (self._rows["time"] > self._rows["time"].max() - self._window)
        return self._rows.loc[liked, ["user", "code"]]

    def barred(self, items: frozenset[str]) -> npt.NDArray[np.int32]:
        """Codes of items that are not wanted now; looked up once for each set."""
        if items not in self._barred:
            self._barred[items] = np.array(sorted(self.catalogue.known(items)), dtype=np.int32)
        return self._barred[items]

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """[n_items] positive interactions of each item."""
        return np.bincount(self.positives["code"], minlength=len(self.catalogue))

    @cached_property
    def by_popularity(self) -> npt.NDArray[np.int32]:
        """[n_items] codes, most positive interactions first, then catalogue order."""
        return np.argsort(-self.counts, kind="stable").astype(np.int32)

    @cached_property
    def on_sale(self) -> npt.NDArray[np.bool_]:
        """[n_items] whether an item may be shown: it has a price, or no item has one."""
        priced = np.isfinite(self.catalogue.prices)
        return priced if priced.any() else np.ones(len(self.catalogue), dtype=np.bool_)

    @cached_property
    def _known(self) -> dict[str, npt.NDArray[np.int32]]:
        known = self._rows.loc[self._rows["known"]].drop_duplicates(["user", "code"])
        return {
            str(user): rows.to_numpy(dtype=np.int32)
            for user, rows in known.groupby("user", sort=False)["code"]
        }

    def known(self, user: str) -> npt.NDArray[np.int32]:
        """Codes of the items that this user has bought or rated."""
        return self._known.get(user, np.empty(0, dtype=np.int32))
