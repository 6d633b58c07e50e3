"""Pages of a real log that arms can be judged on: which days, which users, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.fitting.pages.log import PageLog, read_pages
from footfall.runs.histories import Histories
from footfall.scenario.scenario import Scenario
from footfall.serving.logged import LoggedPages

FEWEST_PAGES = 50
"""Pages with propensities below which nothing is estimated."""

MOST_PAGES = 20_000
"""Pages that arms are asked about; of more, users are drawn."""

LOOK_BACK = 0.25
"""Share of the log's length, at its end, that arms are judged on where nothing comes after the
split; at most as many days as the run has."""


@dataclass(frozen=True)
class Judged:
    """The days that arms are judged on."""

    start: pd.Timestamp
    end: pd.Timestamp
    """First moment after them."""
    held_out: bool
    """They come after the split, so that the run's own arms have not seen them."""


def logged_pages(scenario: Scenario, histories: Histories) -> tuple[LoggedPages, Judged] | None:
    """Pages of the judged days and of as many days before, with propensities; None: there are none.

    They are those of the population's real users.
    """
    data = histories.dataset.interactions
    if "propensity" not in data or not histories.dataset.has_pages:
        return None
    known = data.loc[data["propensity"].between(0, 1, inclusive="neither"), "time"]
    if known.empty:
        return None
    judged = _judged_days(scenario, histories.split.at, known)
    length = judged.end - judged.start
    near = data["time"].between(judged.start - length, judged.end, inclusive="left")
    users = sorted({user for user in histories.population.originals if user})
    rows = data[near & data["user"].isin(users)]
    if not (rows["action"] == "view").any():
        return None
    log = read_pages(rows, users, histories.catalogue.ids)
    pages = _as_pages(log, users, judged.start)
    pages = _fewer(pages.take(_usable(pages)), scenario.seed)
    return (pages, judged) if pages.judged.sum() >= FEWEST_PAGES else None


def _judged_days(scenario: Scenario, at: pd.Timestamp, known: pd.Series) -> Judged:
    """The run's days where the log has them, else the last days before the split."""
    length = pd.Timedelta(days=scenario.world.days)
    if (known >= at).sum() >= FEWEST_PAGES:
        return Judged(at, at + length, held_out=True)
    length = min(length, (at - known.min()) * LOOK_BACK)
    start = (at - length).floor("D")
    return Judged(start, at, held_out=False)


def _as_pages(log: PageLog, users: Sequence[str], start: pd.Timestamp) -> LoggedPages:
    """A page a row; places are the logged positions."""
    k = int(log.positions.max(initial=0)) + 1
    n = log.n_pages
    rows = log.positions >= 0
    cells = (log.pages[rows], log.positions[rows])
    items = np.full((n, k), -1, dtype=np.int32)
    items[cells] = log.items[rows]
    propensities = np.full((n, k), np.nan)
    propensities[cells] = log.propensities[rows]
    clicked, bought = np.zeros((n, k), dtype=bool), np.zeros((n, k), dtype=bool)
    clicked[cells], bought[cells] = log.clicked[rows], log.bought[rows]
    first = np.flatnonzero(np.diff(log.pages, prepend=-1))
    times = log.start.to_datetime64() + (log.days[first] * 86_400_000).astype("timedelta64[ms]")
    return LoggedPages(
        users=tuple(users[user] for user in log.users[first].tolist()),
        visits=log.page_visit,
        depths=log.page_number,
        times=times,
        items=items,
        propensities=propensities,
        clicked=clicked,
        bought=bought,
        earlier=log.clicks_earlier,
        judged=times >= start.to_datetime64(),
    )


def _usable(pages: LoggedPages) -> npt.NDArray[np.bool_]:
    """[n] whether there is something on the page, and every chance of it is known."""
    known = np.isfinite(pages.propensities) & (pages.propensities > 0)
    return np.asarray(pages.shown.any(axis=1) & (known | ~pages.shown).all(axis=1))


def _fewer(pages: LoggedPages, seed: int) -> LoggedPages:
    """At most ``MOST_PAGES`` pages, of users drawn by lot."""
    if len(pages) <= MOST_PAGES:
        return pages
    codes, users = pd.factorize(np.asarray(pages.users, dtype=object))
    order = np.random.default_rng(seed).permutation(len(users))
    counts = np.bincount(codes)[order]
    kept = np.zeros(len(users), dtype=bool)
    kept[order[np.cumsum(counts) <= MOST_PAGES]] = True
    return pages.take(kept[codes])
