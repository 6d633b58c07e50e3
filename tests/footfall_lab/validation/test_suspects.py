"""Arms whose figures are worth nothing are named: leaks and mirrors."""

import numpy as np
import pytest

from footfall.scenario.scenario import parse_scenario
from footfall_eval.blocks.provenance import Provenance, provenance
from footfall_lab.validation.contest import Contest
from footfall_lab.validation.leaks import leaks
from footfall_lab.validation.mirrors import Likeness, alike_by, circular
from footfall_lab.validation.pages import field_beside

USERS, ITEMS, K = 60, 80, 5


def contest(rng, **rates):
    """Hits of arms that each find a held-out item on a place with their own chance."""
    hits = np.column_stack([rng.binomial(K, rate, USERS) for rate in rates.values()])
    slates = np.zeros((USERS, len(rates), 1, K), dtype=np.int32)
    names = tuple(name.replace("_", " ") for name in rates)
    return Contest(names, tuple(map(str, range(USERS))), slates, hits.astype(float), {})


def test_an_arm_that_shows_what_is_held_out_is_named():
    rng = np.random.default_rng(1)
    found = contest(rng, random=0.02, popular=0.08, knn=0.1, arm_good=0.15, arm_leak=0.6)
    repeats = rng.binomial(K, 0.1, USERS).astype(float)
    named = leaks(found, ["arm good", "arm leak"], repeats, seed=1)
    assert list(named) == ["arm leak"]
    assert "what memory cannot know" in named["arm leak"]


def test_where_favourites_explain_the_hits_nobody_is_named():
    rng = np.random.default_rng(2)
    found = contest(rng, random=0.02, popular=0.08, arm_again=0.5)
    assert not leaks(found, ["arm again"], rng.binomial(K, 0.45, USERS).astype(float), seed=1)


def test_an_arm_that_follows_the_users_own_utilities_is_circular():
    rng = np.random.default_rng(3)
    worth = rng.normal(size=(USERS, ITEMS))
    own = np.argsort(-worth, axis=1)[:, :K].astype(np.int32)
    # Learned independently: a noisy view of what users like.
    noisy = np.argsort(-(worth + rng.normal(size=worth.shape)), axis=1)[:, :K].astype(np.int32)
    lots = rng.permuted(np.tile(np.arange(ITEMS), (USERS, 1)), axis=1)[:, :K].astype(np.int32)
    found = alike_by(
        lambda row: worth[row], {"random": lots, "als": noisy, "mirror": own, "fair": noisy}, 1
    )
    assert found["mirror"].overlap == 1
    assert found["mirror"].order == pytest.approx(1)
    assert found["fair"].overlap < 0.7
    assert list(circular(found, ["random", "als"])) == ["mirror"]


def test_an_arm_like_an_independent_one_is_not_circular():
    found = {"als": Likeness(0.85, 0.9), "arm": Likeness(0.9, 0.95)}
    assert not circular(found, ["als"])


def test_suspects_make_block_a_red():
    made = Provenance(hashes={}, model="", split="", suspects={"new": "it knows the days"})
    block = provenance(made)
    assert block.status == "red"
    assert 'Arm "new" is no evidence: it knows the days.' in block.explanation


@pytest.mark.parametrize(
    ("kind", "suspected"),
    [
        ({"kind": "http", "url": "http://localhost:1/slates"}, True),
        ({"kind": "table", "path": "slates.parquet"}, True),
        ({"kind": "hybrid", "of": [{"kind": "popular"}, {"kind": "item-knn"}]}, True),
        ({"kind": "implicit", "algorithm": "als"}, False),
    ],
)
def test_a_standard_name_hides_nobody(kind, suspected):
    """A service called "als" is no recommender that Footfall has trained."""
    raw = {
        "name": "shop",
        "data": {
            "kind": "table",
            "path": "log.csv",
            "columns": {"user": "u", "item": "i", "time": "t"},
        },
        "split": {"fraction": 0.8},
        "population": {"users": 5},
        "arms": [
            {"name": "als", "recommender": kind},
            {"name": "random", "recommender": {"kind": "random"}},
        ],
    }
    scenario = parse_scenario(raw)
    field = field_beside(scenario, clicked=True)
    assert field["random"] == scenario.arms[1]
    assert (field["als"] == scenario.arms[0]) is not suspected
    names = [arm.name for arm in field.values()]
    assert len(set(names)) == len(names)
    assert ("als of the standard field" in names) is suspected
