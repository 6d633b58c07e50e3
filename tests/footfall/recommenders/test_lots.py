"""Draws of many pages at once are those that numpy makes page by page."""

import numpy as np
import pytest

from footfall.recommenders.lots import alone, drawn


@pytest.mark.parametrize(
    ("of", "k"),
    [(500, 10), (12, 10), (10, 10), (1, 1), (2, 1), (7, 0), (30_000, 10), (11_000, 300)],
)
def test_every_row_is_what_numpy_draws_for_its_seed(of, k):
    rng = np.random.default_rng(of + k)
    seeds = rng.integers(0, 2**63, 300, dtype=np.uint64)
    candidates = np.maximum(rng.integers(of - 2, of + 3, 300), k)
    found = drawn(seeds, 7, candidates, k)
    pairs = zip(seeds.tolist(), candidates.tolist(), strict=True)
    each = [alone(seed, 7, n, k) for seed, n in pairs]
    np.testing.assert_array_equal(found, np.stack(each))


def test_nobody_asks():
    assert drawn(np.zeros(0, np.uint64), 7, np.zeros(0, np.int64), 3).shape == (0, 3)
