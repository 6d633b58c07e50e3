"""Recommenders that Footfall trains: planted worlds, independence, paging, learning."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.datasets.schema import ACTIONS
from footfall.errors import DataError, ScenarioError
from footfall.llm.sentences import sentences_installed
from footfall.recommenders import build, parse_spec
from footfall.recommenders.hybrid import HybridScorer
from footfall.recommenders.specs import KINDS
from footfall.recommenders.testing import STRANGER, check_recommender
from footfall.recommenders.trained_specs import Action
from recommender_worlds import interactions, request, two_clubs, world

pytestmark = pytest.mark.slow

PARTS = [{"kind": "item-knn"}, {"kind": "implicit", "factors": 2}]
TRAINED = [
    {"kind": "random"},
    {"kind": "random", "exclude_known": True},
    {"kind": "popular"},
    {"kind": "popular", "exclude_known": True},
    {"kind": "shuffled", "pool": 4},
    {"kind": "item-knn"},
    {"kind": "item-knn", "exclude_known": True, "neighbours": 2},
    {"kind": "implicit", "factors": 4},
    {"kind": "implicit", "factors": 4, "algorithm": "bpr", "exclude_known": True},
    {"kind": "user-knn"},
    {"kind": "user-knn", "neighbours": 3, "exclude_known": True},
    {"kind": "ease", "regularization": 2},
    {"kind": "slim"},
    {"kind": "slim", "neighbours": 4, "l1": 0.1, "exclude_known": True},
    {"kind": "content"},
    {"kind": "sequential", "width": 8, "epochs": 3},
    *(
        {"kind": "hybrid", "how": how, "weights": [2, 1], "of": PARTS}
        for how in ("mean", "log-mean", "vote")
    ),
]


def make(raw, split_and_catalogue, seed=1):
    split, catalogue = split_and_catalogue
    return build(parse_spec(raw), split, catalogue, base=Path(), seed=seed)


@pytest.mark.parametrize("raw", TRAINED, ids=str)
def test_conforms_to_the_protocol(raw):
    planted = two_clubs()
    check_recommender(make(raw, planted), ["A0", "B5"], planted[1])


@pytest.mark.parametrize(
    "raw",
    [
        {"kind": "item-knn"},
        # two tastes need two factors; more would learn each member's gap by heart
        {"kind": "implicit", "algorithm": "als", "factors": 2},
        {"kind": "implicit", "algorithm": "bpr", "factors": 4, "learning_rate": 0.1},
        {"kind": "user-knn"},
        {"kind": "ease", "regularization": 2},
        {"kind": "slim", "l1": 0.1},
        {"kind": "hybrid", "of": PARTS},
        {"kind": "hybrid", "how": "log-mean", "of": PARTS, "weights": [1, 3]},
        {"kind": "hybrid", "how": "vote", "of": PARTS},
    ],
    ids=lambda raw: raw.get("algorithm", raw.get("how", raw["kind"])),
)
class TestTwoClubs:
    def test_the_whole_club_comes_before_the_other_club(self, raw):
        model = make(raw, two_clubs())
        for user, club in [("A0", "a"), ("A11", "a"), ("B0", "b"), ("B7", "b")]:
            (slate,) = model.recommend([request(user, k=8)])
            assert {item[0] for item in slate.items} == {club}, user

    def test_the_one_item_that_a_member_misses_is_the_first_new_one(self, raw):
        model = make({**raw, "exclude_known": True}, two_clubs())
        for member in range(8):
            (slate,) = model.recommend([request(f"A{member}", k=1)])
            assert slate.items == (f"a{member}",)

    def test_strangers_get_what_is_popular_and_are_counted(self, raw):
        rows = [(f"A{n}", item) for n in range(6) for item in ("a", "b")]
        rows += [(f"B{n}", item) for n in range(3) for item in ("c", "d")]
        model = make(raw, world([*rows, ("A0", "b")], ["d", "c", "a", "b"]))
        (slate,) = model.recommend([request(STRANGER, k=3)])
        assert slate.items == ("b", "a", "d")
        assert slate.scores == (7, 6, 3)
        assert model.diagnostics["fallback_requests"] == 1

    def test_same_seed_same_factors(self, raw):
        requests = [request(f"{club}{n}", k=16) for club in "AB" for n in range(12)]
        first, second = make(raw, two_clubs(), seed=7), make(raw, two_clubs(), seed=7)
        assert first.recommend(requests) == second.recommend(requests)

    def test_learns_from_the_epoch_only_when_told_to(self, raw):
        newcomer = interactions([("N", f"b{n}") for n in range(7)])
        still = make(raw, two_clubs())
        learner = make({**raw, "retrain": "epoch"}, two_clubs())
        for model in (still, learner):
            model.recommend([request("N")])
            model.update(newcomer)
            model.update(newcomer.iloc[:0])
        (before,) = still.recommend([request("N", k=8)])
        (after,) = learner.recommend([request("N", k=8)])
        assert still.diagnostics == {"fallback_requests": 2, "trainings": 1}
        assert learner.diagnostics == {"fallback_requests": 1, "trainings": 2}
        assert {item[0] for item in before.items} == {"a", "b"}
        assert {item[0] for item in after.items} == {"b"}

    def test_many_epochs_cost_one_training(self, raw):
        model = make({**raw, "retrain": "epoch"}, two_clubs())
        for _ in range(5):
            model.update(interactions([("N", "b0")]))
        model.recommend([request("N")])
        assert model.diagnostics["trainings"] == 2


def test_a_window_forgets_what_was_liked_long_ago_and_not_what_is_known():
    rows = [(f"u{n}", "old") for n in range(5)] + [("u0", "new")]
    split, catalogue = world(rows, ["new", "old", "other"])
    events = split.remembered.interactions  # one a minute; the last one is of "new"
    events.loc[events["item"] == "old", "time"] -= pd.Timedelta(days=10)
    options = {"kind": "popular", "window_days": 3, "retrain": "epoch", "exclude_known": True}
    model = make(options, (split, catalogue))
    (slate,) = model.recommend([request(STRANGER, k=3)])
    assert slate.items == ("new",)
    later = interactions([("u1", "other")])
    model.update(later.assign(time=events["time"].max() + pd.Timedelta(days=4)))
    stranger, knowing = model.recommend([request(STRANGER, k=3), request("u1", k=3)])
    assert (stranger.items, knowing.items) == (("other",), ())
    with pytest.raises(ScenarioError, match="window_days"):
        parse_spec({"kind": "popular", "window_days": 0})


def test_knn_follows_the_votes_of_liked_items():
    # "bread" is bought with "butter" by three users, with "beer" by one
    rows = [(f"u{n}", item) for n in range(3) for item in ("bread", "butter")]
    rows += [("v", "bread"), ("v", "beer"), ("me", "bread")]
    model = make(
        {"kind": "item-knn", "exclude_known": True},
        world(rows, ["beer", "bread", "butter", "soap"]),
    )
    (slate,) = model.recommend([request("me", k=4)])
    assert slate.items == ("butter", "beer")
    # cosines of the purchase vectors: 3 / sqrt(5 * 3) and 1 / sqrt(5 * 1)
    assert slate.scores == pytest.approx((3 / 15**0.5, 1 / 5**0.5))


def test_content_recommends_what_nobody_has_taken_yet():
    rows = [("me", "red wine"), ("me", "white wine"), ("you", "brown bread")]
    items = ["brown bread", "rose wine", "red wine", "white wine", "rye bread", "soap"]
    split, catalogue = world(rows, items)
    split.remembered.items["title"] = items
    model = make({"kind": "content", "exclude_known": True}, (split, catalogue))
    mine, yours = model.recommend([request("me", k=1), request("you", k=1)])
    assert (mine.items, yours.items) == (("rose wine",), ("rye bread",))
    with pytest.raises(DataError, match='no attribute "colour"'):
        make({"kind": "content", "attributes": ["colour"]}, (split, catalogue))


def test_embeddings_tell_what_shares_no_word():
    if not sentences_installed():
        pytest.skip("the embedding model is not installed")
    items = ["lager beer", "champagne", "cordless drill", "hammer", "cat food", "dog biscuits"]
    split, catalogue = world([("me", "lager beer"), ("you", "hammer")], items)
    split.remembered.items["title"] = items
    split.remembered.items["category"] = ""
    options = {"kind": "content", "by": "sentences", "exclude_known": True}
    mine, yours = make(options, (split, catalogue)).recommend(
        [request("me", k=1), request("you", k=1)]
    )
    assert (mine.items, yours.items) == (("champagne",), ("cordless drill",))


def test_sequential_learns_what_comes_next():
    """Everybody walks round a ring of items; the next step is the one that was never wrong."""
    rows = [(f"u{u}", f"i{(u + step) % 8}") for u in range(40) for step in range(6)]
    model = make({"kind": "sequential", "epochs": 30}, world(rows, [f"i{n}" for n in range(9)]))
    for user in range(8):
        (slate,) = model.recommend([request(f"u{user}", k=1)])
        assert slate.items == (f"i{(user + 6) % 8}",)
    (whole,) = model.recommend([request("u0", k=9)])
    assert "i8" not in whole.items  # nobody ever took it


@pytest.mark.parametrize(("how", "best"), [("mean", "a"), ("log-mean", "b"), ("vote", "b")])
def test_a_hybrid_pools_as_it_says(how, best):
    """One part is sure of "a", the other finds it worst; both find "b" good."""

    class Part:
        for_everyone = False

        def __init__(self, *scores):
            self.given = np.array(scores, dtype=np.float32)

        def scores(self, user):
            return self.given

    spec = parse_spec({"kind": "hybrid", "how": how, "of": PARTS})
    parts = [Part(9, 4, 0, 0, np.nan, 0, 0), Part(-9, 1, 0.9, 0.8, np.nan, 0.7, 0.6)]
    scores = HybridScorer(parts, spec).scores("me")
    assert "abcdefg"[int(np.nanargmax(scores))] == best
    assert np.isnan(scores[4])


def test_implicit_als_fills_the_checkerboard():
    """As in ``implicit``'s own tests: even users buy even items, but none the own number."""
    rows = [(f"u{u}", f"i{i}") for u in range(20) for i in range(20) if (u + i) % 2 == 0 and u != i]
    board = world(rows, [f"i{i}" for i in range(20)])
    model = make({"kind": "implicit", "factors": 2, "exclude_known": True}, board)
    for user in range(20):
        (slate,) = model.recommend([request(f"u{user}", k=1)])
        assert slate.items == (f"i{user}",)


class TestPopular:
    ROWS = (("u", "c"), ("v", "c"), ("u", "c"), ("u", "a"), ("v", "a"), ("u", "b"))

    def test_orders_by_count_and_then_by_catalogue(self):
        planted = world([*self.ROWS, ("w", "d")], ["e", "d", "c", "b", "a"])
        (slate,) = make({"kind": "popular"}, planted).recommend([request("x", k=9)])
        assert slate.items == ("c", "a", "d", "b")  # "e" was never bought
        assert slate.scores == (3, 2, 1, 1)
        assert slate.propensities == (1, 1, 1, 1)

    def test_known_items_are_those_bought_or_rated_not_those_seen(self):
        rows = [*self.ROWS, ("w", "c", "view"), ("w", "a", "rate", 1.0)]
        planted = world(rows, ["a", "b", "c"])
        model = make({"kind": "popular", "exclude_known": True}, planted)
        assert model.recommend([request("w")])[0].items == ("c", "b")
        assert model.recommend([request("u")])[0].items == ()

    def test_items_without_a_price_are_not_on_sale(self):
        planted = world(self.ROWS, ["a", "b", "c"], [1.0, 2.0, np.nan])
        assert make({"kind": "popular"}, planted).recommend([request()])[0].items == ("a", "b")

    def test_without_any_price_everything_may_be_shown(self):
        planted = world(self.ROWS, ["a", "b", "c"], [np.nan] * 3)
        assert len(make({"kind": "popular"}, planted).recommend([request()])[0].items) == 3

    @pytest.mark.parametrize(
        ("positive", "best"),
        [
            (None, "a"),
            ({"action": "rate", "min_value": 5.0}, "b"),
            ({"action": "rate"}, "c"),
            ({"action": "click"}, "d"),
        ],
    )
    def test_positive_says_what_counts(self, positive, best):
        rows = [("u", "a", "rate", 3.5), ("v", "a", "rate", 4.0), ("u", "b", "rate", 5.0)]
        rows += [(user, "c", "rate", 1.0) for user in "uvw"] + [("u", "d", "click")] * 9
        model = make({"kind": "popular", "positive": positive}, world(rows, list("abcd")))
        assert model.recommend([request(k=1)])[0].items == (best,)

    def test_nothing_to_learn_from_is_the_users_mistake(self):
        with pytest.raises(DataError, match=r'planted: nothing to learn .* "positive"'):
            make({"kind": "popular"}, world([("u", "a", "view")], ["a"]))


class TestChance:
    def test_random_is_uniform_over_items_and_positions(self):
        model = make({"kind": "random"}, world([("u", "a")], list("abcde")))
        slates = model.recommend([request(k=2, shown=["c"], seed=seed) for seed in range(4000)])
        for position in range(2):
            counts = pd.Series([slate.items[position] for slate in slates]).value_counts()
            assert set(counts.index) == set("abde")
            assert counts.max() < 1000 + 5 * 27.4  # five standard deviations of a binomial
            assert counts.min() > 1000 - 5 * 27.4
        assert slates[0].propensities == (0.25, 0.25)

    def test_shuffled_draws_from_the_most_popular(self):
        rows = [
            ("u", item) for item, n in zip("abcde", (1, 5, 4, 3, 2), strict=True) for _ in range(n)
        ]
        model = make({"kind": "shuffled", "pool": 3}, world(rows, list("abcde")))
        slates = model.recommend([request(k=2, seed=seed) for seed in range(200)])
        assert {item for slate in slates for item in slate.items} == set("bcd")
        assert len({slate.items for slate in slates}) == 6
        assert slates[0].propensities == (1 / 3, 1 / 3)
        (later,) = model.recommend([request(k=3, shown=["b", "d"])])
        assert sorted(later.items) == ["a", "c", "e"]

    def test_exhausted_catalogue_gives_an_empty_page(self):
        model = make({"kind": "random"}, world([("u", "a")], ["a", "b"]))
        (slate,) = model.recommend([request(shown=["a", "b"])])
        assert slate.items == ()
        assert not slate.failure

    def test_any_seed_is_good(self):
        model = make({"kind": "random"}, two_clubs())
        for seed in (-1, 0, 2**63, 2**64 + 5):
            assert len(model.recommend([request(seed=seed)])[0].items) == 3


@pytest.fixture(scope="module")
def models():
    planted = two_clubs()
    return [make(raw, planted) for raw in TRAINED]


REQUESTS = st.builds(
    request,
    user=st.sampled_from(["A0", "A7", "B1", "B11", STRANGER]),
    k=st.integers(1, 20),
    shown=st.lists(st.sampled_from(["a0", "a3", "a4", "b1", "b2", "b7"]), unique=True),
    seed=st.integers(0, 2**64 - 1),
)


@settings(max_examples=40)
@given(data=st.data(), requests=st.lists(REQUESTS, max_size=8))
def test_an_answer_depends_on_the_request_only(models, data, requests):
    order = data.draw(st.permutations(range(len(requests))))
    for model in models:
        alone = [model.recommend([one])[0] for one in requests]
        together = model.recommend([requests[place] for place in order])
        assert together == [alone[place] for place in order]
        for one, slate in zip(requests, alone, strict=True):
            assert not set(slate.items) & set(one.shown)
            assert len(set(slate.items)) == len(slate.items) <= one.k


@settings(max_examples=60)
@given(
    scores=st.lists(st.integers(0, 4), min_size=1, max_size=400),
    depth=st.integers(1, 30),
    pages=st.integers(1, 5),
)
def test_pages_are_slices_of_the_fully_sorted_list(scores, depth, pages):
    """Whatever a kept ranking leaves out, paging on gives what a full sort would."""
    items = [f"i{number}" for number in range(len(scores))]
    rows = [("u", item) for item, count in zip(items, scores, strict=True) for _ in range(count)]
    model = make({"kind": "popular"}, world([*rows, ("u", items[0])], items))
    scores[0] += 1
    expected = [
        items[n] for n in sorted(range(len(items)), key=lambda n: (-scores[n], n)) if scores[n]
    ]
    shown = []
    for page in range(pages):
        (slate,) = model.recommend([request(k=depth, shown=shown, page=page)])
        shown.extend(slate.items)
    assert shown == expected[: depth * pages]


LEAST = {
    "hybrid": {"of": PARTS},
    "table": {"path": "slates.csv"},
    "callable": {"target": "shop:Mine"},
    "http": {"url": "http://localhost:9000"},
}
"""What a kind of recommender cannot do without."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["json", "python"])
def test_what_a_manifest_keeps_of_a_recommender_can_be_read_again(kind, mode):
    """``explain``, ``--resume`` and ``validate`` read arms as they were resolved."""
    spec = parse_spec({"kind": kind, **LEAST.get(kind, {})})
    for how in ({}, {"exclude_none": True}):
        assert parse_spec(spec.model_dump(mode=mode, **how)) == spec


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"kind": "populr"}, 'arm b: there is no recommender of kind "populr"; did you mean "popu'),
        ({}, "arm b: kind is missing; Known: callable, content, ease, http,"),
        ({"kind": "implicit", "factor": 3}, 'has no option "factor"; did you mean "factors"?'),
        ({"kind": "implicit", "learning_rate": 0.1}, '"learning_rate" has no effect with'),
        ({"kind": "implicit", "algorithm": "bpr", "weight": 2}, '"weight" has no effect with'),
        ({"kind": "item-knn", "neighbours": 0}, "neighbours: Input should be greater"),
        (
            {"kind": "popular", "retrain": "daily"},
            "retrain: must be never, epoch, or a",
        ),
        ({"kind": "popular", "positive": {"action": "buy"}}, "positive.action: Input should be"),
        ({"kind": "callable", "target": "mine"}, "target: String should match"),
        ({"kind": "content", "model": "embedded"}, '"model" has no effect by "words"'),
        ({"kind": "hybrid", "of": PARTS[:1]}, "of: Tuple should have at least 2 items"),
        ({"kind": "hybrid", "of": PARTS, "weights": [1]}, "weights: 2 numbers of 0 or more"),
        (
            {"kind": "hybrid", "of": [{"kind": "popular", "retrain": "epoch"}, PARTS[0]]},
            '"retrain" of part "popular": write it beside "of" instead',
        ),
        ({"kind": "http", "url": "http://me:secret@host/"}, "url: String should match"),
    ],
)
def test_a_wrong_spec_is_answered_with_one_helpful_line(raw, message):
    with pytest.raises(ScenarioError) as caught:
        parse_spec(raw, "arm b")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_option_is_documented():
    page = Path(__file__).parents[3].joinpath("docs", "recommenders.md").read_text()
    for kind, model in KINDS.items():
        assert f"`{kind}`" in page
        for name, info in model.model_fields.items():
            assert name == "kind" or info.description, f"{kind}.{name}"
            assert f"`{name}`" in page, f"{kind}.{name}"


def test_actions_are_those_of_the_tables():
    assert set(Action.__args__) == set(ACTIONS)


def test_training_leaves_the_threads_of_the_process_alone():
    """LensKit sets torch's threads on first use, which would slow a model in this process."""
    code = (
        "import torch; torch.set_num_threads(2); import test_recommenders_trained as t\n"
        "t.make({'kind': 'item-knn'}, t.two_clubs()).recommend([t.request()])\n"
        "assert torch.get_num_threads() == 2, torch.get_num_threads()"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert torch.get_num_threads() >= 1
