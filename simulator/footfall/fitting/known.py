"""Everything that may be known when users of a stage, or of a run, choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from footfall.behaviour.features import Bools, PairFeatures, Past, Tags, view_crowd
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset
from footfall.datasets.takings import best_rating, taken
from footfall.fitting.stages import Stage
from footfall.users.population import Population


@dataclass(frozen=True, eq=False)
class Known:
    """Own pasts, those of a crowd, and the features that follow from both."""

    past: Past
    """The users who choose, numbered as in their choice sets or population."""
    crowd: Past
    """Other users."""
    features: PairFeatures
    n_items: int

    @classmethod
    def of_stage(cls, stage: Stage, catalogue: Catalogue, items: pd.DataFrame) -> Known:
        """What is known before the choices of a stage; ``items`` is the catalogue's frame."""
        own = Past.of_rows(
            stage.memory, stage.users, catalogue, moments(stage), stage.liked(stage.memory)
        )
        return cls._from(own, stage.crowd, stage.liked(stage.crowd), catalogue, items, stage.at)

    @classmethod
    def of_population(
        cls, population: Population, crowd: Dataset, catalogue: Catalogue, at: pd.Timestamp
    ) -> Known:
        """What the users of a run know at its start; ``crowd`` holds rows before ``at`` only."""
        rows = crowd.interactions
        own = Past.of_population(population, at)
        return cls._from(own, rows, taken(rows, best_rating(rows)), catalogue, crowd.items, at)

    @classmethod
    def _from(
        cls,
        own: Past,
        crowd: pd.DataFrame,
        liked: Bools,
        catalogue: Catalogue,
        items: pd.DataFrame,
        at: pd.Timestamp,
    ) -> Known:
        tags = Tags.of_items(items)
        view = view_crowd(crowd, catalogue, tags, liked)
        others = Past.of_rows(crowd, sorted(crowd["user"].unique()), catalogue, at, liked)
        return cls(own, others, PairFeatures.build(own, view, tags, catalogue), len(catalogue))


def moments(stage: Stage) -> pd.Timestamp | pd.Series:
    """When features are wanted: the stage's start, or, later, each user's own first choice."""
    if (stage.memory["time"] < stage.at).all():
        return stage.at
    first = stage.choices.groupby("user")["time"].min()
    return first.reindex(np.asarray(stage.users, dtype=object))
