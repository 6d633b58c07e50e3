"""The keyed draws: numpy's Philox is the oracle, and the key is all that counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from footfall.luck import Luck, Purpose, exponential, gumbel, identities, identity, philox, uniform

WORD = st.integers(0, 2**64 - 1)


@given(st.tuples(WORD, WORD, WORD, WORD), st.tuples(WORD, WORD))
def test_philox_is_numpys(counter, key):
    mine = philox(*(tuple(np.array([w], dtype=np.uint64) for w in part) for part in (counter, key)))
    number = sum(word << (64 * place) for place, word in enumerate(counter))
    before = (number - 1) % 2**256  # numpy counts up before it draws
    words = [(before >> (64 * place)) & (2**64 - 1) for place in range(4)]
    theirs = np.random.Philox(
        counter=np.array(words, dtype=np.uint64), key=np.array(key, dtype=np.uint64)
    )
    assert [int(w[0]) for w in mine] == [int(w) for w in theirs.random_raw(4)]


@given(
    st.integers(0, 2**63),
    st.lists(st.tuples(st.text(max_size=5), st.integers(0, 99), st.integers(0, 9)), min_size=1),
    st.randoms(),
)
def test_a_draw_depends_on_its_key_and_not_on_its_batch(seed, visits, random):
    def draw(rows):
        users = identities([user for user, _, _ in rows])
        sessions = np.array([session for _, session, _ in rows])
        pages = np.array([page for _, _, page in rows])
        words = Luck(seed).words(Purpose.PAGE, users, sessions, pages)
        return list(zip(*(w.tolist() for w in words), strict=True))

    together = dict(zip(visits, draw(visits), strict=True))
    shuffled = visits.copy()
    random.shuffle(shuffled)
    half = shuffled[: len(shuffled) // 2 + 1]
    assert draw(half) == [together[visit] for visit in half]


def test_every_part_of_the_key_counts():
    def first(seed=1, user="u", session=2, page=3, item="i", purpose=Purpose.ITEM):
        users = np.array([identity(user)], dtype=np.uint64)
        items = np.array([identity(item)], dtype=np.uint64)
        words = Luck(seed).words(purpose, users, np.array([session]), np.array([page]), items)
        return int(words[0][0])

    base = first()
    others = [
        first(seed=2),
        first(user="v"),
        first(session=3),
        first(page=2),
        first(item="j"),
        first(purpose=Purpose.REQUEST),
        first(session=3, page=2),
    ]
    assert len({base, *others}) == 8


@pytest.mark.parametrize(
    ("draw", "law"),
    [(uniform, stats.uniform), (gumbel, stats.gumbel_r), (exponential, stats.expon)],
)
def test_draws_follow_their_laws(draw, law):
    users = identities([f"user {i}" for i in range(20_000)])
    words = Luck(7).words(Purpose.PAGE, users, np.zeros(len(users), dtype=np.int64))
    for word in words:
        assert stats.kstest(draw(word), law.cdf).pvalue > 1e-4
    together = np.corrcoef([uniform(word) for word in words])
    assert np.abs(together - np.eye(4)).max() < 0.03
