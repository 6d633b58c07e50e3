"""What a scenario may say about secrets: names of environment variables, and clean addresses."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, StringConstraints

from footfall.plumbing.secrets import KEY_LIKE

EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
"""Name of an environment variable; the secret itself, put here by mistake, does not fit."""


def without_credentials(url: Any) -> Any:
    """Refuse an address that carries a name, a password or a key.

    Raises:
        ValueError: It does; the message does not repeat it.
    """
    parts = urlsplit(str(url))
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a name or a password; name an environment variable instead")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if KEY_LIKE.search(name):
            raise ValueError(f'holds a key ("{name}"); name an environment variable instead')
    return url


NoCredentials = AfterValidator(without_credentials)
