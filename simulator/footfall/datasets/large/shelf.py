"""Cleaned logs in the user's cache folder: by content, bounded, safe with several processes.

An entry appears whole, by a rename. Who reads one holds a shared lock as long as the process
lives, who makes or removes one an exclusive lock; a kill releases both.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from footfall.datasets.parts import parts_of
from footfall.errors import UserError
from footfall.plumbing.files import file_hash

SWITCH = "FOOTFALL_LOG_CACHE"
"""Environment variable: GiB that the cache may take, or "off"."""

LIMIT_GIB = 20.0

IN_USE, IN_MAKING = ".lock", ".making.lock"
"""Endings of the files that locks are on; without ".lock" they are the folders."""

_HELD: dict[Path, int] = {}
"""Shared locks of this process."""


def limit() -> int:
    """Bytes that the cache may take; 0: nothing is kept.

    Raises:
        UserError: ``SWITCH`` is neither a number nor "off".
    """
    said = os.environ.get(SWITCH, "")
    if said.lower() in {"off", "no", "0"}:
        return 0
    try:
        return int((float(said) if said else LIMIT_GIB) * 2**30)
    except (ValueError, OverflowError):
        raise UserError(f'{SWITCH}={said}: is neither "off" nor a number of GiB') from None


def key_of(tables: Iterable[Path], options: dict[str, Any]) -> str:
    """What names a cleaned log: contents of its files, how they are read, and the code that does.

    Args:
        tables: Files, or folders of parts.
        options: Everything else that what is read depends on.
    """
    digest = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    code = Path(__file__).parents[1]
    for file in sorted(code.rglob("*.py")):
        digest.update(f"{file.relative_to(code)}:".encode() + file.read_bytes())
    for table in tables:
        for part in parts_of(table)[0]:
            name = part.path.relative_to(table).as_posix() if table.is_dir() else table.name
            digest.update(f"{name}={file_hash(part.path)};".encode())
    return digest.hexdigest()[:40]


class Place:
    """Where one log is kept, and the locks on it; a folder that vanishes where none is kept."""

    def __init__(self, key: str) -> None:
        """Raises: UserError, OSError."""
        self.bound = limit()
        if not self.bound:
            self.root = Path(tempfile.mkdtemp(prefix="footfall-log-"))
            atexit.register(shutil.rmtree, self.root, ignore_errors=True)
        else:
            self.root = platformdirs.user_cache_path("footfall") / "logs"
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._hold(self.root / f"{key}{IN_USE}")
        self.folder = self.root / key
        self.making = self.root / f"{key}.making"

    @staticmethod
    def _hold(lock: Path) -> None:
        """Use an entry from now on, as long as this process lives."""
        if lock not in _HELD:
            _HELD[lock] = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(_HELD[lock], fcntl.LOCK_SH)
        os.utime(lock)  # when it was used last

    @contextmanager
    def making_it(self) -> Iterator[Path]:
        """An empty folder to make the entry in; waits until no other process makes it."""
        with (self.root / f"{self.folder.name}{IN_MAKING}").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                shutil.rmtree(self.making, ignore_errors=True)  # a kill has left it
                self.making.mkdir(parents=True)
                yield self.making
            finally:
                shutil.rmtree(self.making, ignore_errors=True)

    def publish(self) -> None:
        """Put what was made into its place, and make room for it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.making.rename(self.folder)
        if self.bound:
            self._make_room()

    def _make_room(self) -> None:
        """Remove the entries that were used longest ago until the others fit; not those in use."""
        for lock in self.root.glob(f"*{IN_MAKING}"):
            with _alone(lock) as alone:
                if alone:
                    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)  # a kill has left it
        locks = [lock for lock in self.root.glob(f"*{IN_USE}") if IN_MAKING not in lock.name]
        locks.sort(key=lambda path: path.stat().st_mtime)
        sizes = {path: _size(path.with_suffix("")) for path in locks}
        total = sum(sizes.values())
        for path in locks:
            if total <= self.bound:
                return
            with _alone(path) as alone:
                if alone:
                    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                    total -= sizes[path]


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether nobody else holds a lock, which is then ours for a moment."""
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
