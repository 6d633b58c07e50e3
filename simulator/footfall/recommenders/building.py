"""From a line of the scenario to a recommender that answers.

Every kind is made by one function, an entry point of ``GROUP`` under the kind's name. So the
libraries of a kind (LensKit brings torch along: seconds) are loaded by runs that name it, and
recommenders of other packages come in by the same door as Footfall's own.
"""

from __future__ import annotations

from pathlib import Path

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Split
from footfall.plumbing import plugins
from footfall.recommenders.patience import PatientRecommender
from footfall.recommenders.protocol import Materials, Recommender
from footfall.recommenders.specs import GROUP, RecommenderSpec


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
    make = plugins.load(GROUP, spec.kind)
    blind = Split(split.at, split.remembered, split.held_out.iloc[:0])
    made: Recommender = make(spec, Materials(blind, catalogue, base, seed))
    every = getattr(spec, "retrain", None)
    return PatientRecommender(made, every) if isinstance(every, int) else made
