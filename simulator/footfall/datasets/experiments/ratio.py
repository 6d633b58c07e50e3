"""Were the arms of a test shown as often as planned? Where not, its randomisation is in doubt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from footfall.datasets.experiments.schema import Experiments

ALPHA = 0.001
"""A test whose counts are less likely than this under equal shares is flagged."""


@dataclass(frozen=True)
class RatioCheck:
    """Sample ratios of all tests, against equal shares."""

    tests: int
    flagged: tuple[str, ...]
    """Tests whose arms were shown too unequally often."""

    def sentence(self) -> str:
        """For people."""
        expected = ALPHA * self.tests
        return (
            f"Sample ratio: {len(self.flagged):,} of {self.tests:,} tests showed their arms more "
            f"unequally than chance does once in {1 / ALPHA:,.0f} (expected {expected:.1f})."
        )


def check_ratios(experiments: Experiments) -> RatioCheck:
    """Chi-squared test of equal impressions in each test (Fabijan et al., KDD 2019)."""
    shown = experiments.arms.groupby("test", sort=False)["shown"]
    mean = shown.transform("mean")
    parts = (experiments.arms["shown"] - mean) ** 2 / mean
    statistic = parts.groupby(experiments.arms["test"], sort=False).sum()
    arms: pd.Series = shown.size()
    several = arms[arms > 1].index
    p = chi2.sf(statistic[several].to_numpy(), arms[several].to_numpy() - 1)
    return RatioCheck(len(several), tuple(str(name) for name in several[np.asarray(p) < ALPHA]))
