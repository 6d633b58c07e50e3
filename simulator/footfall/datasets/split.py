"""Cut real histories in time: what personas remember, and what is held out."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from footfall.datasets.base import naive_utc
from footfall.datasets.cleaning import with_prices
from footfall.datasets.schema import Dataset, Split
from footfall.errors import DataError
from footfall.plumbing.spec import Spec


class SplitSpec(Spec):
    """Where the memory of the simulated users ends. Exactly one of ``at`` and ``fraction``."""

    at: dt.datetime | dt.date | Literal["end"] | None = None
    """First moment that is held out, UTC; a date means its midnight. "end": nothing is held out,
    and the run goes on from where the log ends."""
    fraction: float | None = Field(default=None, gt=0, lt=1)
    """Share of the interactions, in time order, that comes before the split."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.at is None) == (self.fraction is None):
            raise ValueError("a split needs exactly one of `at` (a date) and `fraction` (0 to 1)")
        return self


def split(dataset: Dataset, spec: SplitSpec) -> Split:
    """Cut ``dataset`` so that everything remembered is strictly before everything held out.

    Prices that were computed from interactions are computed again from the remembered ones.

    Raises:
        DataError: One of the two sides would be empty.
    """
    times = dataset.interactions["time"]
    at = _moment(times, spec)
    before = times < at
    if not before.any() or (before.all() and spec.at != "end"):
        raise DataError(
            f"{dataset.name}: a split at {at} leaves one side empty; "
            f"the data runs from {times.iloc[0]} to {times.iloc[-1]}"
        )
    past = dataset.interactions[before].reset_index(drop=True)
    beyond = None if dataset.beyond is None else dataset.beyond.cut(at)
    items = dataset.items
    if dataset.prices_from_interactions and beyond is not None:
        items = items.assign(price=items["item"].map(beyond.prices()).astype(float))
    elif dataset.prices_from_interactions:
        items = with_prices(items, past)
    return Split(
        at=at,
        remembered=dataclasses.replace(dataset, interactions=past, items=items, beyond=beyond),
        held_out=dataset.interactions[~before].reset_index(drop=True),
    )


def _moment(times: pd.Series, spec: SplitSpec) -> pd.Timestamp:
    if spec.at == "end":
        return pd.Timestamp(times.iloc[-1]).floor("s") + pd.Timedelta(seconds=1)
    at = naive_utc(spec.at)
    if at is not None:
        return at
    assert spec.fraction is not None, "the model guarantees one of the two"
    return pd.Timestamp(times.iloc[int(len(times) * spec.fraction)])
