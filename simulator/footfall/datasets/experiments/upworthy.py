"""The Upworthy Research Archive's table of packages, as published.

Matias, Munger, Aubin Le Quere and Ebersole: "The Upworthy Research Archive, a time series of
32,487 experiments in U.S. media", Scientific Data 8, 2021. Columns and doubts after the
archive's own page (upworthy.natematias.com, "About the archive").
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from footfall.datasets.frames import read_frame
from footfall.datasets.schema import Cleaning

COLUMNS = (
    "created_at",
    "clickability_test_id",
    "excerpt",
    "headline",
    "eyecatcher_id",
    "impressions",
    "clicks",
)
"""Columns without which it is another table."""

RISKS = ("randomization_imbalance_risk", "randomization_imbalace_risk")
"""The archive's own flag of tests whose randomisation is in doubt, also as its page spells it."""

DOUBTFUL = (pd.Timestamp("2013-06-25"), pd.Timestamp("2014-01-11"))
"""Tests of this time are in doubt, says the archive's note of June 2024: dropped and counted."""

ABOUT = (
    "Headline tests of Upworthy, January 2013 to April 2015 (Matias et al., Scientific Data 8, "
    "2021). The archive's column `significance` is not a statistical one and is not read."
)
LICENCE = "Ask the archive's terms before you pass it on: upworthy.natematias.com"


@dataclass(frozen=True)
class RawExperiments:
    """Arms as a source has them, and what was left out so far."""

    arms: pd.DataFrame
    cleaning: tuple[Cleaning, ...] = ()
    about: str = ""
    licence: str = ""


def read(path: Path, known: list[str]) -> RawExperiments:
    """Read the archive's CSV; ``known`` are its columns.

    Raises:
        DataError: It cannot be read.
    """
    risks = [name for name in RISKS if name in known]
    raw = read_frame(path, [*COLUMNS, *risks]).frame
    created = pd.to_datetime(raw["created_at"].astype(str), errors="coerce", utc=True)
    day = created.dt.tz_localize(None)
    doubtful = (day >= DOUBTFUL[0]) & (day < DOUBTFUL[1])
    for name in risks:
        doubtful |= raw[name].astype(str).str.lower().isin({"true", "1", "1.0"})
    arms = pd.DataFrame(
        {
            "test": raw["clickability_test_id"],
            "title": raw["headline"],
            "text": raw["excerpt"],
            "image": raw["eyecatcher_id"],
            "shown": raw["impressions"],
            "taken": raw["clicks"],
            "time": (day - pd.Timestamp(0)).dt.total_seconds(),
        }
    )
    problem = "arm of a test whose randomisation the archive doubts"
    notes = (Cleaning(problem, "dropped", int(doubtful.sum())),) if doubtful.any() else ()
    return RawExperiments(arms[~doubtful], notes, ABOUT, LICENCE)
