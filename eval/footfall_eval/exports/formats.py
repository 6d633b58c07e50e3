"""The formats of ``footfall export``: one writer each, from an ``Exported`` into a folder.

Every format holds all impressions, the unclicked ones included, with the exact chances of the
choice and of the recommender beside them: as further columns where the format takes them, else
in ``impressions.csv`` next to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from footfall_eval.exports import bandit, lenskit_data, recbole
from footfall_eval.exports.source import Exported, ordered, store, table


@dataclass(frozen=True)
class Format:
    """A way to write a log."""

    about: str
    """For people, one line."""
    write: Callable[[Exported, Path], None]
    """Raises ``UserError`` where the log lacks what the format needs."""
    spreadsheet: bool = False
    """Files may be opened in a spreadsheet, so text that starts a formula is escaped."""
    further_columns: str = ""
    """Which columns mean something else than in data sets of this format."""


SHOWN = ordered("SELECT * EXCLUDE (user_number, item_number) FROM shown")
VISITS = 'FROM visits ORDER BY arm, "user", session'
PEOPLE = 'SELECT * EXCLUDE (user_number) FROM people ORDER BY "user"'
GOODS = "SELECT item, title, category, price FROM goods ORDER BY item"
TABLES = {"impressions": SHOWN, "sessions": VISITS, "users": PEOPLE, "items": GOODS}


def write_parquet(exported: Exported, folder: Path) -> None:
    """The log's own tables."""
    for name, query in TABLES.items():
        exported.connection.sql(query).write_parquet(
            str(folder / f"{name}.parquet"), compression="zstd"
        )


def write_csv(exported: Exported, folder: Path) -> None:
    """The log's own tables; times in ISO 8601, UTC."""
    for name, query in TABLES.items():
        table(exported, query, folder / f"{name}.csv")


def write_huggingface(exported: Exported, folder: Path) -> None:
    """A dataset folder: one configuration a table; the card names them (see ``card``)."""
    for name, query in TABLES.items():
        (folder / name).mkdir()
        exported.connection.sql(query).write_parquet(
            str(folder / name / "train-00000-of-00001.parquet"), compression="zstd"
        )


RATINGS = """
    SELECT user_number + 1 AS userId, item_number + 1 AS movieId,
           CASE WHEN bool_or(bought) THEN 5.0 ELSE 4.0 END AS rating,
           CAST(floor(epoch_ms(max("time")) / 1000) AS BIGINT) AS "timestamp"
    FROM shown WHERE clicked GROUP BY userId, movieId ORDER BY userId, movieId
"""
"""Each pair once, as its readers insist: the best that it came to, when it last happened."""
MOVIES = """
    SELECT item_number + 1 AS movieId, title,
           CASE category WHEN '' THEN '(no genres listed)' ELSE category END AS genres
    FROM goods ORDER BY movieId
"""
NUMBERED = ordered("""
    SELECT user_number + 1 AS userId, item_number + 1 AS movieId,
           * EXCLUDE ("user", item, user_number, item_number)
    FROM shown
""")


def write_movielens(exported: Exported, folder: Path) -> None:
    """``ratings.csv`` and ``movies.csv`` of ml-latest, and every impression beside them."""
    table(exported, RATINGS, folder / "ratings.csv")
    table(exported, MOVIES, folder / "movies.csv")
    table(exported, NUMBERED, folder / "impressions.csv")
    _write_links(exported, folder)


KUAIRAND = ordered("""
    SELECT user_number AS user_id, item_number AS video_id,
           CAST(strftime("time", '%Y%m%d') AS INTEGER) AS "date",
           CAST(strftime("time", '%H%M') AS INTEGER) AS hourmin,
           epoch_ms("time") AS time_ms, CAST(clicked AS TINYINT) AS is_click,
           NULL AS is_like, NULL AS is_follow, NULL AS is_comment, NULL AS is_forward,
           NULL AS is_hate, NULL AS long_view, NULL AS play_time_ms, NULL AS duration_ms,
           NULL AS profile_stay_time, NULL AS comment_stay_time, NULL AS is_profile_enter,
           {flag} AS is_rand, arm AS tab, CAST(bought AS TINYINT) AS is_buy, session, page,
           position, price, propensity, p_examine, p_click, p_buy, utility, llm, score
    FROM shown WHERE arm {which} (FROM uniform_arms)
""")
KUAIRAND_VIDEOS = """
    SELECT item_number AS video_id, NULL AS author_id, NULL AS video_type, NULL AS upload_dt,
           NULL AS video_duration, category AS tag, title, price
    FROM goods ORDER BY video_id
"""
KUAIRAND_USERS = "SELECT user_number AS user_id FROM people ORDER BY user_id"


def write_kuairand(exported: Exported, folder: Path) -> None:
    """KuaiRand's log, video and user tables; what nobody could do here is empty, not 0."""
    uniform = [
        str(arm["name"])
        for arm in (exported.manifest.get("scenario") or {}).get("arms") or []
        if (arm.get("recommender") or {}).get("kind") == "random"
    ]
    store(exported.connection, "uniform_arms", pd.DataFrame({"arm": pd.Series(uniform, dtype=str)}))
    table(exported, KUAIRAND.format(flag=0, which="NOT IN"), folder / "log_standard.csv")
    table(exported, KUAIRAND.format(flag=1, which="IN"), folder / "log_random.csv")
    table(exported, KUAIRAND_VIDEOS, folder / "video_features_basic.csv")
    table(exported, KUAIRAND_USERS, folder / "user_features.csv")
    _write_links(exported, folder)


def _write_links(exported: Exported, folder: Path) -> None:
    """Which number is which exported item and user."""
    items = "SELECT item_number AS number, item FROM goods ORDER BY number"
    users = 'SELECT user_number AS number, "user" FROM people ORDER BY number'
    if (folder / "ratings.csv").exists():
        items, users = (q.replace("_number AS", "_number + 1 AS") for q in (items, users))
    table(exported, items, folder / "item_numbers.csv")
    table(exported, users, folder / "user_numbers.csv")


FORMATS = {
    "parquet": Format("the log's own tables as Parquet", write_parquet),
    "csv": Format(
        "the log's own tables as CSV",
        write_csv,
        spreadsheet=True,
        further_columns=(
            'Ids are text, also where they look like numbers or like "NA": '
            "`pandas.read_csv(FILE, dtype={'user': str, 'item': str}, keep_default_na=False)` "
            "reads them so."
        ),
    ),
    "huggingface": Format("a Hugging Face dataset folder with a card", write_huggingface),
    "recbole": Format(
        "RecBole atomic files (.inter, .item, .user)",
        recbole.write,
        further_columns=(
            "`label` is 1 for a click and 0 for an impression without one; `value` is 0 where "
            "nothing was bought."
        ),
    ),
    "movielens": Format(
        "ratings.csv and movies.csv as MovieLens has them",
        write_movielens,
        spreadsheet=True,
        further_columns=(
            "`rating` is 5 for a purchase and 4 for a click, once a pair: nobody rated anything."
        ),
    ),
    "lenskit": Format("a LensKit data set with impressions, clicks, purchases", lenskit_data.write),
    "open-bandit": Format(
        "Open Bandit feedback, one folder an arm that has propensities",
        bandit.write,
        spreadsheet=True,
        further_columns=(
            "`pscore` is the marginal probability of the item at its position; `context` holds "
            "hour and weekday."
        ),
    ),
    "kuairand": Format(
        "KuaiRand's columns; random arms in log_random.csv",
        write_kuairand,
        spreadsheet=True,
        further_columns="`tab` is the arm; feedback that simulated users do not give is empty.",
    ),
}
"""By the name that ``--format`` takes."""
