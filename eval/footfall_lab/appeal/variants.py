"""Tables of wordings to rank."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from footfall.appeal.model import Appeal
from footfall.appeal.ranking import WordingRanking, rank_scores
from footfall.datasets.base import resolve
from footfall.datasets.frames import read_frame, read_names
from footfall.errors import DataError, did_you_mean


def read_variants(path: Path) -> pd.DataFrame:
    """``item`` and ``title`` of a table, in its order; one item where the table names none.

    Raises:
        DataError: There is no column ``title``, a title is empty, or an item has one wording only.
    """
    file = resolve(path, Path.cwd())
    known = read_names(file)
    title = next((name for name in ("title", "headline", "wording") if name in known), None)
    if title is None:
        raise DataError(f'{path}: no column "title"; {did_you_mean("title", known)}')
    raw = read_frame(file, [title, *(["item"] if "item" in known else [])]).frame
    item = raw["item"].fillna("").astype(str) if "item" in raw else ""
    rows = pd.DataFrame({"item": item, "title": raw[title].fillna("").astype(str).str.strip()})
    if (rows["title"] == "").any():
        row = int((rows["title"] == "").to_numpy().argmax())
        raise DataError(f"{path}: row {row + 1} has no {title}")
    alone = rows.groupby("item")["title"].transform("nunique") < 2
    if rows.empty or alone.any():
        which = f' of item "{rows.loc[alone, "item"].iloc[0]}"' if alone.any() else ""
        raise DataError(f"{path}: two different wordings{which} are needed to compare")
    return rows


def rank_table(appeal: Appeal, path: Path, sure: float) -> list[WordingRanking]:
    """One ranking an item, in the order of the table; all wordings are read together."""
    rows = read_variants(path).drop_duplicates()
    rows = rows.reset_index(drop=True)
    scores = appeal.score(rows["title"].tolist())
    return [
        rank_scores(
            scores[group.index.to_numpy()],
            group["title"].tolist(),
            appeal.noises,
            str(item),
            sure,
        )
        for item, group in rows.groupby("item", sort=False)
    ]
