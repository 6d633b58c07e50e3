"""Comparisons inside tests: what differed, by how much, and with how much noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.experiments.schema import PRESENTATION, Experiments

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DECISIVE = 1.96
"""Standard errors from which a difference is told from none."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of arms of the same test, each once; pairs of one test depend on each other."""

    first: Numbers
    """[n] row in ``Experiments.arms``."""
    second: Numbers
    """[n] likewise; after ``first``."""
    test: Numbers
    """[n] number of the test, from 0 in the order of the arms."""
    story: Numbers
    """[n] number of the story."""
    time: Floats
    """[n] time of the test."""
    difference: Floats
    """[n] log of the first's share taken less the second's."""
    binomial: Floats
    """[n] variance of ``difference`` by counting alone; times the overdispersion it is true."""

    def __len__(self) -> int:
        return len(self.first)

    def of(self, rows: Bools | Numbers) -> Pairs:
        """Some of the pairs."""
        return Pairs(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def errors(self, overdispersion: float) -> Floats:
        """[n] standard errors of ``difference``."""
        return np.sqrt(overdispersion * self.binomial)

    def decisive(self, overdispersion: float) -> Bools:
        """[n] whether the difference is beyond 1.96 standard errors."""
        return np.asarray(np.abs(self.difference) > DECISIVE * self.errors(overdispersion))


def pairs_of(experiments: Experiments, differs: tuple[str, ...] = ("title",)) -> Pairs:
    """Pairs that differ in all of ``differs`` and in nothing else of what was shown.

    ``text`` under a title may differ where titles do: it belongs to the words. With nothing in
    ``differs`` these are the A/A pairs: arms that look the same.
    """
    arms = experiments.arms
    looks = {name: pd.factorize(arms[name].fillna(-1.0))[0] for name in PRESENTATION}
    first, second = _within(pd.factorize(arms["test"])[0])
    kept = np.ones(len(first), dtype=np.bool_)
    for name, look in looks.items():
        same = look[first] == look[second]
        if name in differs:
            kept &= ~same
        elif not (name == "text" and "title" in differs):
            kept &= same
    first, second = first[kept], second[kept]
    rate, variance = experiments.log_rates(), experiments.binomial_variances()
    return Pairs(
        first=first,
        second=second,
        test=pd.factorize(arms["test"])[0][first],
        story=pd.factorize(arms["story"])[0][first],
        time=arms["time"].to_numpy(float)[first],
        difference=rate[first] - rate[second],
        binomial=variance[first] + variance[second],
    )


def _within(groups: Numbers) -> tuple[Numbers, Numbers]:
    """All pairs of rows with the same group."""
    ends: list[tuple[Numbers, Numbers]] = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    rows = np.argsort(groups, kind="stable")
    for members in np.split(rows, np.flatnonzero(np.diff(groups[rows])) + 1):
        one, other = np.triu_indices(len(members), k=1)
        ends.append((members[one], members[other]))
    return np.concatenate([a for a, _ in ends]), np.concatenate([b for _, b in ends])
