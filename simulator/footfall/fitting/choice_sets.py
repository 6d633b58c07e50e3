"""Real choices as slates: what somebody had in front of them, and what they took.

    protocol      slate                                                  outside option
    impressions   what was viewed in one visit                           nothing was clicked
    displayed     k of what was on display or in the leaflet of the      none of them was in
                  store in the week of a shopping trip                   the basket
    shelf         a bought item and k-1 others sold there that week      none
    likes         a liked item and disliked ones of the same user        none
    unseen        a taken item and k-1 never seen, by popularity (weak)  none
    catalogue     a taken item and k-1 never rated, or not bought in     none
                  that visit, drawn evenly (weak)

Unseen negatives flatter popularity: nobody knows whether they were ever in sight. They are
marked ``weak`` and so are shelves filled by popularity.

Columns are in random order: none of these sources tells positions, so none must be learned.
Where slates with a choice are rarer than others they are kept more often. How often depends on
nothing but on whether there was a choice, so the only thing that moves is the constant of the
outside option (McFadden's correction for choice-based samples; Manski and McFadden, 1981,
ch. 1), and ``log_rate`` moves it back: models of these sets add it to the utility of all items.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.complete_journey import promotions
from footfall.datasets.schema import Dataset
from footfall.datasets.statistics import LIKED_SHARE
from footfall.errors import DataError
from footfall.fitting.stages import Stage

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]

OUTSIDE = -1
"""``chosen`` where nothing on the slate was taken."""

LOOKS = 20
"""Random slates drawn for every shopping trip before outside ones are thinned."""


@dataclass(frozen=True, eq=False)
class ChoiceSets:
    """Slates with their outcome, one row a choice."""

    items: Codes
    """[n, k] catalogue codes, -1 for padding at the end of a row."""
    chosen: Numbers
    """[n] column of the chosen item, or ``OUTSIDE``."""
    users: Numbers
    """[n] number of the user in ``names``."""
    times: npt.NDArray[np.datetime64]
    """[n] UTC."""
    orders: npt.NDArray[np.object_]
    """[n] id of the visit or basket, "" unknown."""
    log_rate: Floats
    """[n] log of how much likelier sets with a choice were kept than sets without."""
    names: tuple[str, ...]
    protocol: str
    outside: bool
    """Whether choosing nothing was possible and is recorded."""
    weak: bool = False
    """Slates hold items that may never have been in sight."""
    several: float = 0.0
    """Share of the slates with a choice from which more than one item was taken, where slates
    were really met; one of them is the chosen one, the others are masked."""

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def shown(self) -> Bools:
        """[n, k] False where a slate is padded."""
        return np.asarray(self.items >= 0)

    def take(self, rows: npt.NDArray[Any]) -> ChoiceSets:
        """Some of the sets, by number or mask."""
        arrays = {
            f.name: getattr(self, f.name)[rows]
            for f in fields(self)
            if isinstance(getattr(self, f.name), np.ndarray)
        }
        return replace(self, **arrays)

    def weights(self) -> Floats:
        """[n] what each set stands for in the unthinned sample: more for a thinned outside one."""
        return np.where(self.chosen == OUTSIDE, np.exp(self.log_rate), 1.0)


@dataclass(frozen=True)
class _Rows:
    """Rows of sets while they are gathered."""

    items: list[Codes]
    chosen: list[int]
    users: list[int]
    times: list[np.datetime64]
    orders: list[str]

    def add(self, items: Codes, at: int, user: int, time: np.datetime64, order: str) -> None:
        self.items.append(items)
        self.chosen.append(at)
        self.users.append(user)
        self.times.append(time)
        self.orders.append(order)


def logged_impressions(
    stage: Stage, catalogue: Catalogue, *, k: int = 20, seed: int = 0
) -> ChoiceSets:
    """Visits with views: what was viewed, and which of it was clicked, carted or bought.

    A visit with several clicks gives one set a click, without the other clicked items. Slates
    longer than ``k`` keep the clicked item and a random part of the rest.

    Raises:
        DataError: The data has no views.
    """
    rows = stage.choices
    if not (rows["action"] == "view").any():
        raise DataError(
            "impressions: the data records no views, so nobody knows what was in sight; "
            "use another protocol"
        )
    rng = np.random.default_rng(seed)
    taken = rows["action"].isin(["click", "cart", "purchase"])
    out = _rows()
    for user, time, order, part in _visits(stage, rows.assign(taken=taken), catalogue):
        chosen = part.loc[part["taken"], "code"].unique()
        left = np.setdiff1d(part["code"].unique(), chosen)
        for item in [*chosen.tolist(), *([] if len(chosen) else [OUTSIDE])]:
            slate, column = _slate(item, left, k, rng)
            out.add(slate, column, user, time, order)
    return _sets(out, stage, "impressions", outside=True)


Shelves = Mapping[tuple[str, int], Codes]
"""(store, week) -> codes of what was on display or in the leaflet there."""


def read_shelves(dataset: Dataset, catalogue: Catalogue, weeks: Iterable[int]) -> Shelves:
    """What Complete Journey's stores promoted in some weeks (takes seconds: read it once).

    Raises:
        DataError: The data set has no promotions.
    """
    found = promotions(dataset, catalogue.ids, weeks)
    found = found.drop_duplicates(["item", "store", "week"])
    found = found.assign(code=_codes(found["item"], catalogue))
    return {
        (str(part["store"].iloc[0]), int(part["week"].iloc[0])): part["code"].to_numpy(np.int32)
        for _, part in found.groupby(["store", "week"])
    }


def displayed(
    stage: Stage,
    shelves: Shelves,
    catalogue: Catalogue,
    *,
    k: int = 10,
    seed: int = 0,
    outside_per_choice: float = 1.0,
) -> ChoiceSets:
    """Trips to stores with promotions: k promoted items, and whether one was bought.

    For every trip ``LOOKS`` slates of k distinct items are drawn from what was on display or in
    the leaflet of that store in that week. Slates that hold something from the basket are all
    kept (one of the bought items, drawn, is the chosen one; others are masked); the others are
    thinned to about ``outside_per_choice`` as many.
    """
    rows = stage.choices
    rng = np.random.default_rng(seed)
    out, trips, chosen, several = _rows(), 0, 0, 0
    for user, time, order, part in _visits(stage, rows, catalogue):
        shelf = shelves.get((str(part["store"].iloc[0]), int(part["week"].iloc[0])))
        if shelf is None or len(shelf) < k:
            continue
        trips += 1
        wanted = np.isin(shelf, part["code"].to_numpy())
        last = min(k, len(shelf) - 1)
        places = rng.random((LOOKS, len(shelf))).argpartition(last, axis=1)[:, :k]
        for look in places:
            hits = np.flatnonzero(wanted[look])
            slate = shelf[look]
            chosen, several = chosen + (len(hits) > 0), several + (len(hits) > 1)
            column = OUTSIDE if not len(hits) else int(rng.choice(hits))
            slate = np.where(wanted[look] & (np.arange(k) != column), -1, slate)
            out.add(slate.astype(np.int32), column, user, time, order)
    if not trips:
        raise DataError(
            "displayed: no trip of these users to a store with known promotions; use another "
            "protocol"
        )
    found = replace(_sets(out, stage, "displayed", outside=True), several=several / max(chosen, 1))
    return _thin(found, outside_per_choice, rng)


def shelf(
    stage: Stage,
    catalogue: Catalogue,
    *,
    k: int = 10,
    seed: int = 0,
    by_popularity: bool = False,
    most: int = 5,
) -> ChoiceSets:
    """Bought items against k-1 others that were sold in the same store in the same week.

    At most ``most`` items of a basket, drawn. ``by_popularity`` draws the others in proportion
    to their sales there, which is the weaker protocol.
    """
    rows = stage.choices.assign(code=_codes(stage.choices["item"], catalogue))
    sold = stage.market.assign(code=_codes(stage.market["item"], catalogue))
    stock = {
        key: np.unique(part["code"].to_numpy(), return_counts=True)
        for key, part in sold.groupby(["store", "week"])
    }
    rng = np.random.default_rng(seed)
    out = _rows()
    for user, time, order, part in _visits(stage, rows, catalogue):
        basket = part["code"].unique()
        items, counts = stock[part["store"].iloc[0], part["week"].iloc[0]]
        left = ~np.isin(items, basket)
        if left.sum() < k - 1:
            continue
        chance = counts[left] / counts[left].sum() if by_popularity else None
        for item in rng.permutation(basket)[:most]:
            others = rng.choice(items[left], k - 1, replace=False, p=chance)
            slate, column = _slate(int(item), others, k, rng)
            out.add(slate, column, user, time, order)
    name = "shelf-by-popularity" if by_popularity else "shelf"
    return _sets(out, stage, name, outside=False, weak=by_popularity)


def likes(
    stage: Stage, catalogue: Catalogue, *, k: int = 10, seed: int = 0, days: float = 30.0
) -> ChoiceSets:
    """Items that a user liked against ones that the same user did not like, both really met.

    Disliked is a rating below ``LIKED_SHARE`` of the best one, within ``days`` of the liked one;
    as many of them as there are, at most k-1. Likings without any such item are left out.
    """
    rows = stage.choices[stage.choices["action"] == "rate"]
    if rows.empty:
        raise DataError("likes: the data records no ratings; use another protocol")
    best = float(stage.market.loc[stage.market["action"] == "rate", "value"].max())
    rng = np.random.default_rng(seed)
    reach = np.timedelta64(int(days * 86_400), "s")
    out = _rows()
    for name, part in rows.groupby("user", sort=True):
        codes = _codes(part["item"], catalogue)
        times = part["time"].to_numpy()
        liked = part["value"].to_numpy() >= LIKED_SHARE * best
        for row in np.flatnonzero(liked):
            near = ~liked & (np.abs(times - times[row]) <= reach) & (codes != codes[row])
            left = np.setdiff1d(codes[near], codes[liked])
            if len(left):
                slate, column = _slate(int(codes[row]), left, k, rng)
                order = str(part["order"].iloc[row])
                out.add(slate, column, stage.number(str(name)), times[row], order)
    return _sets(out, stage, "likes", outside=False)


def unseen(
    stage: Stage,
    catalogue: Catalogue,
    *,
    k: int = 10,
    seed: int = 0,
    most: int = 20,
    by_popularity: bool = True,
) -> ChoiceSets:
    """Taken items against items that the user never touched, drawn by popularity. Weak.

    At most ``most`` items of a visit, drawn. Without ``by_popularity`` the others are drawn
    evenly ("catalogue"): then the coefficients say how likely an item is taken at all, its
    popularity included, which choices among equally popular items cannot say. With it, taken
    items that the crowd does not know are left out: none of the others could be such an item,
    so that being new would give the answer away. For the same reason what is bought again and
    again stands against anything not bought in the same visit: if the others had never been
    touched, having been bought before would give the answer away.
    """
    rows = stage.choices[stage.liked(stage.choices)]
    crowd = stage.crowd[stage.liked(stage.crowd)]
    counts = np.bincount(_codes(crowd["item"], catalogue), minlength=len(catalogue)) + 0.0
    counts = counts if by_popularity else np.ones(len(catalogue))
    everything = pd.concat([stage.memory, stage.choices])
    touched = {user: _codes(part, catalogue) for user, part in everything.groupby("user")["item"]}
    rng = np.random.default_rng(seed)
    out = _rows()
    for user, time, order, part in _visits(stage, rows, catalogue):
        chance = counts.copy()
        again = not by_popularity and np.isnan(stage.best)
        chance[part["code"] if again else touched[stage.users[user]]] = 0
        if np.count_nonzero(chance) < k - 1:
            continue
        codes = part["code"].unique()
        for item in rng.permutation(codes[counts[codes] > 0])[:most]:
            # The largest keys are a draw without replacement (Efraimidis and Spirakis, 2006).
            keys = np.full(len(chance), -np.inf)
            keys[chance > 0] = np.log(rng.random(int((chance > 0).sum()))) / chance[chance > 0]
            others = np.argpartition(-keys, k - 1)[: k - 1]
            slate, column = _slate(int(item), others, k, rng)
            out.add(slate, column, user, time, order)
    name = "unseen" if by_popularity else "catalogue"
    return _sets(out, stage, name, outside=False, weak=True)


def check_no_leak(sets: ChoiceSets, memory: pd.DataFrame, catalogue: Catalogue) -> None:
    """Make sure that no choice is remembered: neither its very row nor anything at or after it.

    Args:
        sets: The choices that are to be predicted.
        memory: Interactions that features are computed from (``user``, ``item``, ``time``).
        catalogue: Knows the items' codes.

    Raises:
        DataError: A remembered row of the user is not strictly before the user's first choice.
    """
    first = pd.Series(sets.times).groupby(np.asarray(sets.names, dtype=object)[sets.users]).min()
    own = memory[memory["user"].isin(first.index)]
    late = own[own["time"].to_numpy() >= own["user"].map(first).to_numpy()]
    if late.empty:
        return
    row = late.iloc[0]
    chosen = sets.items[np.arange(len(sets)), sets.chosen]
    answer = (
        (np.asarray(sets.names, dtype=object)[sets.users] == row["user"])
        & (sets.chosen != OUTSIDE)
        & (chosen == catalogue.code(row["item"]))
    )
    what = "a choice that is to be predicted" if answer.any() else "not before the first choice"
    raise DataError(
        f"{sets.protocol}: leak: {len(late)} remembered rows lie in the held-out time, first "
        f'user "{row["user"]}", item "{row["item"]}" at {row["time"]} ({what}); '
        "cut the memory at the stage's start"
    )


def _visits(
    stage: Stage, rows: pd.DataFrame, catalogue: Catalogue
) -> Iterator[tuple[int, np.datetime64, str, pd.DataFrame]]:
    """Number of the user, time, id and rows (with ``code``) of each visit, in a fixed order."""
    rows = rows.assign(code=_codes(rows["item"], catalogue))
    # Events without a visit stand for themselves.
    own = rows["order"].where(rows["order"] != "", rows["time"].astype(str))
    for (name, _), part in rows.groupby([rows["user"], own], sort=True):
        first = part.iloc[0]
        yield stage.number(str(name)), first["time"].to_datetime64(), str(first["order"]), part


def _slate(
    item: int, others: npt.NDArray[Any], k: int, rng: np.random.Generator
) -> tuple[Codes, int]:
    """The item (none if ``OUTSIDE``) and some others in random order, and the item's column."""
    room = k if item == OUTSIDE else k - 1
    slate = others if len(others) <= room else rng.choice(others, room, replace=False)
    slate = slate if item == OUTSIDE else np.append(slate, item)
    slate = rng.permutation(slate)
    column = OUTSIDE if item == OUTSIDE else int(np.flatnonzero(slate == item)[0])
    padded = np.full(k, -1, dtype=np.int32)
    padded[: len(slate)] = slate
    return padded, column


def _thin(sets: ChoiceSets, outside_per_choice: float, rng: np.random.Generator) -> ChoiceSets:
    """Keep every choice and a share of the rest; padding goes to the ends of rows."""
    nothing = sets.chosen == OUTSIDE
    wanted = outside_per_choice * float((~nothing).sum())
    rate = min(1.0, wanted / max(1.0, float(nothing.sum())))
    if rate == 0:
        raise DataError(
            f"{sets.protocol}: nobody took anything from {len(sets)} pages; take more users, or "
            "move the split"
        )
    kept = sets.take(~nothing | (rng.random(len(sets)) < rate))
    return replace(kept, log_rate=np.full(len(kept), -np.log(rate)))


def _sets(
    rows: _Rows, stage: Stage, protocol: str, *, outside: bool, weak: bool = False
) -> ChoiceSets:
    if not rows.chosen:
        raise DataError(
            f"{protocol}: the {stage.name} stage has no usable choice; take more users, or move "
            "the split"
        )
    items = np.stack(rows.items)
    chosen = np.asarray(rows.chosen, dtype=np.int64)
    # Masked items leave holes; a stable sort moves them to the end, the rest stays in order.
    order = np.argsort(items < 0, axis=1, kind="stable")
    place = np.argmax(order == chosen[:, None], axis=1)
    return ChoiceSets(
        items=np.take_along_axis(items, order, axis=1),
        chosen=np.where(chosen == OUTSIDE, OUTSIDE, place),
        users=np.asarray(rows.users, dtype=np.int64),
        times=np.asarray(rows.times, dtype="datetime64[ns]"),
        orders=np.asarray(rows.orders, dtype=object),
        log_rate=np.zeros(len(chosen)),
        names=stage.users,
        protocol=protocol,
        outside=outside,
        weak=weak,
    )


def _rows() -> _Rows:
    return _Rows([], [], [], [], [])


def _codes(items: pd.Series, catalogue: Catalogue) -> npt.NDArray[np.int32]:
    return catalogue.codes(items)
