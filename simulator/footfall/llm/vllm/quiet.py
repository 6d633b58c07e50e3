"""Start vLLM without its noise, and beside modules that it cannot look at."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def unscannable_hidden() -> Iterator[None]:
    """Hide modules that stop vLLM from starting, for as long as it starts.

    vLLM 0.32 on a CPU looks at every value of every imported module and does not survive one
    that raises when it is looked at; ibis (which tea-tasting brings along) and llvmlite have such.
    """
    hidden = {name: module for name, module in list(sys.modules.items()) if not _scannable(module)}
    for name in hidden:
        del sys.modules[name]
    try:
        yield
    finally:
        sys.modules.update(hidden)


def _scannable(module: Any) -> bool:
    for value in list(getattr(module, "__dict__", {}).values()):
        try:  # what vLLM does with it, to the letter
            if hasattr(value, "__dict__"):
                vars(value).get("kernel")
        except Exception:  # noqa: BLE001 - whatever a foreign object raises, vLLM dies of it
            return False
    return True


@contextmanager
def hushed() -> Iterator[None]:
    """Keep what native code writes to stderr while an engine starts, and show it only on failure.

    Triton and torch's thread binding print there past Python's logging; it says nothing to a
    user, and tears the progress bar.
    """
    with tempfile.TemporaryFile() as kept:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(before, 2)
            kept.seek(0)
            os.write(2, kept.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)
