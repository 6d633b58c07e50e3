"""ASOS Digital Experiments: outcomes of real tests without what their arms looked like.

Liu et al.: "Datasets for Online Controlled Experiments", NeurIPS 2021 (osf.io/64jsb). Good for
the statistics only: noise, sample ratios, sizes of effects. There is nothing to read in it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from footfall.datasets.cells import numbers
from footfall.datasets.experiments.upworthy import RawExperiments
from footfall.datasets.frames import read_frame
from footfall.errors import DataError

COLUMNS = (
    "experiment_id",
    "variant_id",
    "metric_id",
    "time_since_start",
    "count_c",
    "count_t",
    "mean_c",
    "mean_t",
)
"""Columns without which it is another table."""

ABOUT = "Outcomes of online experiments of ASOS (Liu et al., NeurIPS 2021); no presentations."
LICENCE = "see osf.io/64jsb"


def read(path: Path, metric: int) -> RawExperiments:
    """The last checkpoint of each experiment's variants and their control, for one metric.

    Raises:
        DataError: It cannot be read, or the metric is not a count.
    """
    raw = read_frame(path, list(COLUMNS)).frame
    values = {name: numbers(raw[name]).astype(float) for name in COLUMNS[2:]}
    rows = pd.DataFrame({**{name: raw[name].astype(str) for name in COLUMNS[:2]}, **values})
    rows = rows[rows["metric_id"] == metric].dropna()
    if rows.empty:
        raise DataError(f"{path}: no rows of metric {metric}; there are 1 to 4")
    rows = rows.sort_values("time_since_start", kind="stable")
    last = rows.drop_duplicates(["experiment_id", "variant_id"], keep="last")
    control = last.drop_duplicates("experiment_id", keep="last")
    parts = [_side(control, "c").assign(variant="control"), _side(last, "t")]
    arms = pd.concat(parts, ignore_index=True)
    return RawExperiments(arms.drop(columns="variant"), (), ABOUT, LICENCE)


def _side(rows: pd.DataFrame, side: str) -> pd.DataFrame:
    shown = rows[f"count_{side}"].round()
    return pd.DataFrame(
        {
            "test": rows["experiment_id"],
            "story": rows["experiment_id"],
            "variant": rows["variant_id"],
            "title": "",
            "shown": shown,
            "taken": (rows[f"mean_{side}"] * shown).round(),
        }
    )
