"""Names and addresses of machines."""

from __future__ import annotations

import ipaddress


def is_here(host: str) -> bool:
    """Whether a ``Host`` (a name or an address, with or without a port) is this machine itself."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
