"""KuaiRec and KuaiRand: short videos on Kuaishou, all of them really shown."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from footfall.datasets.base import Source, resolve
from footfall.datasets.cleaning import finish
from footfall.datasets.draft import Draft
from footfall.datasets.ids import as_id
from footfall.datasets.movielens import sessions
from footfall.datasets.published import PublishedTable, add_notes, find, read_columns
from footfall.datasets.schema import Dataset

REC_ABOUT = (
    "KuaiRec (Gao et al., CIKM 2022): how long users of Kuaishou watched short videos, 2020. In "
    "the small matrix nearly every user saw nearly every video, so nothing is missing because of "
    "a recommender. A view here counts as a click when it was watched long enough (`watched`)."
)
RAND_ABOUT = (
    "KuaiRand (Gao et al., CIKM 2022): impressions of short videos on Kuaishou, April and May "
    "2022; in log_random the videos were put into the feed by lot, uniformly."
)
LICENCE = "CC BY-SA 4.0"

WATCHED = (
    "user_id", "video_id", "play_duration", "video_duration", "time", "date", "timestamp",
    "watch_ratio",
)  # fmt: skip
CAPTION = (
    "video_id", "manual_cover_text", "caption", "topic_tag", "first_level_category_id",
    "first_level_category_name", "second_level_category_id", "second_level_category_name",
    "third_level_category_id", "third_level_category_name",
)  # fmt: skip
LOGGED = (
    "user_id", "video_id", "date", "hourmin", "time_ms", "is_click", "is_like", "is_follow",
    "is_comment", "is_forward", "is_hate", "long_view", "play_time_ms", "duration_ms",
    "profile_stay_time", "comment_stay_time", "is_profile_enter", "is_rand", "tab",
)  # fmt: skip
VIDEO = (
    "video_id", "author_id", "video_type", "upload_dt", "upload_type", "visible_status",
    "video_duration", "server_width", "server_height", "music_id", "music_type", "tag",
)  # fmt: skip
PROFILE = (
    "user_active_degree", "is_lowactive_period", "is_live_streamer", "is_video_author",
    "follow_user_num_range", "fans_user_num_range", "friend_user_num_range",
    "register_days_range",
)  # fmt: skip
"""Columns of the users that a person can read; the others are numbers of unknown meaning."""
UNREADABLE = (
    "follow_user_num", "fans_user_num", "friend_user_num", "register_days",
    *(f"onehot_feat{number}" for number in range(18)),
)  # fmt: skip


class KuaiRecSource(Source):
    """KuaiRec 2.0, unpacked."""

    kind: Literal["kuairec"] = "kuairec"
    path: Path
    """Folder with ``small_matrix.csv`` or ``big_matrix.csv`` and the tables beside them."""
    matrix: Literal["small", "big"] = "small"
    """``small``: nearly complete, 1,411 users. ``big``: what the app chose to show 7,176."""
    watched: float = Field(default=2.0, gt=0)
    """Watch ratio from which a view counts as a click; 2 as in the data set's paper."""
    session_gap: float = Field(default=30, gt=0)
    """Minutes without a view after which the next one starts a new visit (``order``)."""


class KuaiRandSource(Source):
    """KuaiRand (Pure, 1K or 27K), unpacked."""

    kind: Literal["kuairand"] = "kuairand"
    path: Path
    """Folder with ``log_standard_*.csv``, ``log_random_*.csv`` and the feature tables."""
    logs: Literal["standard", "random", "both"] = "both"
    """Which logs to read; ``random`` is what was shown by lot."""
    session_gap: float = Field(default=30, gt=0)
    """Minutes without a view after which the next one starts a new visit (``order``)."""


def read_rec(source: KuaiRecSource, base: Path) -> Dataset:
    """Load KuaiRec; all rows are views, long ones also clicks.

    Raises:
        DataError: A file is missing, or not in the published layout.
    """
    folder = resolve(source.path, base)
    path = find(folder, [f"{source.matrix}_matrix.csv"], "KuaiRec")[0]
    log = read_columns(path, WATCHED, ("user_id", "video_id", "timestamp", "watch_ratio"))
    views = _views(log, log.moments("timestamp", "s"))
    ratio = log.numbers("watch_ratio").to_numpy()
    clicked = np.where(np.isnan(ratio), np.nan, ratio >= source.watched)
    captions = [
        read_columns(file, CAPTION, ("video_id", "caption"))
        for file in sorted(folder.glob("kuairec_caption_category.csv"))
    ]
    return _finished(
        "kuairec", REC_ABOUT, views, clicked, source.session_gap, [log], captions, folder
    )


def read_rand(source: KuaiRandSource, base: Path) -> Dataset:
    """Load KuaiRand; all rows are views, those with ``is_click`` also clicks.

    Raises:
        DataError: A file is missing, or not in the published layout.
    """
    folder = resolve(source.path, base)
    wanted = ("standard", "random") if source.logs == "both" else (source.logs,)
    files = find(folder, [f"log_{name}*.csv" for name in wanted], "KuaiRand")
    logs = [read_columns(f, LOGGED, ("user_id", "video_id", "time_ms", "is_click")) for f in files]
    views = pd.concat(
        [_views(log, log.moments("time_ms", "ms")).assign(arm=_arm(log)) for log in logs]
    )
    clicked = np.concatenate([log.numbers("is_click").to_numpy() for log in logs])
    videos = [
        read_columns(file, VIDEO, ("video_id",))
        for file in sorted(folder.glob("video_features_basic*.csv"))
    ]
    return _finished(
        "kuairand", RAND_ABOUT, views, clicked, source.session_gap, logs, videos, folder
    )


def _views(log: PublishedTable, time: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user": _whole(log.frame["user_id"]),
            "item": _whole(log.frame["video_id"]),
            "time": time,
        }
    )


def _whole(column: pd.Series) -> pd.Series:
    """Ids of this layout are whole numbers; copies have some of them with a point."""
    return as_id(column.str.replace(r"\.0+$", "", regex=True))


def _arm(log: PublishedTable) -> pd.Series:
    """Who chose the video: the app's own policy, or the lot, which replaced some of its choices."""
    frame = log.frame
    if "is_rand" not in frame:
        return pd.Series("", frame.index)
    return log.numbers("is_rand").map({0.0: "standard", 1.0: "random"}).fillna("")


def _finished(
    name: str, about: str, views: pd.DataFrame, clicked: np.ndarray, gap: float,
    logs: list[PublishedTable], videos: list[PublishedTable], folder: Path,
) -> Dataset:  # fmt: skip
    # Silence is not "no click"; broken lines go on, to be counted as what they are.
    said = np.isin(clicked, (0, 1)) | views["item"].isna().to_numpy()
    views = views[said].reset_index(drop=True)
    views = views.assign(order=sessions(views, gap), action="view")
    clicks = views[clicked[said] == 1].assign(action="click")
    rows = pd.concat([views, clicks], ignore_index=True)
    people = [
        read_columns(file, ("user_id", *PROFILE, *UNREADABLE), ("user_id",))
        for file in sorted(folder.glob("user_features*.csv"))
    ]
    draft = Draft(
        name=name,
        interactions=rows,
        items=_videos(videos, rows),
        users=_profiles(people),
        about=about,
        licence=LICENCE,
    )
    add_notes(draft, *logs, *videos, *people)
    draft.note("view that does not say whether it was clicked", "dropped", int((~said).sum()))
    return finish(draft)


def _videos(tables: list[PublishedTable], rows: pd.DataFrame) -> pd.DataFrame:
    """What the videos are; those that no table describes keep their number."""
    seen = pd.DataFrame({"item": rows["item"].dropna().unique()})
    if not tables:
        return seen.assign(title="")
    frame = pd.concat([table.frame for table in tables], ignore_index=True)
    nothing = pd.Series("", frame.index)
    described = pd.DataFrame(
        {
            "item": _whole(frame["video_id"]),
            "title": frame.get("caption", nothing).fillna(""),
            "category": frame.get("first_level_category_name", frame.get("tag", nothing)),
        }
    )
    unlisted = seen[~seen["item"].isin(described["item"])].assign(title="", category="")
    return pd.concat([described, unlisted], ignore_index=True)


def _profiles(tables: list[PublishedTable]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame({"user": []})
    frame = pd.concat([table.frame for table in tables], ignore_index=True)
    kept = [column for column in PROFILE if column in frame]
    return frame.assign(user=_whole(frame["user_id"]))[["user", *kept]]
