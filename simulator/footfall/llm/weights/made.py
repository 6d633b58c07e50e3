"""Models made from other models, once, in the user's cache folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import platformdirs

from footfall.errors import ModelError, one_line
from footfall.plumbing.files import appearing


def made_once(
    name: str,
    marker: str,
    write: Callable[[Path], None],
    *,
    begin: Callable[[], None],
    wrong: str,
    cache: Path | None = None,
) -> Path:
    """Return a folder of a model, making it first if need be; it appears only when it is complete.

    Args:
        name: Of the folder; carries what it was made of.
        marker: File that says that it is complete.
        write: Fills the folder that it is given.
        begin: Called before that.
        wrong: What it means where that fails.
        cache: Where such folders live; None: the user's cache folder.

    Raises:
        ModelError: It cannot be made.
    """
    folder = (cache or platformdirs.user_cache_path("footfall") / "models") / name
    if (folder / marker).is_file():
        return folder
    begin()
    try:
        with appearing(folder, (folder / marker).is_file) as temporary:
            write(temporary)
            (temporary / marker).write_text("{}\n", encoding="utf-8")
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{wrong}: {one_line(error, 200)}") from error
    return folder


def quick_hash(base: Path) -> str:
    """Of the configuration, and of names, sizes and times of the weights: enough for a cache."""
    rows = [
        f"{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}"
        for p in sorted(base.glob("*.safetensors"))
    ]
    told = f"{base}|{'|'.join(rows)}".encode()
    return hashlib.sha256((base / "config.json").read_bytes() + told).hexdigest()
