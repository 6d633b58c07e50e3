"""Numbers and their card are replaced together; a kill in between leaves the old pair."""

from __future__ import annotations

from pathlib import Path

import pytest

from footfall.plumbing.described import numbers_of, old_numbers_kept
from footfall.plumbing.files import file_hash, replacing


class Killed(BaseException):
    """Stands for a process that ends here."""


def write(folder: Path, content: bytes, *, killed: bool = False) -> None:
    """Numbers, and a card that holds their hash."""
    with old_numbers_kept(folder / "numbers"):
        with replacing(folder / "numbers") as sink:
            sink.write(content)
        if killed:
            raise Killed
        (folder / "card").write_text(file_hash(folder / "numbers"))


def read(folder: Path) -> bytes | None:
    found = numbers_of(folder / "numbers", (folder / "card").read_text())
    return None if found is None else found.read_bytes()


def test_the_old_pair_is_there_until_the_new_one_is(tmp_path: Path) -> None:
    write(tmp_path, b"first")
    for _ in range(2):  # and again, over what the first kill left
        with pytest.raises(Killed):
            write(tmp_path, b"second", killed=True)
        assert read(tmp_path) == b"first"
    write(tmp_path, b"third")
    assert read(tmp_path) == b"third"
    assert {path.name for path in tmp_path.iterdir()} == {"numbers", "card"}


def test_what_an_earlier_kill_left_is_not_taken_for_the_old_numbers(tmp_path: Path) -> None:
    write(tmp_path, b"first")
    (tmp_path / ".numbers.0123456789abcdef.before").write_bytes(b"of a kill after the card")
    with pytest.raises(Killed):
        write(tmp_path, b"second", killed=True)
    assert read(tmp_path) == b"first"


def test_numbers_that_the_card_does_not_describe_are_nobodys(tmp_path: Path) -> None:
    write(tmp_path, b"first")
    (tmp_path / "numbers").write_bytes(b"changed")
    assert read(tmp_path) is None
