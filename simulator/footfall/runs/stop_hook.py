"""Who says that a run has seen enough: other packages, through an entry point.

The run itself compares nothing. A package names a function ``(folder) -> str`` in the entry point
group ``footfall.stop_early``; it is asked after every epoch of a scenario with ``stop_early``.
"""

from __future__ import annotations

from importlib import metadata

from footfall.errors import UserError
from footfall.options import StopEarly

GROUP = "footfall.stop_early"


def installed_stop_early() -> StopEarly:
    """The installed rule.

    Raises:
        UserError: There is none, or there are several.
    """
    found = list(metadata.entry_points(group=GROUP))
    if len(found) != 1:
        names = ", ".join(entry.value for entry in found) or "none"
        raise UserError(
            f"stop_early needs one installed rule (entry point group {GROUP}), "
            f"there are: {names}; install footfall_eval with Footfall, or pass Watch(enough=...)"
        )
    stop_early: StopEarly = found[0].load()
    return stop_early
