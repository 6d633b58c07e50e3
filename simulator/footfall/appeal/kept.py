"""Numbers of titles on disk, by what was read and by whom: nothing is read twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from footfall.llm.encoders import Encoder, Singles
from footfall.plumbing.files import replacing

AT_ONCE = 256
"""Titles between two files: what a kill can lose."""

HIGHEST = 6e4
"""Numbers are kept as float16, which ends at 65,504; a few states of large models lie beyond."""


def encode_kept(
    encoder: Encoder,
    titles: Sequence[str],
    folder: Path,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> Singles:
    """[n_titles, width] as the encoder gives, read from ``folder`` where they are there.

    Args:
        encoder: Asked for what is not there yet.
        titles: What to read.
        folder: Files of the encoder, named by the titles' hash; made if need be.
        tell: Told how many of how many titles are done, when some were read.
    """
    once = list(dict.fromkeys(titles))
    place = {title: number for number, title in enumerate(once)}
    name = hashlib.sha256(encoder.identity.encode()).hexdigest()[:16]
    parts = []
    for start in range(0, len(once), AT_ONCE):
        some = once[start : start + AT_ONCE]
        digest = hashlib.sha256("\0".join(some).encode()).hexdigest()[:32]
        rows, new = _part(encoder, some, folder / name / f"{digest}.safetensors")
        parts.append(rows)
        if new:
            tell(start + len(some), len(once))
    found = np.concatenate(parts) if parts else np.zeros((0, encoder.width), dtype=np.float32)
    return found[[place[title] for title in titles]]


def _part(encoder: Encoder, titles: Sequence[str], path: Path) -> tuple[Singles, bool]:
    """Rows of some titles, and whether they were read just now."""
    try:
        found: Singles = load_file(path)["states"].astype(np.float32)
        if found.shape == (len(titles), encoder.width):
            return found, False
    except (FileNotFoundError, SafetensorError, KeyError):
        pass  # not there yet, or cut off: read again
    rows = np.clip(encoder.encode(titles), -HIGHEST, HIGHEST).astype(np.float16)
    with replacing(path) as sink:
        sink.write(save({"states": rows}))
    return rows.astype(np.float32), True
