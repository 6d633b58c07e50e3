"""Secrets stand in environment variables that a scenario names, and nowhere else.

Keys never stand in a scenario, so that they cannot reach a manifest, a report or a log with it.
What a stranger's service answers may still hold one (a page that echoes the request's headers),
so whatever is kept of such answers passes ``hidden``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "[secret]"
SHORTEST = 4
"""Shorter values are no secrets, and replacing them would tear words apart."""

KEY_LIKE = re.compile(r"key|token|secret|passw|signature|credential|auth", re.IGNORECASE)
"""Names of what is kept secret: of parts of an address, of environment variables."""

_IN_QUERY = re.compile(rf"([?&][^=&\s]*(?:{KEY_LIKE.pattern})[^=&\s]*=)[^&\s\"']+", re.IGNORECASE)
_BEFORE_HOST = re.compile(r"(://)[^/\s@\"']+@")
_read: set[str] = set()
"""Names of the environment variables that were asked for their secrets in this process."""


def read_secret(name: str) -> str:
    """The secret in an environment variable, "" where it is not set; logs hide it from now on."""
    _read.add(name)
    return os.environ.get(name, "")


def hidden_in_logs(text: str) -> str:
    """``text`` without any secret that this process can know of.

    These are values of the environment variables that were read as secrets or whose names say
    that they hold one, and what addresses carry: passwords, and keys in their queries.
    """
    names = _read.union(filter(KEY_LIKE.search, os.environ))
    text = hidden(text, _longest_first(os.environ.get(name, "") for name in names))
    return _BEFORE_HOST.sub(rf"\1{HIDDEN}@", _IN_QUERY.sub(rf"\1{HIDDEN}", text))


def values_of(scenario: Any) -> list[str]:
    """Values of all environment variables that a resolved scenario names, longest first."""
    return _longest_first(os.environ.get(name, "") for name in _names(scenario))


def hidden(text: str, secrets: Iterable[str]) -> str:
    """``text`` without the secrets: as they are, as Python quotes them, and as JSON writes both."""
    for secret in secrets:
        for form in (secret, repr(secret)[1:-1]):
            text = text.replace(json.dumps(form)[1:-1], HIDDEN).replace(form, HIDDEN)
    return text


def _longest_first(values: Iterable[str]) -> list[str]:
    return sorted({one for one in values if len(one) >= SHORTEST}, key=len, reverse=True)


def _names(node: Any) -> Iterable[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "api_key_env" and isinstance(value, str):
                yield value
            elif key == "headers_env" and isinstance(value, Mapping):
                yield from (name for name in value.values() if isinstance(name, str))
            else:
                yield from _names(value)
    elif isinstance(node, list | tuple):
        for entry in node:
            yield from _names(entry)
