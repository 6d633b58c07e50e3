"""Choice sets of what was taken against equally popular things that were not.

Popularity says nothing here, so whoever tells the two apart knows the person. Nobody knows
whether the untaken item was ever in sight, so the sets are marked ``weak``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footfall.datasets.catalogue import Catalogue
from footfall.errors import DataError
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.stages import Stage

NEIGHBOURS = 25
"""Places in the ranking by popularity, up and down, among which the other item is drawn."""

TRIES = 20
"""Draws until an item counts as having no untaken neighbour."""


def matched(stage: Stage, catalogue: Catalogue, *, most: int = 20, seed: int = 0) -> ChoiceSets:
    """Pairs: an item that the user took in the stage, and one as popular that they did not.

    Either may have been taken before the stage, which is what makes the task honest: what
    somebody bought once and not again is a negative like any other. Popularity is counted in
    the stage's crowd; among items that sold equally, order is by code.

    Args:
        stage: Whose choices.
        catalogue: Knows the items' codes.
        most: Pairs of a user at most, drawn.
        seed: Draws the pairs.

    Returns:
        Sets with two columns in random order and no outside option.

    Raises:
        DataError: Nobody took anything.
    """
    rows = stage.choices[stage.liked(stage.choices)]
    crowd = stage.crowd[stage.liked(stage.crowd)]
    by_popularity, place = _ranking(catalogue.codes(crowd["item"]), len(catalogue))
    rng = np.random.default_rng(seed)
    pairs: list[tuple[int, int]] = []
    users: list[int] = []
    times: list[np.datetime64] = []
    rows = rows.assign(code=catalogue.codes(rows["item"]))
    for name, part in rows.groupby("user", sort=True):
        own = part["code"].unique()
        taken = set(own.tolist())
        for item in rng.permutation(own)[:most].tolist():
            other = _neighbour(item, taken, by_popularity, place, rng)
            if other is not None:
                pairs.append((item, other))
                users.append(stage.number(str(name)))
                times.append(part["time"].iloc[0].to_datetime64())
    if not pairs:
        raise DataError(
            f"matched: the {stage.name} stage has no usable choice; take more users, or move the "
            "split"
        )
    items = np.asarray(pairs, dtype=np.int32)
    swap = rng.random(len(items)) < 0.5
    items[swap] = items[swap][:, ::-1]
    return ChoiceSets(
        items=items,
        chosen=swap.astype(np.int64),
        users=np.asarray(users, dtype=np.int64),
        times=np.asarray(times, dtype="datetime64[ns]"),
        orders=np.full(len(items), "", dtype=object),
        log_rate=np.zeros(len(items)),
        names=stage.users,
        protocol="matched",
        outside=False,
        weak=True,
    )


def _ranking(
    codes: npt.NDArray[np.int32], size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Codes from least to most popular, and each code's place among them."""
    order = np.argsort(np.bincount(codes, minlength=size), kind="stable")
    place = np.empty(size, dtype=np.int64)
    place[order] = np.arange(size)
    return order, place


def _neighbour(
    item: int,
    taken: set[int],
    by_popularity: npt.NDArray[np.int64],
    place: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> int | None:
    """An item of about the same popularity that was not taken."""
    last = len(by_popularity) - 1
    for shift in rng.integers(-NEIGHBOURS, NEIGHBOURS + 1, TRIES).tolist():
        other = int(by_popularity[min(max(place[item] + shift, 0), last)])
        if other not in taken:
            return other
    return None
