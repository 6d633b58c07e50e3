"""Team-draft interleaving: two recommenders fill one page, and users vote by clicking."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest

from footfall.errors import DataError


@dataclass(frozen=True)
class Interleaving:
    """Users who preferred one side, and how sure that is."""

    first_wins: int
    second_wins: int
    ties: int
    share: float
    """Of the users with a preference, those who preferred the first; NaN if there are none."""
    ci_low: float
    """Wilson interval."""
    ci_high: float
    p_value: float
    """Exact two-sided binomial test that both are preferred equally often."""


def credit(per_user: pd.DataFrame, control: str, treatment: str, metric: str) -> pd.DataFrame:
    """The credit table of an interleaved run: ``first`` is the treatment, ``second`` the control.

    Args:
        per_user: As ``RunLog.per_user`` gives it.
        control: One of the two recommenders.
        treatment: The other one.
        metric: ``clicks``, ``purchases`` or ``revenue``.
    """
    table = per_user.pivot_table(index="user", columns="arm", values=metric, aggfunc="sum")
    return pd.DataFrame(
        {"user": table.index, "first": table[treatment].array, "second": table[control].array}
    )


def interleaving(votes: pd.DataFrame, *, level: float = 0.95) -> Interleaving:
    """Judge a team-draft test.

    Radlinski, Kurup and Joachims (2008), "How does clickthrough data reflect retrieval
    quality?", CIKM. A user is one vote, however many pages were seen: credits are added up
    by user, and the side with more of them wins; ties do not vote.

    Args:
        votes: Columns ``user``, ``first``, ``second``: clicks (or purchases) on items that
            each side contributed, any number of rows a user.
        level: Confidence level of the interval.

    Raises:
        DataError: A column is missing.
    """
    for name in ("user", "first", "second"):
        if name not in votes.columns:
            raise DataError(
                f"the credit table has no column {name!r}; it needs user, first, second"
            )
    by_user = votes.groupby("user")[["first", "second"]].sum()
    lead = by_user["first"] - by_user["second"]
    first, second = int((lead > 0).sum()), int((lead < 0).sum())
    ties = len(lead) - first - second
    if first + second == 0:
        nan = float("nan")
        return Interleaving(0, 0, ties, nan, nan, nan, 1.0)
    test = binomtest(first, first + second)
    interval = test.proportion_ci(confidence_level=level, method="wilson")
    return Interleaving(
        first_wins=first,
        second_wins=second,
        ties=ties,
        share=float(test.statistic),
        ci_low=float(interval.low),
        ci_high=float(interval.high),
        p_value=float(test.pvalue),
    )
