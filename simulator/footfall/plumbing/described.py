"""A folder of two files: numbers, and the card that describes them by their hash.

Nothing in such a folder can run code when it is read.

Two files cannot be renamed in one step. So the old numbers stay beside the new ones until the new
card is there: whoever is killed in between leaves the old card with its old numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from footfall.errors import ModelError, one_line
from footfall.plumbing.files import file_hash, replacing, write_text
from footfall.plumbing.json_files import read_object
from footfall.plumbing.spec import fault

T = TypeVar("T")

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Described:
    """A kind of such folders."""

    what: str
    """For people: "surrogate"."""
    card: str
    """Name of the file that says what it is, JSON."""
    numbers: str
    """Name of the file of arrays, safetensors."""
    holds: type[BaseModel]
    """What the card must hold; it holds more."""
    made: str
    """How to make one: "make one with footfall distill"."""
    again: str
    """What to do with one that cannot be used: "distil again"."""
    version: Mapping[str, Any] = field(default_factory=lambda: {"format": 1})
    """Entries of the card by which this version of Footfall knows its own."""

    def write(self, folder: Path, arrays: Arrays, card: Mapping[str, Any]) -> dict[str, Any]:
        """Write both files and return the card as written."""
        path = folder / self.numbers
        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        with old_numbers_kept(path):
            with replacing(path) as sink:
                sink.write(save(plain))
            whole = {**self.version, "numbers": file_hash(path), **card}
            write_text(folder / self.card, json.dumps(whole, indent=1, ensure_ascii=False))
        return whole

    def read_card(self, folder: Path) -> dict[str, Any]:
        """What it says about itself.

        Raises:
            ModelError: There is none, it is damaged, or another version of Footfall wrote it.
        """
        path = folder / self.card
        try:
            card = read_object(path)
        except FileNotFoundError:
            raise ModelError(
                f"no {self.what} in {folder}: {self.card} is missing; {self.made}"
            ) from None
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read: {one_line(error)}; {self.again}") from None
        if any(card.get(name) != value for name, value in self.version.items()):
            raise ModelError(f"{path} was written by another version of Footfall; {self.again}")
        try:
            self.holds.model_validate(card)
        except ValidationError as error:
            raise ModelError(f"{path}: {fault(error)}; {self.again}") from None
        return card

    def read(
        self, folder: Path, make: Callable[[dict[str, npt.NDArray[Any]], dict[str, Any]], T]
    ) -> tuple[T, dict[str, Any]]:
        """What ``make`` makes of arrays and card, and the card.

        Raises:
            ModelError: It is missing, damaged, or was changed since it was written.
        """
        card, path = self.read_card(folder), folder / self.numbers
        if not path.exists():
            raise ModelError(f"{path} is missing; {self.again}")
        numbers = numbers_of(path, card["numbers"])
        if numbers is None:
            raise ModelError(f"{path} is not the one that {self.card} describes; {self.again}")
        try:
            return make(load_file(numbers), card), card
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, OverflowError) as error:
            reason = one_line(error, 200)
            raise ModelError(
                f"{folder} holds a damaged {self.what} ({reason}); {self.again}"
            ) from None


@contextmanager
def old_numbers_kept(numbers: Path) -> Iterator[None]:
    """Inside, write new ``numbers`` and then their card; the old ones go when that went well."""
    if numbers.is_file() and not numbers.is_symlink():
        with suppress(OSError):  # file systems without hard links have a short gap
            os.link(numbers, _before(numbers, file_hash(numbers)))
    yield
    for old in numbers.parent.glob(f".{numbers.name}.*.before"):
        old.unlink(missing_ok=True)


def numbers_of(numbers: Path, digest: str) -> Path | None:
    """The file with this SHA-256: ``numbers``, or the old ones beside; None if it is neither."""
    there = (one for one in (numbers, _before(numbers, digest)) if one.is_file())
    return next((one for one in there if file_hash(one) == digest), None)


def _before(numbers: Path, digest: str) -> Path:
    """Named by its content: what an earlier kill left is not mistaken for it."""
    return numbers.with_name(f".{numbers.name}.{digest[:16]}.before")
