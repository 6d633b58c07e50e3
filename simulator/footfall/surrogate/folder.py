"""A surrogate on disk: ``surrogate.json`` is the card, ``surrogate.safetensors`` the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from footfall.plumbing.described import Described
from footfall.surrogate.bounds import Bounds
from footfall.surrogate.sound import check
from footfall.surrogate.student import Student
from footfall.surrogate.texts import TextSpace
from footfall.surrogate.trees import Trees

CARD = "surrogate.json"
NUMBERS = "surrogate.safetensors"

FORMAT = 3


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Users(_Part):
    users: int
    within: float | None = Field(alias="correlation within pages")


class _Cell(_Part):
    pearson: float | None


class _Cells(_Part):
    users: _Cell = Field(alias="held-out users")


class _Fidelity(_Part):
    users: _Users = Field(alias="held-out users")
    cells: _Cells


class _Teacher(_Part):
    name: str


class _Card(_Part):
    """What the card must hold; it holds more."""

    numbers: str = Field(pattern=r"^[0-9a-f]{64}$")
    teacher: _Teacher
    scenario: str
    data: dict[str, Any]
    lessons: dict[str, int]
    fidelity: _Fidelity
    footfall: str
    events: int
    visit: bool
    learned: list[str]
    names: list[str]
    taught: list[str] = []
    """Users whose answers were learned from; empty where the card does not say."""


KIND = Described(
    what="surrogate",
    card=CARD,
    numbers=NUMBERS,
    holds=_Card,
    made="make one with footfall distill",
    again="distil again",
    version={"format": FORMAT},
)


def write_student(folder: Path, student: Student, card: dict[str, Any]) -> dict[str, Any]:
    """Write both files and return the card as written."""
    own = {
        "events": student.events,
        "visit": student.visit,
        "learned": list(student.learned),
        "names": list(student.names),
    }
    return KIND.write(folder, _arrays(student), card | own)


def read_card(folder: Path) -> dict[str, Any]:
    """What the surrogate says about itself.

    Raises:
        ModelError: There is no surrogate, it is damaged, or another version of Footfall wrote it.
    """
    return KIND.read_card(folder)


def read_student(folder: Path) -> tuple[Student, dict[str, Any]]:
    """The surrogate of a folder, and its card.

    Raises:
        ModelError: It is missing, damaged, or was changed since it was written.
    """
    return KIND.read(folder, _checked)


def _checked(found: dict[str, npt.NDArray[Any]], card: dict[str, Any]) -> Student:
    student = _student(found, card)
    check(student)
    return student


def _arrays(student: Student) -> dict[str, npt.NDArray[Any]]:
    space, bounds = student.space, student.bounds
    return {
        "space.buckets": space.buckets,
        "space.rarity": space.rarity,
        "space.unmet": np.array(space.unmet),
        "space.axes": space.axes.astype(np.float32),
        "liking": student.liking,
        "bounds.item_limit": np.array(bounds.item_limit),
        "bounds.user_limit": np.array(bounds.user_limit),
        "bounds.centre": bounds.centre,
        "bounds.precision": bounds.precision,
        **{f"trees.{name}": array for name, array in student.trees.arrays().items()},
    }


def _student(found: dict[str, npt.NDArray[Any]], card: dict[str, Any]) -> Student:
    trees = {
        name.removeprefix("trees."): array
        for name, array in found.items()
        if name.startswith("trees.")
    }
    return Student(
        space=TextSpace(
            found["space.buckets"],
            found["space.rarity"],
            found["space.unmet"].item(),
            found["space.axes"].astype(np.float64),
        ),
        learned=tuple(card["learned"]),
        names=tuple(card["names"]),
        liking=found["liking"],
        trees=Trees.of_arrays(trees),
        bounds=Bounds(
            found["bounds.item_limit"].item(),
            found["bounds.user_limit"].item(),
            found["bounds.centre"],
            found["bounds.precision"],
        ),
        events=card["events"],
        visit=card["visit"],
    )
