"""The canonical tables of real histories, and the checks that they pass.

Three pandas frames. Identifiers are strings everywhere, so that the same household is the
same household in a log, in a prompt and in a report. Times are naive ``datetime64[ns]`` in
UTC. Money is in ``Dataset.currency``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import pandera.pandas as pa

from footfall.datasets.beyond import Beyond
from footfall.plumbing.images import ImageFile

TEXT = pa.Check(
    lambda column: pd.api.types.infer_dtype(column, skipna=False) in ("string", "empty"),
    name="text",
    error="something else than text",
)
"""Texts only; looks at a million values in the time in which pandera's own check looks at some."""

ACTIONS = ("view", "click", "cart", "purchase", "rate")
"""What a user can do to an item; ``value`` is a rating for ``rate`` and money otherwise."""

USERS = pa.DataFrameSchema(
    {"user": pa.Column(object, TEXT, unique=True)},
    strict=False,  # further columns are the profile
)
"""``user`` and any number of profile columns (missing values allowed)."""

ITEMS = pa.DataFrameSchema(
    {
        "item": pa.Column(object, TEXT, unique=True),
        "title": pa.Column(object, [TEXT, pa.Check.str_length(min_value=1)]),
        "category": pa.Column(object, TEXT),
        "price": pa.Column(float, pa.Check.ge(0), nullable=True),
    },
    strict=False,  # further columns are text attributes
)
"""``item``, a readable ``title``, ``category``, unit ``price`` (NaN: not sold), attributes."""

INTERACTIONS = pa.DataFrameSchema(
    {
        "user": pa.Column(object, TEXT),
        "item": pa.Column(object, TEXT),
        "action": pa.Column(object, [TEXT, pa.Check.isin(ACTIONS)]),
        "time": pa.Column("datetime64[ns]"),
        "quantity": pa.Column(float, pa.Check.gt(0)),
        "value": pa.Column(float, nullable=True),
        "order": pa.Column(object, TEXT),
        "page": pa.Column(object, TEXT, required=False),
        "position": pa.Column(float, pa.Check.ge(1), nullable=True, required=False),
        "propensity": pa.Column(
            float, pa.Check.in_range(0, 1, include_min=False), nullable=True, required=False
        ),
        "arm": pa.Column(object, TEXT, required=False),
    },
    strict=False,  # further columns, for instance ``store``
)
"""One row an action; ``order`` names the basket or visit that it belongs to ("" unknown).

A log of what was shown also has ``page``, the name of a page among those of its user ("" unknown);
each item on it is a row with action ``view``, and what was then clicked or bought is a further row
with the same user, page and item. ``position`` is the place on the page (1 is the top, NaN
unknown), ``propensity`` the chance with which the policy that logged put the item there (NaN
unknown), and ``arm`` the name of that policy ("" unknown).
"""


@dataclass(frozen=True)
class Cleaning:
    """One thing that was wrong in the source, what was done about it, and how often."""

    problem: str
    """For instance "duplicate row"."""
    action: str
    """"dropped", "merged", or "repaired" and how."""
    count: int
    sample: str = ""
    """One value of the source that was so, as it is written there; "" where there is none."""
    doubtful: bool = False
    """Results would differ had it been read as it is meant; whoever sees them is told."""

    def what(self) -> str:
        """What was wrong, as people read it."""
        such = f' (such as "{self.sample}")' if self.sample else ""
        return f"{self.count} x {self.problem}{such}"

    def __str__(self) -> str:
        """Write it as people read it, on one line."""
        return f"{self.what()}: {self.action}"


@dataclass(frozen=True)
class PageNotes:
    """What a log of impressions did not say, and how pages and positions were then told."""

    assumed: int = 0
    """Views whose page the log does not name: a page is what one user was shown in one order or
    visit at one time."""
    joined: int = 0
    """Clicks, carts and purchases without a page, which joined the last page of the day before that
    showed their item."""
    orders_apart: bool = False
    """Pages are counted anew in every order, so that its name stands before theirs."""
    first_position: float = 1.0
    """The smallest position of the log; it is the top and stands as 1 in ``interactions``."""


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
    images: dict[str, ImageFile] = field(default_factory=dict)
    """Images by their SHA-256, which ``items.image`` has; empty where no table names any."""
    pages: PageNotes = PageNotes()
    """How pages were told apart; of a log without views, nothing."""
    beyond: Beyond | None = None
    """What is known of users who are not loaded; None: all are."""

    @property
    def has_pages(self) -> bool:
        """Whether the log tells what was shown, and that something was done with it."""
        actions = set(self.interactions["action"].unique())
        return "view" in actions and bool(actions & {"click", "cart", "purchase"})

    def doubts(self) -> list[str]:
        """Sentences on what was perhaps not read as it is meant; every result repeats them."""
        return [f"Of the data: {note}." for note in self.cleaning if note.doubtful]

    def summary(self) -> dict[str, object]:
        """Counts and the covered period, for people and manifests."""
        times = self.interactions["time"]
        return {
            "dataset": self.name,
            "users": len(self.users) if self.beyond is None else self.beyond.users,
            "items": len(self.items),
            "interactions": len(self.interactions) if self.beyond is None else self.beyond.events,
            **self._loaded(),
            "from": None if times.empty else str(times.iloc[0]),
            "to": None if times.empty else str(times.iloc[-1]),
            "currency": self.currency,
            "cleaning": [str(note) for note in self.cleaning],
        }

    def _loaded(self) -> dict[str, int]:
        if self.beyond is None:
            return {}
        return {"users loaded": len(self.users), "interactions loaded": len(self.interactions)}


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
