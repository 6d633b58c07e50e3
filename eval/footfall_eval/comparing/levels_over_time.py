"""Two levels as they grew: what early stopping looks at after every epoch of the users asked."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from footfall.run_folder.layout import ASKED, epochs_of
from footfall_eval.comparing.levels import AskedToo
from footfall_eval.measures.metrics import derive, find_metrics
from footfall_eval.reading.load import COUNTS, RunLog
from footfall_eval.statistics.sequence import Running
from footfall_eval.statistics.two_levels import TwoLevels, widened


def running_levels(log: RunLog, metric: str, control: str, treatment: str, level: float) -> Running:
    """The effect of a run of two levels at the end of each epoch that the users asked have lived.

    Errors are those of few users: as much larger as Student's t is wider than the normal.
    """
    both = AskedToo.of(log, level)
    assert both is not None, "there are two levels"
    asked = RunLog.open(log.path / ASKED)
    chosen = find_metrics((metric,))[0]
    done = epochs_of(asked.manifest.get("parts") or {})
    crowd, dear = (
        _Growing(one.per_user_and_epoch(), counts)
        for one, counts in ((log, both.crowd), (asked, both.dear))
    )
    asked.connection.close()
    means, errors = [], []
    for epoch in range(done):
        now = replace(both, crowd=crowd.until(epoch), dear=dear.until(epoch))
        found = now.effect(chosen, control, treatment)
        means.append(math.nan if found is None else found.mixed.value)
        errors.append(math.nan if found is None else _error(found, level))
    return Running(tuple(range(done)), np.array(means), np.array(errors), len(both.asked))


def _error(found: TwoLevels, level: float) -> float:
    return found.mixed.error * widened(found.mixed.freedom, level)


class _Growing:
    """Counts of the same users, epoch after epoch."""

    def __init__(self, pieces: pd.DataFrame, users: pd.DataFrame) -> None:
        """Of the users in ``users`` alone, in their order."""
        self._users = users[["arm", "user"]]
        rows = self._users.reset_index(names="row")
        self._pieces = pieces.merge(rows, on=["arm", "user"])
        self._total = np.zeros((len(users), len(COUNTS)))

    def until(self, epoch: int) -> pd.DataFrame:
        """Everything up to the end of ``epoch``; called with each epoch once, in order."""
        new = self._pieces[self._pieces["epoch"] == epoch]
        self._total[new["row"].to_numpy()] += new[list(COUNTS)].to_numpy(dtype=np.float64)
        counts = pd.DataFrame(self._total, columns=list(COUNTS))
        return derive(pd.concat([self._users, counts], axis=1))
