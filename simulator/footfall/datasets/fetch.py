"""Download public data sets, for people who agree to their licences."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from footfall.datasets.archive import open_files
from footfall.errors import DataError, did_you_mean
from footfall.plumbing.http_answers import Caller, UnboundedError, reason

BASE_URL = "https://files.grouplens.org/datasets/movielens"
SILENCE = 30.0
"""Seconds without a byte after which nobody is there."""
LONGEST = 1800.0
"""Seconds of a download: the largest, at 25 KB a second."""
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
            sink.write(_body(f"{base_url}/{wanted.file}", wanted.max_bytes))
            sink.flush()
            os.fsync(sink.fileno())
        open_files(Path(temporary))  # a login page or half a file is refused here
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target


def _body(url: str, max_bytes: int) -> bytes:
    """What is at ``url``, in memory: the largest download is 40 MiB."""
    caller = Caller(within=LONGEST, largest=max_bytes, timeout=SILENCE, follow_redirects=True)
    try:
        with closing(caller):
            return caller.ask("GET", url).raise_for_status().content
    except httpx.HTTPStatusError as error:
        raise DataError(
            f"{url}: the server answered {error.response.status_code}; try again later, or put the "
            "files in a folder yourself and name it in `path`"
        ) from error
    except UnboundedError as error:
        raise DataError(f"{url}: the answer is {error}; not this data set") from error
    except httpx.HTTPError as error:
        raise DataError(
            f"{url}: no answer ({reason(error)}); without a network, put the files in a folder "
            "yourself and name it in `path`: a local path always works"
        ) from error
