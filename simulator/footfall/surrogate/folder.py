"""A surrogate on disk: ``surrogate.json`` says what it is, ``surrogate.safetensors`` the numbers.

Nothing in the folder can run code when it is read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from footfall.errors import ModelError, one_line
from footfall.plumbing.described import numbers_of, old_numbers_kept
from footfall.plumbing.files import file_hash, replacing, write_text
from footfall.plumbing.json_files import read_object
from footfall.plumbing.spec import fault
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


def write_student(folder: Path, student: Student, card: dict[str, Any]) -> dict[str, Any]:
    """Write both files and return the card as written."""
    numbers = folder / NUMBERS
    arrays = {name: np.ascontiguousarray(array) for name, array in _arrays(student).items()}
    with old_numbers_kept(numbers):
        with replacing(numbers) as sink:
            sink.write(save(arrays))
        whole = {
            "format": FORMAT,
            "numbers": file_hash(numbers),
            **card,
            "events": student.events,
            "visit": student.visit,
            "learned": list(student.learned),
            "names": list(student.names),
        }
        write_text(folder / CARD, json.dumps(whole, indent=1, ensure_ascii=False))
    return whole


def read_card(folder: Path) -> dict[str, Any]:
    """What the surrogate says about itself.

    Raises:
        ModelError: There is no surrogate, it is damaged, or another version of Footfall wrote it.
    """
    path = folder / CARD
    try:
        card = read_object(path)
    except FileNotFoundError:
        raise ModelError(
            f"no surrogate in {folder}: {CARD} is missing; make one with footfall distill"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}; distil again") from None
    if card.get("format") != FORMAT:
        raise ModelError(f"{path} was written by another version of Footfall; distil again")
    try:
        _Card.model_validate(card)
    except ValidationError as error:
        raise ModelError(f"{path}: {fault(error)}; distil again") from None
    return card


def read_student(folder: Path) -> tuple[Student, dict[str, Any]]:
    """The surrogate of a folder, and its card.

    Raises:
        ModelError: It is missing, damaged, or was changed since it was written.
    """
    card, path = read_card(folder), folder / NUMBERS
    if not path.exists():
        raise ModelError(f"{path} is missing; distil again")
    found = numbers_of(path, card["numbers"])
    if found is None:
        raise ModelError(f"{path} is not the one that {CARD} describes; distil again")
    try:
        student = _student(load_file(found), card)
        check(student)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = one_line(error, 200)
        raise ModelError(f"{folder} holds a damaged surrogate ({reason}); distil again") from None
    return student, card


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
