"""Files and folders that exist whole or not at all: made beside, and renamed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from footfall.errors import RunError

PARTIAL = ".partial"
"""Ending of a file that is being written; one that is found was left by a kill."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write ``path``'s new content to; takes its place when the block ends well.

    Raises:
        RunError: It cannot be written (disk full, no permission); ``path`` is as it was.
    """
    temporary = path.with_name(path.name + PARTIAL)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)  # on a full disk every byte counts
        message = f"cannot write {path}: {_reason(error)}, then go on with --resume"
        raise RunError(message) from error


@contextmanager
def appearing(folder: Path, complete: Callable[[], bool]) -> Iterator[Path]:
    """A folder to fill; becomes ``folder`` when the block ends well.

    Args:
        folder: Where it goes. What is there and not complete is removed first.
        complete: Whether ``folder`` is as it should be: then another process was faster, and
            its work is kept.

    Raises:
        OSError: It cannot be made or moved.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix="partial-", dir=folder.parent))
    try:
        yield temporary
        if folder.exists() and not complete():
            shutil.rmtree(folder)
        try:
            temporary.rename(folder)
        except OSError:
            if not complete():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _reason(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{what}; make room" if error.errno in _FULL else f"{what}; see to it"


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: the folder's own entry has to reach the disk as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
