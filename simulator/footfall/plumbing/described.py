"""A file of numbers and the card that describes it by its hash, replaced together.

Two files cannot be renamed in one step. So the old numbers stay beside the new ones until the new
card is there: whoever is killed in between leaves the old card with its old numbers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from footfall.plumbing.files import file_hash


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
