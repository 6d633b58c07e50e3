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


CATALOGUE = 400


def contest(rng, known, **finds):
    """What was taken, and arms: what classical ones agree upon, and what each finds by itself.

    Everybody shows ``known`` items that were taken and that all memory tells; each other place
    holds another item that was taken by the arm's own chance.
    """
    held = {str(u): rng.permutation(CATALOGUE)[:40].astype(np.int32) for u in range(USERS)}
    slates = np.empty((USERS, len(finds), 1, K), dtype=np.int32)
    for row, taken in enumerate(held.values()):
        untaken = np.setdiff1d(np.arange(CATALOGUE), taken)
        for column, rate in enumerate(finds.values()):
            own, lots = rng.permutation(taken[known:])[:K], rng.permutation(untaken)[:K]
            slates[row, column, 0] = np.where(rng.random(K) < rate, own, lots)
            slates[row, column, 0, :known] = taken[:known]
    names = tuple(name.replace("_", " ") for name in finds)
    return of_slates(names, slates, held), held


def of_slates(names, slates, held):
    """The contest with its hits counted."""
    hits = np.stack([np.isin(part, own) for part, own in zip(slates, held.values(), strict=True)])
    return Contest(names, tuple(held), slates, hits.sum(axis=3).mean(axis=2), {})


def nobodys():
    """No user has favourites."""
    return [np.empty(0, dtype=np.int32)] * USERS


def test_an_arm_that_shows_what_is_held_out_is_named():
    rng = np.random.default_rng(1)
    found, held = contest(rng, 0, random=0.02, popular=0.08, knn=0.1, arm_good=0.15, arm_leak=0.6)
    named = leaks(found, ["arm good", "arm leak"], nobodys(), held, seed=1)
    assert list(named) == ["arm leak"]
    assert "times as many" in named["arm leak"]


def test_an_arm_that_leaks_in_part_is_named_where_others_hit_often_too():
    """As one voice of an ensemble: not even twice the hits of the best, but where nobody looks."""
    rng = np.random.default_rng(4)
    found, held = contest(rng, 3, random=0.1, popular=0.1, knn=0.15, arm_good=0.2, arm_mixed=0.9)
    hits = dict(zip(found.names, found.hits.mean(axis=0), strict=True))
    assert hits["arm mixed"] < 2 * hits["knn"]
    named = leaks(found, ["arm good", "arm mixed"], nobodys(), held, seed=1)
    assert list(named) == ["arm mixed"]
    assert "what only it shows" in named["arm mixed"]


def test_where_favourites_explain_the_hits_nobody_is_named():
    rng = np.random.default_rng(2)
    found, held = contest(rng, 0, random=0.02, popular=0.08, arm_again=0.5)
    again = found.slates[:, 2, 0]
    assert leaks(found, ["arm again"], nobodys(), held, seed=1)
    assert not leaks(found, ["arm again"], list(again), held, seed=1)


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
