"""Files and folders that exist whole or not at all: made beside, and renamed.

Every file that Footfall leaves behind is written here. Folders may come from strangers: temporary
files have names of chance and are made anew (``O_EXCL``, ``O_NOFOLLOW``), and a symbolic link in
the place of a file is replaced, never followed.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from footfall.errors import RunError

PARTIAL = ".partial"
"""Ending of a file that is being written; one that is found was left by a kill."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write ``path``'s new content to; takes its place when the block ends well.

    Args:
        path: The file.
        durable: It is on the disk when the block ends. What somebody checks by its hash, and can
            make anew, need not be: waiting for the disk takes longer than most epochs.

    Raises:
        RunError: It cannot be written (disk full, no permission); ``path`` is as it was.
    """
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as sink:
                os.fchmod(sink.fileno(), 0o666 & ~_umask())
                yield sink
                sink.flush()
                if durable:
                    os.fsync(sink.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)  # on a full disk every byte counts
            raise
        if durable:
            _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by this text in UTF-8; raises like ``replacing``."""
    with replacing(path) as sink:
        sink.write(text.encode())


def write_json(path: Path, found: Any) -> None:
    """Replace ``path`` by one JSON document; what JSON has no word for is written as its text."""
    write_text(path, json.dumps(found, indent=1, default=str) + "\n")


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """While inside, an error of the operating system is one line about ``path``.

    Raises:
        RunError: There was one.
    """
    try:
        yield
    except OSError as error:
        raise RunError(f"cannot write {path}: {_reason(error)}") from error


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``folder`` when the block ends well.

    Raises:
        RunError: It cannot be written; ``folder`` is as it was.
    """
    with telling(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.partial-"))
        try:
            temporary.chmod(0o777 & ~_umask())
            yield temporary
            _swap(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _swap(made: Path, folder: Path) -> None:
    """Put ``made`` into the place of ``folder``, whose old content goes where ``made`` was."""
    if not folder.is_dir() or folder.is_symlink():
        made.rename(folder)
    elif not _exchange(made, folder):
        # Where the system cannot swap names, a kill between two renames leaves the old one beside.
        old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.replaced-"))
        folder.rename(old)
        made.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step (Linux's ``renameat2``); whether that could be done."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    names = os.fsencode(one), os.fsencode(other)
    return bool(library.renameat2(here, names[0], here, names[1], exchange) == 0)


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
    cure = "make room" if error.errno in _FULL else "see to it"
    return f"{what}; {cure}, then go on (a run with --resume)"


def _umask() -> int:
    """The process's mask of permissions, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: the folder's own entry has to reach the disk as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
