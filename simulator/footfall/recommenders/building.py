"""From a line of the scenario to a recommender that answers."""

from __future__ import annotations

from pathlib import Path

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Split
from footfall.recommenders.callable import load_callable
from footfall.recommenders.chance import build_chance
from footfall.recommenders.http import HttpRecommender
from footfall.recommenders.patience import PatientRecommender
from footfall.recommenders.protocol import Recommender
from footfall.recommenders.specs import (
    CallableSpec,
    HttpSpec,
    RandomSpec,
    RecommenderSpec,
    ShuffledSpec,
    TableSpec,
)
from footfall.recommenders.table import TableRecommender


def build(
    spec: RecommenderSpec, split: Split, catalogue: Catalogue, *, base: Path, seed: int
) -> Recommender:
    """Make (and train) the recommender that ``spec`` describes.

    Args:
        spec: What the scenario asks for.
        split: Only ``split.remembered`` is ever shown to a recommender.
        catalogue: The items of the same data set.
        base: Folder of the scenario file; relative paths and modules start there.
        seed: Luck of the training (initial factors); a page's luck is ``Request.seed``.

    Raises:
        UserError: if it cannot be built; one line that says what to change.
    """
    made = _build(spec, split, catalogue, base=base, seed=seed)
    every = getattr(spec, "retrain", None)
    return PatientRecommender(made, every) if isinstance(every, int) else made


def _build(
    spec: RecommenderSpec, split: Split, catalogue: Catalogue, *, base: Path, seed: int
) -> Recommender:
    match spec:
        case TableSpec():
            return TableRecommender.read(base / spec.path)
        case CallableSpec():
            return load_callable(spec, split, catalogue, base=base, seed=seed)
        case HttpSpec():
            return HttpRecommender(spec)
        case RandomSpec() | ShuffledSpec():
            return build_chance(spec, split.remembered, catalogue)
        case _:
            # LensKit loads torch: seconds that a run with tables or HTTP need not wait for
            from footfall.recommenders.lenskit_models import build_lenskit  # noqa: PLC0415

            return build_lenskit(spec, split.remembered, catalogue, seed=seed)
