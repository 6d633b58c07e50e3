"""A draft: tables on their way to a ``Dataset``, with account of what was wrong in them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.cells import amounts, chances, point_of_thousands
from footfall.datasets.ids import as_id
from footfall.datasets.schema import Cleaning, PageNotes
from footfall.errors import one_line

MOST = 1e15
"""No price, rating or quantity is beyond; sums of such are no numbers any more."""

PAID = ("value", "unit_price")
"""Columns of what was paid, as drafts call them; the price of an item is its own."""

MONEY = ("value", "unit_price", "price", "quantity")
"""Columns of amounts, as drafts call them."""


@dataclass
class OfUsers:
    """Set where a draft holds all rows of some users only, as those of a log larger than memory.

    What only the whole log can tell is noted here by the steps of cleaning, not judged.
    """

    floated: dict[str, bool] = field(default_factory=dict)
    """Column of ids -> whether all numbers in its texts end in ".0" (``ids.as_id``)."""
    paged: bool = False
    """Users of other drafts were shown something."""
    orders_apart: bool = False
    """Pages are counted anew in every order, as users of other drafts show."""
    times: int = 0
    """Rows whose time was looked at."""
    early: list[npt.NDArray[np.int64]] = field(default_factory=list)
    """Times in 1970, nanoseconds."""
    sample_early: str = ""
    first_position: float = float("nan")
    """The smallest position here, which stands as 1; NaN: there is none."""
    positions: int = 0
    """Rows with a position, when it was moved."""
    looked_up: int = 0
    """Rows whose item was looked for in the catalogue."""
    sample_item: str = ""
    """One of those items."""


@dataclass
class Draft:
    """Tables on their way to a ``Dataset``; frames are owned and may be replaced."""

    name: str
    interactions: pd.DataFrame
    """``user``, ``item``, ``action``, ``time``; optional ``quantity``, ``value``, ``order`` and,
    of what was shown, ``page``, ``position``, ``propensity``, ``arm``."""
    items: pd.DataFrame
    users: pd.DataFrame
    currency: str = ""
    about: str = ""
    licence: str = ""
    prices_from_interactions: bool = False
    earliest: pd.Timestamp | None = None
    """Earlier events are impossible and dropped."""
    latest: pd.Timestamp | None = None
    """Later events are impossible and dropped; None: later than now."""
    decimal: str = "."
    """The sign before the part of a number below 1."""
    thousands: str = ""
    """The sign between groups of three digits."""
    cents: bool = False
    """Money of the interactions is in hundredths of the currency."""
    written: dict[str, pd.Series] = field(default_factory=dict)
    """Columns as the source wrote them, where the interactions hold what was read of them; with
    the labels of the interactions."""
    cleaning: list[Cleaning] = field(default_factory=list)
    extra: dict[str, pd.DataFrame] = field(default_factory=dict)

    pages: PageNotes = field(default_factory=PageNotes)
    of_users: OfUsers | None = None
    """None: the rows are the whole log."""

    def ids(self, column: pd.Series, name: str) -> pd.Series:
        """Identifiers as ``ids.as_id`` writes them in the whole log."""
        return as_id(column, None if self.of_users is None else self.of_users.floated.get(name))

    def note(
        self, problem: str, action: str, count: int, sample: str = "", *, doubtful: bool = False
    ) -> None:
        """Count a repair; nothing is noted where nothing happened."""
        if count:
            self.cleaning.append(Cleaning(problem, action, int(count), sample, doubtful))

    def keep(self, good: Mask, problem: str, column: str = "", how: str = "") -> None:
        """Keep the interactions where ``good``, and count the others under ``problem``.

        Args:
            good: Which ones.
            problem: Of the others.
            column: One of their values in it is shown.
            how: What to do about it.
        """
        mask = np.asarray(good, dtype=bool)
        if not mask.all():
            sample = self.sample(column, ~mask) if column else ""
            self.note(problem, f"dropped{how}", int((~mask).sum()), sample)
            self.interactions = self.interactions[mask]

    def sample(self, column: str, which: Mask) -> str:
        """The first value of a column, in their order, where ``which``, as it is written."""
        labels = self.interactions.index[np.asarray(which, dtype=bool)]
        written = self.written.get(column, self.interactions.get(column))
        if written is None:
            return ""
        return smallest(written.reindex(labels))

    def numbers(self, column: str, default: float, table: pd.DataFrame) -> Numbers:
        """A column of numbers, and where it holds something that is none."""
        if column not in table:
            return Numbers(pd.Series(default, index=table.index, dtype=float), None)
        if column in MONEY and self.decimal == "." and not self.thousands:
            odd = point_of_thousands(table[column])
            problem = f"{column.replace('_', ' ')} with three digits behind its point"
            action = 'read as a fraction; `decimal: ","`, `thousands: "."` reads thousands'
            self.note(problem, action, len(odd), smallest(odd))
        read = chances if column == "propensity" else amounts
        found = read(table[column], self.decimal, self.thousands).astype(float)
        unread = found.isna() & table[column].notna()
        if self.cents and column in PAID:
            found = found / 100
        blank = table.loc[unread, column].astype(str).str.strip() == ""
        return Numbers(found, unread & ~blank.reindex(unread.index, fill_value=False))


Mask = npt.NDArray[np.bool_] | pd.Series


@dataclass(frozen=True)
class Numbers:
    """A column as numbers."""

    known: pd.Series
    """NaN where there is none."""
    unread: pd.Series | None
    """Where there is something that is no number; None: nowhere."""


def smallest(column: pd.Series) -> str:
    """The first of the texts of a column in their order, short; "" where there is none."""
    texts = [one_line(value, 40) for value in column.dropna().astype(str).unique()[:1000]]
    return min((text for text in texts if text), default="")
