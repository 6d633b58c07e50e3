"""The crowd: when users come, and what they remember while they sleep."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from footfall.luck import Luck, identities
from footfall.world.calendar import DAY, Calendar
from footfall.world.tally import Tally

VISITS = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8)


@given(VISITS, st.lists(st.booleans(), min_size=8, max_size=8))
def test_a_tally_counts_whether_it_slept_or_not(visits, slept):
    tally, plain = Tally(), Counter()
    for items, sleeps in zip(visits, slept, strict=False):
        tally.add(items)
        plain.update(items)
        if sleeps:
            tally.rest()
        assert tally.of(range(10)) == [plain[item] for item in range(10)]


def calendar(users, gap=3.0, hour=17):
    hours = np.zeros((users, 24))
    hours[:, hour:] = 1.0
    names = [f"u{number}" for number in range(users)]
    return Calendar(Luck(5), identities(names), np.full(users, gap), hours, np.zeros(users))


def test_users_come_after_exponential_gaps_at_their_own_hour():
    users = np.arange(20_000)
    now = np.full(len(users), 10.5 * DAY)
    starts = calendar(len(users)).next_starts(users, np.zeros(len(users), dtype=np.int64), now)
    assert (starts > now).all()
    assert set((starts % DAY // 3600).astype(int)) == {17}
    days = starts // DAY - 10
    # P(not before day d) = exp(-(d - 0.5)/3): half of day 10 had passed
    for day in (1, 3, 6):
        assert abs((days >= day).mean() - np.exp(-(day - 0.5) / 3.0)) < 0.012


def test_a_visit_is_drawn_alike_alone_and_among_others():
    plan, users = calendar(50), np.arange(50)
    sessions, now = users % 7, users * DAY / 3
    together = plan.next_starts(users, sessions, now)
    alone = [plan.next_starts(users[[n]], sessions[[n]], now[[n]])[0] for n in users]
    assert together.tolist() == alone
