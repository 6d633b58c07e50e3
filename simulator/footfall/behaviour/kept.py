"""The file of fitted users: arrays by name, with ids of users and items, and nothing to run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from footfall.behaviour.coming_back import LATE, LEAVING, RATE, ComingBack
from footfall.behaviour.people import (
    BUY_MEASURES,
    BUY_OWN,
    GOING,
    MEASURES,
    OWN,
    ItemTraits,
    People,
    Shared,
    UserTraits,
)
from footfall.behaviour.traces import KINDS, Remembered
from footfall.errors import DataError
from footfall.plumbing.files import replacing

FORMAT = 5
"""Version of the file; raised when an old file would be misread."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class KeptPeople:
    """Fitted users and items with their ids, and what was found on the way."""

    people: People
    stranger: UserTraits
    """Somebody of whom nothing is known: one row."""
    users: tuple[str, ...]
    items: tuple[str, ...]
    until: np.datetime64
    """Where memory ends, UTC."""
    about: dict[str, Any]
    """What the fit says of itself; plain JSON."""

    def save(self, path: Path) -> None:
        """Write as npz.

        Raises:
            RunError: It cannot be written.
        """
        arrays: dict[str, Any] = {
            "format": np.array(FORMAT),
            "users": np.array(self.users, dtype=np.str_),
            "items": np.array(self.items, dtype=np.str_),
            "until": self.until.astype("datetime64[ns]").astype(np.int64),
            "about": np.array(json.dumps(self.about, sort_keys=True)),
            "memory.keys": self.people.remembered.keys,
            "memory.counts": self.people.remembered.counts,
        }
        parts = {
            "shared": self.people.shared,
            "coming": self.people.coming,
            "item": self.people.items,
            "user": self.people.users,
            "stranger": self.stranger,
        }
        for name, part in parts.items():
            arrays |= {f"{name}.{key}": value for key, value in vars(part).items()}
        with replacing(path) as sink:
            np.savez_compressed(sink, **arrays)

    def of(self, users: Sequence[str], items: Sequence[str]) -> People:
        """The people of a run, in the order of its users and items.

        Users who are not in the file are strangers; items that are not are as new as the run, and
        as the average item but for what is not known of them.
        """
        people = replace_items(self.people, _places(self.items, items))
        return people.of(_places(self.users, users), self.stranger)


def replace_items(people: People, rows: Numbers) -> People:
    """The same with items numbered anew; -1 is an item that nobody has met."""
    known, old = rows >= 0, people.items
    taken = np.where(known, rows, 0)

    def of(values: npt.NDArray[np.float64], fill: float) -> npt.NDArray[np.float64]:
        return np.where(known.reshape(-1, *[1] * (values.ndim - 1)), values[taken], fill)

    spread = float(np.var(old.effect) + old.effect_var.mean()) if len(old.effect) else 0.0
    items = ItemTraits(
        effect=of(old.effect, 0.0),
        effect_var=of(old.effect_var, spread),
        content=of(old.content, 0.0),
        likeness=of(old.likeness, 0.0),
        likeness_var=of(old.likeness_var, 0.0),
        buy=of(old.buy, 0.0),
        buy_var=of(old.buy_var, 0.0),
        first_day=of(old.first_day, 0.0),
        kind=np.where(known, old.kind[taken], -1),
    )
    memory = people.remembered
    users, before = np.divmod(memory.keys, memory.n_items)
    number = np.full(memory.n_items, -1, dtype=np.int64)
    number[rows[known]] = np.flatnonzero(known)
    kept = number[before] >= 0
    keys = users[kept] * len(rows) + number[before[kept]]
    order = np.argsort(keys, kind="stable")
    remembered = Remembered(keys[order], memory.counts[kept][order], len(rows))
    front = people.users.front
    shown = np.where(front >= 0, number[np.maximum(front, 0)], -1)
    return replace(
        people, items=items, users=replace(people.users, front=shown), remembered=remembered
    )


def _places(known: Sequence[str], wanted: Sequence[str]) -> Numbers:
    number = {name: place for place, name in enumerate(known)}
    return np.array([number.get(name, -1) for name in wanted], dtype=np.int64)


def read_people(path: Path) -> KeptPeople:
    """Read what ``KeptPeople.save`` wrote.

    Raises:
        DataError: The file is missing, damaged, or of another version.
    """
    try:
        with path.open("rb") as source, np.load(source, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        return _assembled(arrays)
    except OSError as error:
        what = error.strerror or "no file of fitted users"
        raise DataError(f"{path}: cannot read the fitted users: {what}; fit them first") from None
    except (ValueError, KeyError, BadZipFile, EOFError, TypeError) as error:
        raise DataError(
            f"{path}: no file of fitted users of this version ({error}); fit them again"
        ) from None


def _assembled(arrays: dict[str, Any]) -> KeptPeople:
    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"format {int(arrays['format'])}, not {FORMAT}")

    def part(name: str, kind: Any) -> Any:
        return kind(**{field.name: arrays[f"{name}.{field.name}"] for field in fields(kind)})

    users, items = tuple(map(str, arrays["users"])), tuple(map(str, arrays["items"]))
    people = People(
        shared=part("shared", Shared),
        coming=part("coming", ComingBack),
        items=part("item", ItemTraits),
        users=part("user", UserTraits),
        remembered=Remembered(arrays["memory.keys"], arrays["memory.counts"], len(items)),
    )
    _check(people, len(users), len(items))
    return KeptPeople(
        people=people,
        stranger=part("stranger", UserTraits),
        users=users,
        items=items,
        until=np.datetime64(int(arrays["until"]), "ns"),
        about=json.loads(str(arrays["about"])),
    )


def _check(people: People, users: int, items: int) -> None:
    """Shapes that the arithmetic relies on."""
    shared = people.shared
    wanted = {
        "shared.common": (shared.common, (len(MEASURES),)),
        "shared.common_cov": (shared.common_cov, (len(MEASURES), len(MEASURES))),
        "shared.buy_common": (shared.buy_common, (len(BUY_MEASURES),)),
        "shared.buy_cov": (shared.buy_cov, (len(BUY_MEASURES), len(BUY_MEASURES))),
        "shared.discrepancy": (shared.discrepancy, (2,)),
        "shared.page": (shared.page, (3,)),
        "shared.go_common": (shared.go_common, (len(GOING),)),
        "coming.rate": (people.coming.rate, (len(RATE),)),
        "coming.click_error": (people.coming.click_error, (1,)),
        "coming.lives": (people.coming.lives, (len(people.coming.same_errors),)),
        "coming.usual": (people.coming.usual, (1,)),
        "coming.seen": (people.coming.seen, (2,)),
        "coming.bend": (people.coming.bend, (1,)),
        "coming.bend_error": (people.coming.bend_error, (1,)),
        "coming.life": (people.coming.life, (1,)),
        "coming.leaving": (people.coming.leaving, (len(LEAVING),)),
        "coming.leaving_cov": (people.coming.leaving_cov, (len(LEAVING), len(LEAVING))),
        "user.late": (people.users.late, (users, len(LATE))),
        "user.late_day": (people.users.late_day, (users,)),
        "user.gone": (people.users.gone, (users,)),
        "user.front": (people.users.front, (users, people.users.front.shape[-1])),
        "user.buy": (people.users.buy, (users, len(BUY_OWN))),
        "user.own": (people.users.own, (users, len(OWN) + people.items.content.shape[1])),
        "item.effect": (people.items.effect, (items,)),
        "item.kind": (people.items.kind, (items,)),
        "memory.counts": (people.remembered.counts, (len(people.remembered.keys), len(KINDS))),
    }
    for name, (array, shape) in wanted.items():
        if array.shape != shape:
            raise ValueError(f"{name} is {array.shape}, not {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are none")
