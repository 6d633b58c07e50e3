"""Appeal models that come with Footfall, and those in folders."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from footfall.errors import ModelError, did_you_mean


def shipped_appeals() -> list[str]:
    """Names of the appeal models that come with Footfall."""
    folder = files("footfall") / "appeals"
    return sorted(e.name for e in folder.iterdir() if e.is_dir()) if folder.is_dir() else []


def find_appeal(name: str | Path, base: Path) -> Path:
    """Folder of an appeal model: a path, relative to ``base``, or a shipped one by its name.

    Raises:
        ModelError: It is neither.
    """
    folder = base / Path(name).expanduser()
    if folder.is_dir():
        return folder
    if str(name) in shipped_appeals():
        return Path(str(files("footfall") / "appeals" / str(name)))
    raise ModelError(
        f"no appeal model in {folder}: make one with footfall learn-appeal, or take one that comes "
        f"with Footfall; {did_you_mean(str(name), shipped_appeals())}"
    )
