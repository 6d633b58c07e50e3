"""Download public data sets, for people who agree to their licences."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx

from footfall.datasets.archive import open_files
from footfall.errors import DataError, did_you_mean, one_line

BASE_URL = "https://files.grouplens.org/datasets/movielens"
TIMEOUT = httpx.Timeout(30.0)
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Download:
    """A data set that can be fetched."""

    file: str
    """Name of the zip below the base address, and in the folder."""
    max_bytes: int
    """A longer answer is not this data set."""
    about: str


DOWNLOADS = {
    "ml-latest-small": Download(
        "ml-latest-small.zip", 10 * MEBIBYTE, "100,000 ratings, 9,000 films, 600 users"
    ),
    "ml-100k": Download("ml-100k.zip", 20 * MEBIBYTE, "100,000 ratings, 1,700 films, 1998"),
    "ml-1m": Download("ml-1m.zip", 40 * MEBIBYTE, "1 million ratings, 4,000 films, 2000"),
}
"""By name; all from GroupLens, whose terms forbid commercial use without permission."""


def fetch(name: str, folder: Path, base_url: str = BASE_URL) -> Path:
    """Download the data set ``name`` into ``folder`` and return the path of its zip.

    The file appears complete or not at all; one that is there already is checked and kept.

    Raises:
        DataError: The name is unknown, the network or the server does not answer, or what
            comes is not the data set.
    """
    if name not in DOWNLOADS:
        raise DataError(f'data: cannot fetch "{name}"; {did_you_mean(name, DOWNLOADS)}')
    wanted = DOWNLOADS[name]
    target = folder / wanted.file
    if target.exists():
        open_files(target)
        return target
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{wanted.file}.", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as sink:
            for block in _blocks(f"{base_url}/{wanted.file}", wanted.max_bytes):
                sink.write(block)
            sink.flush()
            os.fsync(sink.fileno())
        open_files(Path(temporary))  # a login page or half a file is refused here
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target


def _blocks(url: str, max_bytes: int) -> list[bytes]:
    """The body of ``url``, in memory: the largest download is 40 MiB."""
    blocks: list[bytes] = []
    size = 0
    try:
        with httpx.stream("GET", url, timeout=TIMEOUT, follow_redirects=True) as answer:
            answer.raise_for_status()
            for block in answer.iter_bytes():
                size += len(block)
                if size > max_bytes:
                    raise DataError(f"{url}: longer than {max_bytes} bytes; not this data set")
                blocks.append(block)
    except httpx.HTTPStatusError as error:
        raise DataError(f"{url}: the server answered {error.response.status_code}") from error
    except httpx.HTTPError as error:
        reason = one_line(error) or type(error).__name__
        raise DataError(
            f"{url}: no answer ({reason}); without a network, put the files in a folder yourself "
            "and name it in `path`: a local path always works"
        ) from error
    return blocks
