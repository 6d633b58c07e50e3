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
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, StringConstraints

HIDDEN = "[secret]"
SHORTEST = 4
"""Shorter values are no secrets, and replacing them would tear words apart."""

EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
"""Name of an environment variable; the secret itself, put here by mistake, does not fit."""

_KEY_LIKE = re.compile(r"key|token|secret|passw|signature|credential|auth", re.IGNORECASE)


def without_credentials(url: Any) -> Any:
    """Refuse an address that carries a name, a password or a key.

    Raises:
        ValueError: It does; the message does not repeat it.
    """
    parts = urlsplit(str(url))
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a name or a password; name an environment variable instead")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if _KEY_LIKE.search(name):
            raise ValueError(f'holds a key ("{name}"); name an environment variable instead')
    return url


NoCredentials = AfterValidator(without_credentials)


def values_of(scenario: Any) -> list[str]:
    """Values of all environment variables that a resolved scenario names, longest first."""
    found = {os.environ.get(name, "") for name in _names(scenario)}
    return sorted((value for value in found if len(value) >= SHORTEST), key=len, reverse=True)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """``text`` without the secrets: as they are, as Python quotes them, and as JSON writes both."""
    for secret in secrets:
        for form in (secret, repr(secret)[1:-1]):
            text = text.replace(json.dumps(form)[1:-1], HIDDEN).replace(form, HIDDEN)
    return text


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
