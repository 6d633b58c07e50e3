"""Popularity fades as fast as the takings of a crowd say, and not at all where they say nothing."""

import numpy as np
import pytest

from footfall.behaviour.fading import fading

USERS, ITEMS, DAYS = 200, 60, 400


def takings(rise, n=8000, seed=0):
    """Who took what when: half of the items lose by ``rise`` nats over the log, the others win."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(0, DAYS, n))
    slope = np.where(np.arange(ITEMS) % 2 == 0, rise, -rise)
    worth = np.linspace(0, 2, ITEMS) + slope * (days[:, None] / DAYS - 0.5)
    items = (worth + rng.gumbel(size=worth.shape)).argmax(axis=1).astype(np.int32)
    times = np.datetime64("2024-01-01") + days.astype("timedelta64[D]")
    return times.astype("datetime64[ns]"), items, rng.integers(0, USERS, n)


def test_where_tastes_change_what_was_taken_lately_counts_most():
    times, items, users = takings(rise=4.0)
    weights = fading(times, items, users, ITEMS, USERS)
    assert weights.mean() == pytest.approx(1.0)
    assert weights[-100:].mean() > 5 * weights[:100].mean()
    newest = np.bincount(takings(rise=4.0, seed=1)[1][-800:], minlength=ITEMS)
    faded, counted = (np.bincount(items, by, minlength=ITEMS) for by in (weights, None))
    assert np.corrcoef(faded, newest)[0, 1] > np.corrcoef(counted, newest)[0, 1] + 0.1


@pytest.mark.parametrize("seed", range(5))
def test_where_nothing_changes_all_count_alike(seed):
    times, items, users = takings(rise=0.0, seed=seed)
    assert (fading(times, items, users, ITEMS, USERS) == 1.0).all()


def test_few_takings_and_takings_at_one_moment_count_alike():
    times, items, users = takings(rise=4.0)
    for some in (slice(0), slice(1), slice(3)):
        assert (fading(times[some], items[some], users[some], ITEMS, USERS) == 1.0).all()
    assert (fading(np.full(len(times), times[0]), items, users, ITEMS, USERS) == 1.0).all()


def test_the_order_of_the_rows_says_nothing():
    times, items, users = takings(rise=4.0)
    rows = np.random.default_rng(2).permutation(len(times))
    shuffled = fading(times[rows], items[rows], users[rows], ITEMS, USERS)
    by_time = fading(times, items, users, ITEMS, USERS)
    assert shuffled == pytest.approx(by_time[rows])
