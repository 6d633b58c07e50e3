"""The canonical tables of real histories, and the checks that they pass.

Three pandas frames. Identifiers are strings everywhere, so that the same household is the
same household in a log, in a prompt and in a report. Times are naive ``datetime64[ns]`` in
UTC. Money is in ``Dataset.currency``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import pandera.pandas as pa

ACTIONS = ("view", "click", "cart", "purchase", "rate")
"""What a user can do to an item; ``value`` is a rating for ``rate`` and money otherwise."""

USERS = pa.DataFrameSchema(
    {"user": pa.Column(str, unique=True)},
    strict=False,  # further columns are the profile
)
"""``user`` and any number of profile columns (missing values allowed)."""

ITEMS = pa.DataFrameSchema(
    {
        "item": pa.Column(str, unique=True),
        "title": pa.Column(str, pa.Check.str_length(min_value=1)),
        "category": pa.Column(str),
        "price": pa.Column(float, pa.Check.ge(0), nullable=True),
    },
    strict=False,  # further columns are text attributes
)
"""``item``, a readable ``title``, ``category``, unit ``price`` (NaN: not sold), attributes."""

INTERACTIONS = pa.DataFrameSchema(
    {
        "user": pa.Column(str),
        "item": pa.Column(str),
        "action": pa.Column(str, pa.Check.isin(ACTIONS)),
        "time": pa.Column("datetime64[ns]"),
        "quantity": pa.Column(float, pa.Check.gt(0)),
        "value": pa.Column(float, nullable=True),
        "order": pa.Column(str),
    },
    strict=False,  # further columns, for instance ``store``
)
"""One row an action; ``order`` names the basket or visit that it belongs to ("" unknown)."""


@dataclass(frozen=True)
class Cleaning:
    """One thing that was wrong in the source, what was done about it, and how often."""

    problem: str
    """For instance "duplicate row"."""
    action: str
    """"dropped", "merged", or "repaired" and how."""
    count: int


@dataclass(frozen=True)
class Dataset:
    """Real histories: who, what, and what happened.

    Interactions are sorted by (time, user, item, action); users without interactions and
    items that nobody touched may exist.
    """

    name: str
    users: pd.DataFrame
    items: pd.DataFrame
    interactions: pd.DataFrame
    currency: str = ""
    """ISO code of ``price`` and of money in ``value``; "" where there is no money."""
    cleaning: tuple[Cleaning, ...] = ()
    about: str = ""
    """Where the data comes from and what to know before believing it; shown in reports."""
    licence: str = ""
    extra: dict[str, pd.DataFrame] = field(default_factory=dict)
    """Tables of one source only, for instance ``products`` of Complete Journey."""
    prices_from_interactions: bool = False
    """Whether ``items.price`` is the median price paid here, so that a split recomputes it."""

    def summary(self) -> dict[str, object]:
        """Counts and the covered period, for people and manifests."""
        times = self.interactions["time"]
        return {
            "dataset": self.name,
            "users": len(self.users),
            "items": len(self.items),
            "interactions": len(self.interactions),
            "from": None if times.empty else str(times.iloc[0]),
            "to": None if times.empty else str(times.iloc[-1]),
            "currency": self.currency,
            "cleaning": [f"{c.count} x {c.problem}: {c.action}" for c in self.cleaning],
        }


@dataclass(frozen=True)
class Split:
    """A dataset cut in time: what personas remember, and what is held out.

    ``remembered.interactions`` are all strictly before ``at`` and ``held_out`` all at or
    after it. Users and items are those of the whole data set, but prices and any statistic
    of ``remembered`` come from the remembered rows only.
    """

    at: pd.Timestamp
    remembered: Dataset
    held_out: pd.DataFrame
