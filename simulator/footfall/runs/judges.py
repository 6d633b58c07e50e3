"""Who says that a run has seen enough: other packages, through an entry point.

The run itself compares nothing. A package names a function ``judge(folder) -> str`` in the entry
point group ``footfall.judges``; it is asked after every epoch of a scenario with ``stop_early``.
"""

from __future__ import annotations

from importlib import metadata

from footfall.errors import UserError
from footfall.options import Judge

GROUP = "footfall.judges"


def installed_judge() -> Judge:
    """The installed judge.

    Raises:
        UserError: There is none, or there are several.
    """
    found = list(metadata.entry_points(group=GROUP))
    if len(found) != 1:
        names = ", ".join(entry.value for entry in found) or "none"
        raise UserError(
            f"stop_early needs one installed judge (entry point group {GROUP}), "
            f"there are: {names}; install footfall_eval with Footfall, or pass Watch(enough=...)"
        )
    judge: Judge = found[0].load()
    return judge
