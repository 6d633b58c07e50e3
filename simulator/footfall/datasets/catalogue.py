"""The items as arrays: codes for speed inside, ids and titles at the borders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.plumbing.images import ImageFile


@dataclass(frozen=True)
class Catalogue:
    """Items in the order of ``Dataset.items``; a *code* is a row number in it."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    categories: tuple[str, ...]
    prices: npt.NDArray[np.float64]
    """[n_items] unit prices, NaN where an item has none."""
    currency: str = ""
    images: tuple[ImageFile | None, ...] = ()
    """[n_items]; empty where no item has one."""
    _codes: dict[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def from_items(
        cls, items: pd.DataFrame, currency: str = "", images: Mapping[str, ImageFile] | None = None
    ) -> Catalogue:
        """Read a canonical items frame (``footfall.datasets.schema.ITEMS``).

        Args:
            items: The frame.
            currency: Of its prices.
            images: Those of its ``Dataset``.
        """
        ids = tuple(items["item"])
        return cls(
            ids=ids,
            titles=tuple(items["title"]),
            categories=tuple(items["category"]),
            prices=items["price"].to_numpy(dtype=np.float64, copy=True),
            currency=currency,
            images=tuple(map(images.get, items["image"])) if images else (),
            _codes={item: code for code, item in enumerate(ids)},
        )

    def __len__(self) -> int:
        return len(self.ids)

    def code(self, item: str) -> int | None:
        """Row number of an item id, or None if the catalogue has no such item."""
        return self._codes.get(item)

    def known(self, items: Iterable[str]) -> list[int]:
        """Row numbers of those of these ids that the catalogue has, in their order."""
        return [code for code in map(self._codes.get, items) if code is not None]

    def has(self, items: Iterable[str]) -> bool:
        """Whether the catalogue has all of these ids."""
        return self._codes.keys() >= set(items)

    def codes(self, items: Iterable[str]) -> npt.NDArray[np.int32]:
        """Row numbers of ids that are known to exist (KeyError otherwise)."""
        return np.fromiter(map(self._codes.__getitem__, items), dtype=np.int32)
