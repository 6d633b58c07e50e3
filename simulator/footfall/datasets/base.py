"""What every reader of histories shares: how its options are declared and paths resolved."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pandas as pd

from footfall.errors import DataError, did_you_mean, one_line
from footfall.plumbing.spec import Spec

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
"""How addresses begin, such as s3://, once two strokes are one."""


class Source(Spec):
    """Options of one kind of source. Unknown keys are refused, never ignored."""


def resolve(path: Path, base: Path) -> Path:
    """Make ``path`` absolute against ``base`` and check that it exists.

    Raises:
        DataError: Nothing is there; names the neighbour that was probably meant.
    """
    if ADDRESS.match(str(path)):
        raise DataError(
            f"{path}: is an address, and nothing is fetched; download it, name the file"
        )
    full = path.expanduser()
    full = full if full.is_absolute() else base / full
    try:
        if full.exists():
            return full
        if full.is_symlink():
            raise DataError(f"{full}: is a link to {full.readlink()}, where nothing is; mend it")
        if not full.parent.is_dir():
            raise DataError(f"{full}: no such file or folder, and no folder {full.parent} either")
    except OSError as error:  # for instance a name of 300 letters
        raise DataError(f"{one_line(full, 100)}: {error.strerror}") from None
    neighbours = [entry.name for entry in full.parent.iterdir()][:200]
    raise DataError(f"{full}: no such file or folder; {did_you_mean(full.name, neighbours)}")


def naive_utc(moment: dt.date | None) -> pd.Timestamp | None:
    """A date or time as naive UTC; one without a zone is UTC already, a date is its midnight."""
    if moment is None:
        return None
    stamp = pd.Timestamp(moment)
    return stamp if stamp.tzinfo is None else stamp.tz_convert("UTC").tz_localize(None)
