"""Who says that a run has seen enough: other packages, through an entry point.

The run itself compares nothing. A package names a function ``(folder) -> str`` in the entry point
group ``footfall.stop_early``; it is asked after every epoch of a scenario with ``stop_early``.
"""

from __future__ import annotations

from footfall.options import StopEarly
from footfall.plumbing.plugins import the_only

GROUP = "footfall.stop_early"


def installed_stop_early() -> StopEarly:
    """The installed rule.

    Raises:
        UserError: There is none, or there are several.
    """
    stop_early: StopEarly = the_only(
        GROUP,
        "stop_early needs one installed rule",
        "install footfall_eval with Footfall, or pass Watch(enough=...)",
    )
    return stop_early
