"""From a line of the scenario to a recommender that answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset, Split
from footfall.recommenders.callable import load_callable
from footfall.recommenders.chance import build_chance
from footfall.recommenders.http import HttpRecommender
from footfall.recommenders.learning import Learning
from footfall.recommenders.patience import PatientRecommender
from footfall.recommenders.protocol import Recommender
from footfall.recommenders.ranking import RankedRecommender, Scorer
from footfall.recommenders.specs import (
    CallableSpec,
    HttpSpec,
    RecommenderSpec,
    TableSpec,
)
from footfall.recommenders.table import TableRecommender
from footfall.recommenders.trained_specs import (
    ContentSpec,
    HybridSpec,
    RandomSpec,
    SequentialSpec,
    ShuffledSpec,
    Trained,
)

if TYPE_CHECKING:
    from footfall.recommenders.lenskit_models import LensKitSpec


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
            return _ranked(spec, split.remembered, catalogue, seed)


def _ranked(
    spec: Trained, remembered: Dataset, catalogue: Catalogue, seed: int
) -> RankedRecommender:
    """Train a recommender that scores all items."""
    return RankedRecommender(
        Learning(remembered, catalogue, spec.positive, spec.window_days),
        _training(spec, remembered, catalogue, seed),
        exclude_known=spec.exclude_known,
        retrain=spec.retrains,
    )


def _training(
    spec: Trained, remembered: Dataset, catalogue: Catalogue, seed: int
) -> Callable[[Learning], Scorer]:
    """How a recommender is trained, now and whenever it has learned more."""
    # Each kind loads libraries of its own, LensKit and torch among them: seconds that a run with
    # tables or HTTP need not wait for.
    match spec:
        case HybridSpec():
            from footfall.recommenders.hybrid import train_hybrid  # noqa: PLC0415

            parts = [_training(part, remembered, catalogue, seed) for part in spec.of]
            return partial(train_hybrid, spec, parts)
        case ContentSpec():
            from footfall.recommenders.content import ContentScorer, item_rows  # noqa: PLC0415

            return partial(ContentScorer, item_rows(spec, remembered, catalogue))
        case SequentialSpec():
            from footfall.recommenders.sequential import train_sequential  # noqa: PLC0415

            return partial(train_sequential, spec, seed)
        case _:
            from footfall.recommenders.lenskit_models import train_lenskit  # noqa: PLC0415

            return partial(train_lenskit, cast("LensKitSpec", spec), seed)
