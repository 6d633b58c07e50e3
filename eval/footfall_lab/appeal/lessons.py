"""What past experiments teach: pairs of titles, how they came out, and how much each counts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.experiments import Experiments, Noise, Pairs, measure_noise, pairs_of
from footfall.errors import DataError

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

TRUE_VARIANCE = 0.08
"""Variance of true differences of log rates that weights assume: beyond it, more impressions
make a pair no better a lesson. From the feasibility study on Upworthy's tests; the size hardly
matters."""

FEWEST_TESTS = 40
"""Tests with other wordings without which nothing is learned."""


@dataclass(frozen=True, eq=False)
class TitlePairs:
    """Pairs of arms that differ in words only."""

    experiments: Experiments
    pairs: Pairs
    noise: Noise
    titles: tuple[str, ...]
    """Each title once."""
    first: Numbers
    """[n_pairs] number of the first arm's title in ``titles``."""
    second: Numbers
    stories: tuple[str, ...]
    """Names of the stories by their numbers in ``pairs.story``."""

    @classmethod
    def of(cls, experiments: Experiments) -> TitlePairs:
        """All pairs with the same image and price, and another title.

        Raises:
            DataError: There are too few tests of wordings.
        """
        pairs = pairs_of(experiments)
        tests = len(np.unique(pairs.test))
        if tests < FEWEST_TESTS:
            raise DataError(
                f"{experiments.name}: {tests} tests with arms of the same image and price and "
                f"another title; {FEWEST_TESTS} are needed to learn from or to be judged on"
            )
        arms = experiments.arms
        shown = np.unique(np.concatenate([pairs.first, pairs.second]))
        titles = tuple(sorted(set(arms["title"].iloc[shown])))
        place = {title: number for number, title in enumerate(titles)}
        code = arms["title"].map(place).fillna(-1).to_numpy(dtype=np.int64)
        noise = measure_noise(pairs_of(experiments, ()))
        stories = tuple(pd.factorize(arms["story"])[1].astype(str))
        return cls(
            experiments, pairs, noise, titles, code[pairs.first], code[pairs.second], stories
        )

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def errors(self) -> Floats:
        """[n_pairs] standard errors, overdispersion included."""
        return self.pairs.errors(self.noise.overdispersion)

    @property
    def weights(self) -> Floats:
        """[n_pairs] how much a pair counts in learning."""
        return np.asarray(1.0 / (self.errors**2 + TRUE_VARIANCE))

    def differences(self, scores: Floats) -> Floats:
        """[n_pairs] first less second of scores by title."""
        return np.asarray(scores[self.first] - scores[self.second])

    def lots(self, parts: int, purpose: str) -> Numbers:
        """[n_pairs] part of each pair, from 0; the same for all pairs of a story, for ever."""
        of_story = [
            int.from_bytes(hashlib.sha256(f"{purpose}:{story}".encode()).digest()[:8]) % parts
            for story in self.stories
        ]
        return np.array(of_story, dtype=np.int64)[self.pairs.story]

    def digest(self, rows: npt.NDArray[np.bool_]) -> str:
        """Names these lessons, and which of them are learned from."""
        found = hashlib.sha256("\0".join(self.titles).encode())
        for part in (self.first, self.second, self.pairs.difference, self.weights, rows):
            found.update(np.ascontiguousarray(part).tobytes())
        return found.hexdigest()[:32]
