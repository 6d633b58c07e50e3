"""A simulated log and the real histories around it, as tables of who took what."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from footfall.datasets.schema import Dataset
from footfall.datasets.takings import best_rating, taken
from footfall.errors import LogError, UserError
from footfall_eval.reading.load import RunLog

COLUMNS = ["user", "item", "time"]


@dataclass(frozen=True)
class Real:
    """Real takings (purchases, or liked ratings) around a run; frames of ``COLUMNS``."""

    memory: pd.DataFrame
    """Of everybody, before the run begins: what personas and recommenders were made from."""
    window: pd.DataFrame
    """Of the played users, while the run lasts: the real counterpart of the log."""
    later: pd.DataFrame
    """Of the played users, after the run has ended: the test. Nobody has seen it."""
    items: pd.DataFrame
    """``item``, ``title``, ``category``."""
    played: tuple[str, ...]
    """Real users in the run."""
    start: pd.Timestamp
    end: pd.Timestamp


def read_real(log: RunLog, dataset: Dataset) -> Real:
    """Cut ``dataset`` where the run begins and ends.

    Raises:
        UserError: The data set holds none of the run's users, or nothing around the run.
        LogError: The manifest does not say when the run begins.
    """
    start, end = _span(log)
    rows = dataset.interactions
    rows = rows[taken(rows, best_rating(rows))][COLUMNS]
    users = log.table("users_table")
    named = log.per_user()["user"] if users is None else users["user"].astype(str)
    played = tuple(sorted(set(named) & set(rows["user"])))
    if not played:
        raise UserError(
            f"{dataset.name} has none of the users of {log.path}; give the data that the run read"
        )
    mine = rows["user"].isin(played)
    before, after = rows["time"] < start, rows["time"] >= end
    if not before.any():
        raise UserError(f"{dataset.name} holds nothing before {start}, where the run begins")
    return Real(
        memory=rows[before],
        window=rows[mine & ~before & ~after],
        later=rows[mine & after],
        items=dataset.items[["item", "title", "category"]],
        played=played,
        start=start,
        end=end,
    )


def _span(log: RunLog) -> tuple[pd.Timestamp, pd.Timestamp]:
    begin, days = log.start, log.length("days")
    if begin is None or days is None:
        raise LogError(f"{log.path / 'manifest.json'}: does not say when the run begins and ends")
    return begin, begin + pd.Timedelta(days=days)


def simulated_takings(log: RunLog, arms: tuple[str, ...], real: Real, seed: int) -> pd.DataFrame:
    """What simulated users took in some arms, and what a blind user would have.

    Copies and cold users have no real counterpart and are left out. ``blind`` is an item drawn
    from the same page: it tells what the recommenders' slates alone are worth.

    Returns:
        Columns ``user``, ``item``, ``time``, ``blind``, one row a purchase, in a fixed order.
    """
    query = """
        WITH page AS (
            SELECT *, row_number() OVER (PARTITION BY arm, "user", session, page
                                         ORDER BY hash(concat(?, arm, "user", session, page, item)))
                      AS place,
                   row_number() OVER (PARTITION BY arm, "user", session, page
                                      ORDER BY bought DESC NULLS LAST, position) AS rank
            FROM impressions WHERE arm IN (SELECT unnest(?))
        )
        SELECT b."user", b.item, b."time", a.item AS blind
        FROM page b JOIN page a ON a.arm = b.arm AND a."user" = b."user"
             AND a.session = b.session AND a.page = b.page AND a.place = b.rank
        WHERE b.bought ORDER BY b."time", b."user", b.arm, b.session, b.page, b.position
    """
    rows: pd.DataFrame = log.connection.execute(query, [f"{seed}/", list(arms)]).df()
    return rows[rows["user"].isin(real.played)].reset_index(drop=True)


def same_size(
    left: pd.DataFrame, right: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As many rows of every user from both, drawn; users that one side lacks are left out."""
    sizes = [frame.groupby("user").size() for frame in (left, right)]
    least = pd.concat(sizes, axis=1, join="inner").min(axis=1)

    def drawn(frame: pd.DataFrame) -> pd.DataFrame:
        mixed = frame.sample(frac=1.0, random_state=seed)
        place = mixed.groupby("user").cumcount()
        return mixed[place < mixed["user"].map(least).fillna(0)].sort_index()

    return drawn(left), drawn(right)
