"""What a busy server asks for, ``Retry-After``, and who is told about tries: a log, not stdout."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from stamina.instrumentation import LoggingOnRetryHook, set_on_retry_hooks

JITTER = 0.1
"""Share of a pause that is added at random, so that clients do not come back all at once."""


def log_tries() -> None:
    """Have every further try logged to ``logging``'s "stamina", which says nothing by itself.

    Left alone, stamina tells structlog, which LensKit brings along and which prints on stdout,
    where ``--json`` promises to be alone.
    """
    set_on_retry_hooks([LoggingOnRetryHook])
    log = logging.getLogger("stamina")
    if not log.handlers:  # else Python prints warnings that nobody listens to, one a try
        log.addHandler(logging.NullHandler())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server wants to be left alone, by RFC 9110, 10.2.3: a number or a date.

    None where it does not say, or mumbles.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            return None
        # A date without a zone is GMT: RFC 9110 allows no other.
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = (until - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if seconds == seconds else None  # noqa: PLR0124 - "nan" is a float


def asked_pause(headers: Mapping[str, str], longest: float) -> bool | float:
    """A back-off for stamina: the pause asked for, with jitter; True: our own growing pauses.

    False, do not try again, if the server wants to be left alone for more than ``longest`` seconds:
    to come back earlier would be rude, and useless.
    """
    seconds = retry_after(headers)
    if seconds is None:
        return True
    return seconds * (1.0 + random.uniform(0.0, JITTER)) if seconds <= longest else False  # noqa: S311
