"""Calling code of others: whatever it does, it fails alone and speaks to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from footfall.plumbing.signals import Terminated


@contextmanager
def foreign_code() -> Iterator[None]:
    """While inside, stdout is stderr: answers of Footfall stand on stdout, ``--json`` among them.

    Raises:
        RuntimeError: The code ended itself (``sys.exit``) or raised what ``except Exception``
            does not catch. Ctrl-C and SIGTERM are the user's, and pass.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (Exception, KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error
