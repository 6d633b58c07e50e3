"""Owners taken together get the numbers that each would get alone."""

import numpy as np

from footfall.fitting.pages import batches
from footfall.fitting.pages.batches import Owners, gram, on_pages, over_rows, page_sums, solved
from footfall.fitting.pages.picks import Grid

K = 3


def some_pages(seed):
    """Owner and page of each row: pages of one to four rows, owners of none to five pages."""
    rng = np.random.default_rng(seed)
    pages = rng.integers(0, 6, 60)
    owner_of_page = np.repeat(np.arange(60), pages)
    rows = rng.integers(1, 5, len(owner_of_page))
    return np.repeat(owner_of_page, rows), np.repeat(np.arange(len(rows)), rows), rng


def test_each_owner_with_rows_is_in_one_batch_and_has_its_own_rows(monkeypatch):
    monkeypatch.setattr(batches, "ROWS_AT_ONCE", 20)
    owner, page, _ = some_pages(1)
    owners, met = Owners.of(owner, 60, page), []
    for who, rows in owners.each():
        met += who.tolist()
        for one, own in zip(who, rows, strict=True):
            np.testing.assert_array_equal(own, np.flatnonzero(owner == one))
        assert len(who) == 1 or rows.size <= 20
    assert sorted([*met, *owners.none.tolist()]) == list(range(60))


def test_sums_over_pages_and_rows_are_those_of_a_loop():
    owner, page, rng = some_pages(2)
    x, weight = rng.normal(size=(len(owner), K)), rng.random(len(owner))
    matrices, column = rng.normal(size=(9, 2, 2)), rng.integers(0, 9, len(owner))
    owners, grid = Owners.of(owner, 60, page), Grid.of(page)
    summed = over_rows(weight, column, owners.bounds, matrices)
    for who, rows in owners.each():
        of_pages = page_sums(on_pages(grid, rows), x[rows])
        for one, found, squares in zip(who, of_pages, gram(x[rows], weight[rows]), strict=True):
            mine = owner == one
            wanted = [x[page == number].sum(axis=0) for number in np.unique(page[mine])]
            np.testing.assert_allclose(found, wanted)
            np.testing.assert_allclose(squares, (x[mine] * weight[mine, None]).T @ x[mine])
            inside = np.einsum("n,nfg->fg", weight[mine], matrices[column[mine]])
            np.testing.assert_allclose(summed[one], inside, atol=1e-12)


def test_a_step_moves_no_utility_too_far():
    precision, x = np.tile(np.eye(K), (2, 1, 1)), np.ones((2, 4, K))
    linear = np.array([[0.1, 0.1, 0.1], [50.0, 50.0, 50.0]])
    _, after = solved(precision, linear, np.zeros((2, K)), x)
    np.testing.assert_allclose(after[0], linear[0])
    np.testing.assert_allclose(after[1] @ np.ones(K), batches.FARTHEST)
