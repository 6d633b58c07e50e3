"""What is on display in a user's own store, and which coupons a user was sent, week by week.

Unlike other interventions these differ between users, and are real: they are what Complete
Journey records for the weeks of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.features import PairTable
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.complete_journey import coupons, promotions, week_starts
from footfall.datasets.schema import Split
from footfall.errors import DataError
from footfall.users.population import Population
from footfall.world.calendar import DAY
from footfall.world.interventions import Coupons, Displays
from footfall.world.schedule import Chosen

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

WEEKS = range(1, 54)
"""Of Complete Journey."""


@dataclass(frozen=True)
class Offers:
    """What is added to the utility of items, for groups of users, in spells of time."""

    kind: str
    starts: Floats
    """[n_periods] simulated seconds, rising; nothing is offered before the first."""
    groups: Numbers
    """[n_users] who meets the same offers; -1: meets none."""
    n_groups: int
    table: PairTable
    """Keyed by period * n_groups + group, and item."""

    def __str__(self) -> str:
        """How many users it reaches: not all shop where, or got what, the data tells of."""
        reached = np.isin(self.groups, self.table.keys // self.table.n_items % self.n_groups)
        return f"{self.kind}: reach {reached.sum()} of {len(self.groups)} users"

    def of(self, seconds: Sequence[float], users: Numbers, items: npt.NDArray[np.int32]) -> Floats:
        """[n, k] for pages of ``items`` [n, k] that ``users`` [n] see at ``seconds`` [n]."""
        periods = np.searchsorted(self.starts, np.asarray(seconds), side="right") - 1
        groups = self.groups[users]
        met = (periods >= 0) & (groups >= 0)
        keys = np.where(met, periods * self.n_groups + groups, 0)
        return np.where(met[:, None], self.table.of(keys, items), 0.0)


def offers_of(
    chosen: Chosen, split: Split, catalogue: Catalogue, population: Population, days: float
) -> tuple[Offers, ...]:
    """What the scenario's displays and coupons put before the users of a run.

    Raises:
        DataError: The data records none, or none for the days of the run.
    """
    found: list[Offers] = []
    for one, _ in chosen:
        if isinstance(one, Displays | Coupons):
            until = min(days, days if one.until is None else one.until)
            first, last = (split.at + pd.Timedelta(days=day) for day in (one.at, until))
            if isinstance(one, Displays):
                rows, groups = _displays(one, split, catalogue, population, first, last)
            else:
                rows, groups = _coupons(one, split, catalogue, population, first, last)
            found.append(_laid_out(one.kind, rows, groups, catalogue, split.at, first, last))
    return tuple(found)


def _displays(
    one: Displays, split: Split, catalogue: Catalogue, population: Population,
    first: pd.Timestamp, last: pd.Timestamp,
) -> tuple[pd.DataFrame, Numbers]:  # fmt: skip
    """Rows of ``group`` (store), ``code``, ``start``, ``end`` and ``utility``; [n_users] stores."""
    if "products" not in split.remembered.extra:  # before stores are looked for
        promotions(split.remembered, ())
    starts = week_starts(WEEKS)
    ends = starts.shift(-1, fill_value=starts.iloc[-1] + pd.Timedelta(days=7))
    during = starts.index[(starts < last) & (ends > first)]
    stores = _own_stores(split, population)
    names = sorted(set(stores.dropna()))
    if not len(during):
        raise DataError(
            f"displays: complete-journey has none after {ends.iloc[-1]:%Y-%m-%d}; split earlier"
        )
    rows = promotions(split.remembered, catalogue.ids, during, stores=names)
    if rows.empty:
        raise DataError(
            "displays: complete-journey has none in these users' stores on the days of the run; "
            "split at another day, or play more users"
        )
    seen = {"display": one.display, "mailer": one.mailer}
    shown = rows.assign(**{name: rows[name] != "0" for name in seen})
    shown = shown.groupby(["store", "item", "week"], as_index=False)[list(seen)].max()
    utility = sum(shown[name] * value for name, value in seen.items())
    table = pd.DataFrame(
        {
            "group": pd.Index(names).get_indexer(pd.Index(shown["store"])),
            "code": catalogue.codes(shown["item"]),
            "start": shown["week"].map(starts),
            "end": shown["week"].map(ends),
            "utility": utility,
        }
    )
    return table, np.asarray(pd.Index(names).get_indexer(pd.Index(stores)), dtype=np.int64)


def _coupons(
    one: Coupons, split: Split, catalogue: Catalogue, population: Population,
    first: pd.Timestamp, last: pd.Timestamp,
) -> tuple[pd.DataFrame, Numbers]:  # fmt: skip
    """As ``_displays``; users who were sent the same campaigns are one group."""
    sent, offered = coupons(split.remembered)
    running = offered[(offered["start"] < last) & (offered["end"] > first)]
    running = running[running["item"].isin(catalogue.ids)]
    sent = sent[sent["campaign"].isin(running["campaign"])]
    campaigns = {user: tuple(sorted(set(ids))) for user, ids in sent.groupby("user")["campaign"]}
    own = [campaigns.get(name or "") for name in _real_names(population)]
    mixes = sorted({mix for mix in own if mix is not None})
    if not mixes:
        raise DataError(
            "coupons: none of these users got one for the days of the run; split at another day, "
            "or play more users"
        )
    pairs = pd.DataFrame(
        [(group, campaign) for group, mix in enumerate(mixes) for campaign in mix],
        columns=["group", "campaign"],
    )
    table = pairs.merge(running, on="campaign")
    table = table.drop_duplicates(["group", "item", "start", "end"])
    table = table.assign(code=catalogue.codes(table["item"]), utility=one.utility)
    numbers = {mix: group for group, mix in enumerate(mixes)}
    groups = [-1 if mix is None else numbers[mix] for mix in own]
    return table, np.array(groups, dtype=np.int64)


def _laid_out(
    kind: str, rows: pd.DataFrame, groups: Numbers, catalogue: Catalogue, at: pd.Timestamp,
    first: pd.Timestamp, last: pd.Timestamp,
) -> Offers:  # fmt: skip
    """Spells between the moments at which any offer starts or ends; the best of several counts."""
    starts = rows["start"].where(rows["start"] > first, first)
    ends = rows["end"].where(rows["end"] < last, last)
    edges = pd.Index(pd.concat([starts, ends]).unique()).sort_values()
    spans = edges.get_indexer(pd.Index(ends)) - edges.get_indexer(pd.Index(starts))
    each = rows.loc[rows.index.repeat(spans)]
    step = np.arange(len(each)) - np.repeat(np.cumsum(spans) - spans, spans)
    period = np.repeat(edges.get_indexer(pd.Index(starts)), spans) + step
    n_groups = int(rows["group"].max()) + 1
    each = pd.DataFrame(
        {
            "key": (period * n_groups + each["group"].to_numpy()) * len(catalogue)
            + each["code"].to_numpy(),
            "utility": each["utility"].to_numpy(dtype=np.float64),
        }
    )
    best = each.groupby("key")["utility"].max()
    table = PairTable(best.index.to_numpy(dtype=np.int64), best.to_numpy(), len(catalogue))
    seconds = (edges - at) / pd.Timedelta(days=1) * DAY
    return Offers(kind, np.asarray(seconds, dtype=np.float64), groups, n_groups, table)


def _own_stores(split: Split, population: Population) -> pd.Series:
    """[n_users] the store with most of a user's remembered visits; missing for cold starts."""
    events = split.remembered.interactions
    visits = events.drop_duplicates(["user", "order"])
    counts = visits.groupby(["user", "store"]).size().rename("visits").reset_index()
    counts = counts.sort_values(["visits", "store"], ascending=[False, True])
    own = counts.drop_duplicates("user").set_index("user")["store"]
    return pd.Series(_real_names(population)).map(own)


def _real_names(population: Population) -> list[str | None]:
    """[n_users] id of the real user behind each; None behind a cold start."""
    pairs = zip(population.originals, population.cold.tolist(), strict=True)
    return [None if cold else name for name, cold in pairs]
