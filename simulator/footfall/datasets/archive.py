"""Files of a data set, in a folder or inside a zip that is never unpacked to disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from footfall.errors import DataError, did_you_mean, one_line

MAX_BYTES = 4 * 2**30
"""Uncompressed size of all files in a zip; the largest MovieLens has a quarter of it."""

MAX_RATIO = 200
"""Uncompressed over compressed size; tables reach about 10, zip bombs 1,000 and more."""

_SMALL = 2**20
"""Bytes that any file may unpack to: runs of the same line in short files are no bomb."""


def _open_zstd(path: Path, mode: str) -> Any:
    return pa.CompressedInputStream(pa.OSFile(str(path), mode), "zstd")


_OPENERS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
    (b"\x28\xb5\x2f\xfd", _open_zstd),
)
"""How compressed files begin, whatever they are called."""
_BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
_UNREAD = (".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar")

_DAMAGES = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError)


BESIDE = "__MACOSX/"
"""Where macOS puts what it knows of the files in a zip."""


@dataclass(frozen=True)
class Files:
    """The files of one folder, or of a zip's outermost folder, by their bare names."""

    path: Path
    members: dict[str, str]
    """Bare name -> name inside the zip, or path of the file."""
    zipped: bool

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def read(self, name: str) -> bytes:
        """All bytes of one file.

        Raises:
            DataError: There is no such file, or the zip is damaged.
        """
        if name not in self.members:
            raise DataError(f"{self.path}: no {name} in it; {did_you_mean(name, self.members)}")
        if not self.zipped:
            return Path(self.members[name]).read_bytes()
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(self.members[name])
        except (*_DAMAGES, RuntimeError, EOFError, OSError, ValueError) as error:
            reason = one_line(error) or type(error).__name__
            raise DataError(f"{self.path}: cannot read {name}: {reason}") from error


def open_files(path: Path) -> Files:
    """List a folder or a zip.

    Raises:
        DataError: Neither of the two, or a zip that is damaged, unsafe or far too large.
    """
    if path.is_dir():
        return Files(path, {p.name: str(p) for p in path.iterdir() if p.is_file()}, zipped=False)
    try:
        with zipfile.ZipFile(path) as archive:
            # Not is_dir(), which fails at files without a name.
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        # A damaged directory of a zip may ask for a place before the file's start.
        reason = one_line(error)
        raise DataError(f"{path}: neither a folder nor a readable zip ({reason})") from error
    for entry in entries:
        _refuse_unsafe(path, entry)
    total = sum(entry.file_size for entry in entries)
    if total > MAX_BYTES:
        raise DataError(f"{path}: would unpack to {total} bytes; at most {MAX_BYTES} are read")
    shallow = sorted(entries, key=lambda e: (e.filename.count("/"), e.filename), reverse=True)
    return Files(path, {PurePosixPath(e.filename).name: e.filename for e in shallow}, zipped=True)


def open_unpacked(path: Path) -> io.BufferedReader:
    """Open one file, unpacking it on the way; a zip must hold one file.

    Raises:
        DataError: While it is read: it unpacks to far too much.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"PK\x03\x04"):
        files = open_files(path)
        tables = [name for name, whole in files.members.items()
                  if not name.startswith(".") and not whole.startswith(BESIDE)]  # fmt: skip
        if len(tables) != 1:
            raise DataError(f"{path}: holds {len(tables)} files; a table is one")
        return io.BufferedReader(io.BytesIO(files.read(tables[0])))
    suffixes = {suffix.lower() for suffix in path.suffixes[-2:]}
    for suffix in suffixes.intersection(_UNREAD):
        raise DataError(f"{path}: {suffix} is not unpacked; do it yourself, or use .gz")
    for start, opener in _OPENERS:
        if head.startswith(start) and (start != b"BZh" or _BZIP2.match(head)):
            return io.BufferedReader(_Bounded(path, opener(path, "rb")))
    return path.open("rb")


class _Bounded(io.RawIOBase):
    """What a file unpacks to, as far as the limits."""

    def __init__(self, path: Path, source: Any) -> None:
        self._path, self._source = path, source
        self._packed = path.stat().st_size
        self._read = 0

    def readable(self) -> bool:
        """Yes; pandas asks."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer``."""
        count: int = self._source.readinto(buffer)
        self._read += count
        refuse_bomb(self._path, self._packed, self._read)
        return count

    def close(self) -> None:
        """Close the file, too."""
        self._source.close()
        super().close()


def refuse_bomb(path: Path, packed: int, unpacked: int, most: int | None = None) -> None:
    """Compare what a file has unpacked to, or says that it will, with the limits.

    Args:
        path: The file.
        packed: Its bytes.
        unpacked: Those of its contents.
        most: How many these may be; None: as many as are held in memory.

    Raises:
        DataError: It is too much.
    """
    most = MAX_BYTES if most is None else most
    if unpacked > most:
        raise DataError(f"{path}: would unpack to {unpacked} bytes; at most {most} are read")
    if unpacked > max(_SMALL, MAX_RATIO * packed):
        raise DataError(
            f"{path}: would grow from {packed} to {unpacked} bytes; that is no data set"
        )


def _refuse_unsafe(path: Path, entry: zipfile.ZipInfo) -> None:
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    parts = name.parts or ("..",)  # "." is no file
    if name.is_absolute() or ".." in parts or parts[0].endswith(":"):
        raise DataError(f'{path}: the zip names a file outside itself, "{entry.filename}"')
    if entry.file_size > MAX_RATIO * max(1, entry.compress_size):
        raise DataError(
            f"{path}: {entry.filename} would grow from {entry.compress_size} to "
            f"{entry.file_size} bytes; that is no data set"
        )
