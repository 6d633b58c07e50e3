"""Whole items held out: every count of them taken away, and who took them afterwards."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.titles import short
from footfall.errors import DataError
from footfall.fitting.stages import Stage, lot

Bools = npt.NDArray[np.bool_]

PARTS = 4
"""Parts of the catalogue. Each in turn is new; weights are learned on the next one, new as well."""

MOST_TAKEN = 5
"""New items of one user that are judged."""

SLATE = 20
"""New items, taken and not, that are put before one user."""

FEWEST_USERS = 20


@dataclass(frozen=True, eq=False)
class NewItemSlates:
    """New items before users: which of them will each take?"""

    stage: Stage
    """Memory and crowd know nothing of the hidden items."""
    users: npt.NDArray[np.int64]
    """[n] number of the user in the stage."""
    items: npt.NDArray[np.int32]
    """[n, SLATE] catalogue codes; -1 pads at the end."""
    taken: Bools
    """[n, SLATE] the user took it, for the first time."""

    @property
    def shown(self) -> Bools:
        """[n, SLATE] where there is an item."""
        return np.asarray(self.items >= 0)


def parts_of(catalogue: Catalogue, seed: int) -> list[set[str]]:
    """Ids of the items in ``PARTS`` parts.

    Items of one short title are in one part, or one would tell of the other by its name.
    """
    parts: list[set[str]] = [set() for _ in range(PARTS)]
    for item, title in zip(catalogue.ids, catalogue.titles, strict=True):
        parts[int(PARTS * lot(short(title).casefold(), seed, "new-item"))].add(item)
    return parts


def put_before(
    stage: Stage, new: Collection[str], gone: Collection[str], catalogue: Catalogue, seed: int
) -> NewItemSlates:
    """Put ``new`` items before the stage's users, who know neither them nor those ``gone``.

    A user is asked about items that he or she took for the first time in the stage, and about
    others never taken: those that were shown to the user then, where the log tells (who was never
    shown an item did not turn it down), else drawn from what anybody took then.

    Raises:
        DataError: Too few users took any.
    """
    away = set(new) | set(gone)
    first = stage.choices[stage.liked(stage.choices) & stage.choices["item"].isin(new)]
    own = stage.memory[stage.memory["action"] != "view"]
    had = own.groupby("user")["item"].agg(set).to_dict()
    remember = set(own.loc[~own["item"].isin(away), "user"])
    market = stage.market[stage.liked(stage.market)]["item"]
    alive = sorted(set(market) & set(new))
    views = stage.choices[(stage.choices["action"] == "view") & stage.choices["item"].isin(new)]
    seen = views.groupby("user")["item"].agg(set).to_dict()
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, list[int], list[bool]]] = []
    for user, items in first.groupby("user", sort=True)["item"]:
        before = had.get(user, set())
        took = sorted(set(items) - before)
        others = sorted((seen.get(user, set()) if seen else set(alive)) - set(items) - before)
        if not took or not others or user not in remember:
            continue
        some = rng.permutation(took)[:MOST_TAKEN].tolist()
        rest = rng.permutation(others)[: SLATE - len(some)].tolist()
        order = rng.permutation(len(some) + len(rest))
        codes = catalogue.codes([*some, *rest])[order]
        rows.append((stage.number(str(user)), codes.tolist(), (order < len(some)).tolist()))
    if len(rows) < FEWEST_USERS:
        raise DataError(
            f"new items: {len(rows)} users took hidden items in the {stage.name} stage; "
            f"{FEWEST_USERS} are needed: play more users, or split earlier"
        )
    shown, taken = np.full((len(rows), SLATE), -1, np.int32), np.zeros((len(rows), SLATE), bool)
    for row, (_, codes_, mine) in enumerate(rows):
        shown[row, : len(codes_)], taken[row, : len(mine)] = codes_, mine
    users = np.array([user for user, _, _ in rows], dtype=np.int64)
    return NewItemSlates(without(stage, away), users, shown, taken)


def clicked(stage: Stage) -> Stage:
    """The stage with clicks as its takings, where the log has clicks: there are more of them.

    Everything that is counted then counts clicks: histories, crowds, and who took a new item.
    """
    parts = {}
    for name in ("memory", "choices", "crowd", "market"):
        rows = getattr(stage, name)
        if not (rows["action"] == "click").any():
            return stage
        rows = rows[rows["action"].isin({"click", "view"})]
        rows = rows.assign(action=np.where(rows["action"] == "click", "purchase", "view"))
        parts[name] = rows.reset_index(drop=True)
    return replace(stage, **parts, _numbers={})


def without(stage: Stage, away: Collection[str]) -> Stage:
    """The stage as those know it who never met these items."""
    parts = {
        name: getattr(stage, name)[~getattr(stage, name)["item"].isin(away)].reset_index(drop=True)
        for name in ("memory", "crowd", "market")
    }
    return replace(stage, **parts)
