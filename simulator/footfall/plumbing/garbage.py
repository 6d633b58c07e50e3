"""How often Python looks for objects that only hold each other."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = (50_000, 20, 50)
"""Objects more than before, and looks of one generation for one of the next older."""


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Look less often within: where millions of small objects live on, looking costs a fifth."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
