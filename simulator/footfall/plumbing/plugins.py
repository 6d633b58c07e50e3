"""What this and other packages add by name: entry points, loaded when they are asked for.

Their options are checked in ``plugin_options``, so that listing commands needs no pydantic.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

from footfall.errors import FootfallError, UserError, one_line
from footfall.plumbing.extras import missing


def entries(group: str) -> dict[str, metadata.EntryPoint]:
    """Entry points of a group by name, in the order of the alphabet.

    Where two packages claim a name, the one that Python finds first has it.
    """
    found: dict[str, metadata.EntryPoint] = {}
    for entry in metadata.entry_points(group=group):
        found.setdefault(entry.name, entry)
    return {name: found[name] for name in sorted(found)}


def load(group: str, name: str) -> Any:
    """Import what the entry point ``name`` of a group stands for.

    Raises:
        UserError: Its package is broken: it cannot be imported, or has nothing of that name.
    """
    entry = entries(group)[name]
    try:
        return entry.load()
    except FootfallError:
        raise
    except ModuleNotFoundError as error:
        told = missing(error)
        if told is None:
            raise _broken(group, name, entry, error) from error
        raise UserError(f'"{name}": {told}') from None
    except Exception as error:
        raise _broken(group, name, entry, error) from error


def the_only(group: str, wanted: str, instead: str) -> Any:
    """Import what the one entry point of a group stands for.

    Args:
        group: Of entry points.
        wanted: Who needs how much of what: "stop_early needs one installed rule".
        instead: What to do where there is none, or where there are several.

    Raises:
        UserError: There is none, or there are several.
    """
    found = list(metadata.entry_points(group=group))
    if len(found) != 1:
        names = ", ".join(entry.value for entry in found) or "none"
        raise UserError(f"{wanted} (entry point group {group}), there are: {names}; {instead}")
    return found[0].load()


def _broken(group: str, name: str, entry: metadata.EntryPoint, error: Exception) -> UserError:
    package = "its package" if entry.dist is None else f'the package "{entry.dist.name}"'
    return UserError(
        f'"{name}" ({group}) does not load: {type(error).__name__}: {one_line(error, 200)}; '
        f"install {package} again, or remove it"
    )
