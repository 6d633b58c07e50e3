"""The pilot of a run of two levels: it teaches a surrogate, and says how many users to ask.

Its users cannot speak for others: most of them taught the surrogate, and the rest chose how many to
ask. All of them are left out of the estimate, which then knows nothing of how it came about.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from footfall.errors import RunError
from footfall.options import Announce
from footfall.run_folder import manifest
from footfall.run_folder.answers import no_verdict
from footfall_eval.comparing.pilots import MeasuredPilot, measure
from footfall_eval.reading.load import RunLog
from footfall_eval.statistics.sharing import FIRST, Sharing, share_out
from footfall_lab.distilling.distill import DistillingOptions, distill
from footfall_lab.distilling.whom import draw

MEASURING = 1 / 3
"""Share of the pilot's users who do not teach, and on whom the surrogate is measured."""

EVERYBODY = 10**9


class DistillingPilot:
    """See ``footfall.runs.pilot_hook``."""

    def teach(self, answered: Path, out: Path, base: Path, announce: Announce) -> None:
        """Write a surrogate to ``out`` that learned from two thirds of the users of a run."""
        if problems := no_verdict(manifest.read(answered)):
            raise RunError(f"the pilot teaches nothing: {problems[0]}")
        options = DistillingOptions(
            str(answered), out, EVERYBODY, held_out_users=MEASURING, base=base
        )
        distill(options, announce)

    def share(self, crowd: Path, answered: Path, users: int, asked: float) -> dict[str, Any]:
        """How to share out the questions, as ``levels.json`` has it."""
        cheap, dear = RunLog.open(crowd), RunLog.open(answered)
        try:
            found = measure(cheap, dear)
        finally:
            cheap.connection.close()
            dear.connection.close()
        budget = asked * users
        sharing = share_out(users, budget, len(found.users), found.repeated())
        return {
            "pays": sharing.pays,
            "why": _why(sharing, found, budget),
            "asked": len(found.users) + sharing.asked,
            "times": sharing.times,
            "worth": sharing.worth,
            "metric": found.metric,
            "correlations": found.correlations,
            "measured on": found.strangers,
            "cost of a surrogate's user": found.cost,
            "users": list(found.users),
        }

    def draw(self, crowd: Path, taught: Path, asked: float, out: Path) -> str:
        """Draw whom to ask, by what their answers may change, and say how."""
        return draw(crowd, taught, asked, out)


def _why(sharing: Sharing, found: MeasuredPilot, budget: float) -> str:
    lowest = min(found.correlations.values())
    told = (
        f"the surrogate's differences in {found.metric} correlate {lowest:.2f} with the model's "
        f"over {found.strangers} pilot users"
    )
    if sharing.asked < FIRST:
        return (
            f"two levels cannot be had for so little: the pilot took {len(found.users)} of the "
            f"{budget:.0f} users that levels.asked pays for, and at least {FIRST} must be left to "
            "be asked; raise levels.asked or population.users, or lower levels.pilot"
        )
    if not sharing.pays:
        return (
            f"two levels do not pay here: {told}, so {budget:.0f} users asked without a surrogate "
            f"tell more; ask those: levels: null, population: {{users: {budget:.0f}}}"
        )
    times = "once" if sharing.times == 1 else f"{sharing.times} times"
    return (
        f"{told}: {sharing.asked} more users are asked and the surrogate plays everybody {times}, "
        f"which tells about as much as {sharing.worth * budget:.0f} users asked alone"
    )


STUDY = DistillingPilot()
"""The entry point."""
