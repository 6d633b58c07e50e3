"""MIND: what Microsoft News showed on its front page, and what was clicked."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from footfall.datasets.base import Source, resolve
from footfall.datasets.cleaning import finish
from footfall.datasets.draft import Draft
from footfall.datasets.published import PublishedTable, add_notes, read_columns
from footfall.datasets.schema import Dataset

ABOUT = (
    "MIND (Wu et al., ACL 2020): impressions and clicks on Microsoft News, October and November "
    "2019. News live for a day or two. The order on the page is not recorded. Clicks before the "
    "log are listed without a time: they stand just before the log, oldest first."
)
LICENCE = "Microsoft Research License: research only, no redistribution"

BEHAVIOURS = ("impression", "user", "time", "history", "shown")
NEWS = (
    "item", "category", "subcategory", "title", "abstract", "url", "title_entities",
    "abstract_entities",
)  # fmt: skip
TIME = "%m/%d/%Y %I:%M:%S %p"


class MindSource(Source):
    """A part of MIND, for instance MINDsmall_train: the folder, or the zip as downloaded."""

    kind: Literal["mind"] = "mind"
    path: Path
    """Folder or zip with ``behaviors.tsv`` and ``news.tsv``."""
    history: bool = True
    """Read the earlier clicks, which have no times of their own."""


def read(source: MindSource, base: Path) -> Dataset:
    """Load impressions as views, with a click beside the view of what was clicked.

    Raises:
        DataError: A file is missing, or not in the published layout.
    """
    path = resolve(source.path, base)
    log = read_columns(path / "behaviors.tsv", BEHAVIOURS, BEHAVIOURS, separator="\t", header=False)
    news = read_columns(path / "news.tsv", NEWS, NEWS[:4], separator="\t", header=False)
    log.frame["time"] = pd.to_datetime(log.frame["time"], format=TIME, errors="coerce")
    shown, broken = _shown(log)
    earlier = _history(log) if source.history else shown.head(0)
    draft = Draft(
        name="mind",
        interactions=pd.concat([earlier, shown], ignore_index=True),
        items=news.frame[["item", "title", "category", "subcategory"]].copy(),
        users=pd.DataFrame({"user": []}),
        about=ABOUT,
        licence=LICENCE,
    )
    add_notes(draft, log, news)
    draft.interactions = draft.interactions.assign(page=draft.interactions["order"])
    draft.note("shown item that does not say whether it was clicked", "dropped", broken)
    draft.note("earlier click without a time", "repaired to just before the log", len(earlier))
    return finish(draft)


def _shown(log: PublishedTable) -> tuple[pd.DataFrame, int]:
    """A view for each item shown and a click for each clicked; and how many say neither."""
    frame = log.frame.assign(shown=log.frame["shown"].fillna("").str.split())
    rows = frame.explode("shown").dropna(subset=["shown"])
    parts = rows["shown"].str.extract(r"^(.+)-([01])$")
    good = parts[0].notna().to_numpy()
    rows = rows[good].assign(item=parts.loc[good, 0], order=rows["impression"][good])
    views = rows[["user", "item", "time", "order"]].assign(action="view")
    clicks = views[(parts.loc[good, 1] == "1").to_numpy()].assign(action="click")
    return pd.concat([views, clicks], ignore_index=True), int((~good).sum())


def _history(log: PublishedTable) -> pd.DataFrame:
    """Each user's longest list of earlier clicks, a second apart, before the log begins."""
    known = log.frame.dropna(subset=["user", "history"])
    length = known["history"].str.count(" ")
    longest = known.assign(length=length).sort_values(["length", "history"]).groupby("user").tail(1)
    lists = longest.set_index("user")["history"].str.split()
    rows = lists.explode().rename("item").reset_index()
    left = rows.groupby("user").cumcount(ascending=False).to_numpy() + 1
    start = log.frame["time"].min()
    times = start - pd.to_timedelta(left.astype(np.int64), unit="s")
    return rows.assign(time=times, order="", action="click")[
        ["user", "item", "time", "order", "action"]
    ]
