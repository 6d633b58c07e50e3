"""Did recommenders show what real users went on to choose? Against held-out real choices.

The usual offline measures, by LensKit, on each user's first page of the first visit. They need
no language model and no simulation of choices: a check on the recommenders, not on the users.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from footfall.errors import DataError
from footfall_eval.reading.load import RunLog

MEASURES = ("hit_rate", "recall", "ndcg", "mrr")

MOST_USERS = 5_000
"""Users judged, picked by a hash of their name; the means do not need more."""


@dataclass(frozen=True)
class Quality:
    """Offline quality of one arm; means over ``users``."""

    arm: str
    users: int
    """With a first page in this arm and at least one held-out choice."""
    hit_rate: float
    """Users with at least one held-out item on the page."""
    recall: float
    """Held-out items on the page, of those of the user."""
    ndcg: float
    mrr: float
    """Mean of 1 / rank of the first held-out item, 0 where there is none."""


def quality(log: RunLog, held_out: pd.DataFrame) -> tuple[Quality, ...]:
    """Judge every arm's first pages.

    Args:
        log: The run.
        held_out: Columns ``user`` and ``item``: real choices after the split.

    Raises:
        DataError: A column is missing.
    """
    lists = quality_per_user(log, held_out)
    nan = float("nan")
    found = []
    for arm in log.arms:
        own = lists[lists["arm"] == arm]
        means = {name: float(own[name].mean()) if len(own) else nan for name in MEASURES}
        found.append(Quality(arm=arm, users=len(own), **means))
    return tuple(found)


def quality_per_user(log: RunLog, held_out: pd.DataFrame) -> pd.DataFrame:
    """One row a (arm, user) with the four measures, for paired tests of your own."""
    from lenskit.data import ItemList  # noqa: PLC0415 - brings torch along
    from lenskit.metrics import NDCG, Hit, Recall, RecipRank  # noqa: PLC0415 - likewise

    measures = dict(zip(MEASURES, (Hit(), Recall(), NDCG(), RecipRank()), strict=True))
    for name in ("user", "item"):
        if name not in held_out.columns:
            raise DataError(f"the held-out choices have no column {name!r}; they need user, item")
    chosen = held_out[["user", "item"]].astype(str).drop_duplicates()
    truth = {str(user): list(items) for user, items in chosen.groupby("user")["item"]}
    first = log.execute(
        """
        SELECT arm, "user", list(item ORDER BY position) AS items
        FROM impressions WHERE session = 0 AND page = 0
        AND "user" IN (
            SELECT "user" FROM (SELECT unnest(?) AS "user") ORDER BY md5("user") LIMIT ?
        )
        GROUP BY arm, "user" ORDER BY arm, "user"
        """,
        [list(truth), MOST_USERS],
    ).fetchall()
    rows = []
    for arm, user, items in first:
        shown, real = ItemList(item_ids=items, ordered=True), ItemList(item_ids=truth[user])
        scores = {name: float(m.measure_list(shown, real)) for name, m in measures.items()}
        rows.append({"arm": arm, "user": user, **scores})
    return pd.DataFrame(rows, columns=["arm", "user", *MEASURES])
