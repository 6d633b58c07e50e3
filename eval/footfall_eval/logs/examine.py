"""Everything that ``footfall logs`` finds out about a run's log, as one frozen result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from footfall.errors import UserError, did_you_mean
from footfall_eval.blocks.distributions import Compared, distributions
from footfall_eval.logs.privacy import Membership, Nearness, membership, nearness, rare_items
from footfall_eval.logs.real import Real, same_size, simulated_takings
from footfall_eval.logs.training import TrainingComparison, train_and_test
from footfall_eval.reading.block import Block, plain
from footfall_eval.reading.load import RunLog

RARE = 5
"""Items that fewer users took are counted as rare."""


@dataclass(frozen=True)
class Sizes:
    """What the log and its real counterpart hold; simulated first."""

    takings: tuple[int, int]
    pairs: tuple[int, int]
    """Different (user, item)."""
    users: tuple[int, int]
    """With at least one."""
    items: tuple[int, int]
    """Taken by anyone."""
    new_pairs: tuple[float, float]
    """Share of the pairs that the user's memory does not hold."""
    rare: tuple[int, int]
    """Items that fewer than ``RARE`` users took."""


@dataclass(frozen=True)
class LogsReport:
    """A log against the real histories behind it."""

    arms: tuple[str, ...]
    start: str
    end: str
    played: int
    """Real users in the run."""
    sizes: Sizes
    likeness: Block
    """Distributions against real ones, as in block D of the validity report."""
    training: tuple[TrainingComparison, ...]
    """Empty where no later takings can test."""
    nearness: Nearness | None
    membership: Membership | None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        found: dict[str, Any] = plain(asdict(self))
        found["likeness"] = self.likeness.as_dict()
        return found


def examine_logs(
    log: RunLog, real: Real, *, arms: tuple[str, ...] = (), seed: int = 1
) -> LogsReport:
    """Compare a log with reality.

    Args:
        log: The run.
        real: The histories around it (``read_real``).
        arms: Arms whose rows are taken together; none: all.
        seed: Of draws and intervals.

    Raises:
        UserError: There is no such arm, or nobody took anything.
    """
    for arm in arms:
        if arm not in log.arms:
            raise UserError(f'{log.path}: no arm "{arm}"; {did_you_mean(arm, log.arms)}')
    chosen = arms or log.arms
    ours = simulated_takings(log, chosen, real, seed)
    if ours.empty:
        raise UserError(
            f"{log.path}: no played user bought anything in {', '.join(chosen)}: nothing to examine"
        )
    return LogsReport(
        arms=tuple(chosen),
        start=str(real.start),
        end=str(real.end),
        played=len(real.played),
        sizes=_sizes(ours, real),
        likeness=distributions(_compared(ours, real, seed), {}, seed=seed),
        training=tuple(train_and_test(ours, real, seed)),
        nearness=nearness(ours, real, seed),
        membership=membership(ours, real, seed),
    )


def _sizes(ours: pd.DataFrame, real: Real) -> Sizes:
    pairs = tuple(side[["user", "item"]].drop_duplicates() for side in (ours, real.window))
    known = pd.MultiIndex.from_frame(real.memory[["user", "item"]].drop_duplicates())
    new = [
        float((~pd.MultiIndex.from_frame(side).isin(known)).mean()) if len(side) else np.nan
        for side in pairs
    ]
    return Sizes(
        takings=(len(ours), len(real.window)),
        pairs=(len(pairs[0]), len(pairs[1])),
        users=(ours["user"].nunique(), real.window["user"].nunique()),
        items=(ours["item"].nunique(), real.window["item"].nunique()),
        new_pairs=(new[0], new[1]),
        rare=(rare_items(ours, RARE), rare_items(real.window, RARE)),
    )


def _compared(ours: pd.DataFrame, real: Real, seed: int) -> list[Compared]:
    """Which items, how popular, known before or not; as many rows of every user on both sides."""
    left, right = same_size(ours, real.window, seed)
    if left["user"].nunique() < 4:
        return []
    category = real.items.set_index("item")["category"]
    rank = real.memory["item"].value_counts().rank(pct=True)
    known = pd.MultiIndex.from_frame(real.memory[["user", "item"]].drop_duplicates())
    columns: dict[str, Callable[[pd.DataFrame], Any]] = {
        "category": lambda rows: rows["item"].map(category).fillna(""),
        "popularity decile": lambda rows: np.ceil(10 * rows["item"].map(rank).fillna(0.0)),
        "taken before": lambda rows: pd.MultiIndex.from_frame(rows[["user", "item"]]).isin(known),
    }
    return [
        Compared(
            name,
            "shares",
            *(
                pd.DataFrame({"user": rows["user"], "value": value(rows), "weight": 1.0})
                for rows in (left, right)
            ),
        )
        for name, value in columns.items()
    ]
