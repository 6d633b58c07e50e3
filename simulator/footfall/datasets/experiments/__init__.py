"""Past experiments: randomised tests of presentations, read, checked, and their noise measured."""

from footfall.datasets.experiments.noise import Noise, measure_noise
from footfall.datasets.experiments.pairs import Pairs, pairs_of
from footfall.datasets.experiments.ratio import RatioCheck, check_ratios
from footfall.datasets.experiments.schema import ARMS, Experiments
from footfall.datasets.experiments.sources import ExperimentsSource, read, read_experiments

__all__ = [
    "ARMS",
    "Experiments",
    "ExperimentsSource",
    "Noise",
    "Pairs",
    "RatioCheck",
    "check_ratios",
    "measure_noise",
    "pairs_of",
    "read",
    "read_experiments",
]
