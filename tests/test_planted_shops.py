"""The planted shops are what they say: chances are right, truths are true, logs are logs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from footfall.datasets.sources import load
from footfall.recommenders.protocol import Request
from footfall.scenario.reading import read_scenario
from planted import KINDS, plant, write
from planted.acting import dominance
from planted.arms import CONTROL, TEN, policies, serve
from planted.living import State, live
from planted.policies import Lots, Ranked
from planted.reference import snips
from planted.scoring import Estimate, score
from planted.truth import foretell

SMALL = {"users": 60, "items": 80, "days": 14, "later_days": 4, "slate": 5}
QUICK_ARMS = [CONTROL, "random", "rate", "category", "oracle"]


@pytest.fixture(scope="module")
def shop():
    return plant("grocery", 3, **SMALL)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_clicks_and_purchases_and_more_views(kind):
    count = plant(kind, 1, **SMALL).log["event"].value_counts()
    assert count["view"] > count["click"] > count["purchase"] > 0


def test_a_seed_makes_the_same_shop_and_another_seed_another(shop):
    pd.testing.assert_frame_equal(plant("grocery", 3, **SMALL).log, shop.log)
    assert not plant("grocery", 4, **SMALL).log["sku"].equals(shop.log["sku"])


def test_chances_of_the_old_policy_are_its_frequencies(shop):
    draws, rng = 40_000, np.random.default_rng(0)
    seen = np.zeros((1, 80), dtype=bool)
    seen[0, shop.old.ranking[7][:5]] = True  # a second page, as if the first had shown the best
    users, shown = np.full(draws, 7), np.repeat(seen, draws, axis=0)
    pages = shop.old.pages(users, shown, rng)
    every = np.arange(80).repeat(5).reshape(80, 5)
    chances = shop.old.chances(np.full(80, 7), np.repeat(seen, 80, axis=0), every)
    assert chances.sum(axis=0) == pytest.approx(1)
    for place in range(5):
        found = np.bincount(pages[:, place], minlength=80) / draws
        error = np.sqrt(chances[:, place] / draws) + 1e-9
        assert (np.abs(found - chances[:, place]) < 5 * error).all()


def test_no_visit_shows_an_item_twice_and_every_logged_chance_is_one(shop):
    views = shop.log[shop.log["event"] == "view"]
    assert not views.duplicated(["visit_id", "sku"]).any()
    assert views["shown_with"].between(0, 1, inclusive="neither").all()
    later = views[views["ts"] >= shop.split]
    # E[1 / chance] over what is shown is the number of items: a check of all logged chances.
    assert (1 / later["shown_with"]).mean() == pytest.approx(77.5, rel=0.1)


def test_the_log_is_read_as_a_shop_would_have_it(shop, tmp_path):
    read = read_scenario(write(shop, tmp_path))
    data = load(read.data, tmp_path)
    assert not data.cleaning
    assert len(data.interactions) == len(shop.log)
    assert read.world.slate == 5
    acts = data.interactions[data.interactions["action"] != "view"]
    keys = ["user", "page", "item"]
    views = data.interactions[data.interactions["action"] == "view"].set_index(keys)
    found = views.loc[pd.MultiIndex.from_frame(acts[keys])]
    assert found["position"].to_numpy() == pytest.approx(acts["position"].to_numpy())


def test_the_truth_is_the_same_again_and_the_old_policy_against_itself_is_no_effect(shop):
    arms = {"old": shop.old, "again": shop.old, "random": Lots(5)}
    truth = foretell(shop, arms, futures=4)
    assert truth.lift("clicks")[1] == 0
    assert truth.lift("clicks")[2] != 0
    again = foretell(shop, arms, futures=4)
    assert again.value("clicks") == pytest.approx(truth.value("clicks"))


def test_the_log_after_the_split_is_one_of_the_futures_of_the_old_policy(shop):
    truth = foretell(shop, {"old": shop.old}, futures=20)
    later = shop.log[(shop.log["ts"] >= shop.split) & (shop.log["event"] == "click")]
    each = truth.totals["clicks"][0]
    assert abs(len(later) / 60 - each.mean()) < 4 * each.std()


def test_snips_with_the_logged_chances_finds_the_true_value():
    plain = replace(KINDS["grocery"], fatigue=0.0, repeat=0.0, stocked=0.0, go_on=-9.0)
    shop = plant(plain, 5, **SMALL | {"users": 600, "days": 28, "later_days": 28})
    arms = {
        "old": shop.old,
        "lots": Lots(5),
        "best": Ranked(shop.old.ranking, 5),
        "second": Ranked(shop.old.ranking[:, 5:], 5),
    }
    truth, found = foretell(shop, arms, futures=10), snips(shop, arms, "clicks")
    assert found.mean_weight == pytest.approx(1, abs=0.1)
    true, width = truth.lift("clicks"), found.high - found.low
    assert (width < 0.8).all()  # or it would prove nothing
    # Twice the interval: what must not be is a bias.
    assert (np.abs(true - (found.high + found.low) / 2) <= width).all()
    assert true.max() - true.min() > 0.3


def test_what_the_shop_serves_is_what_the_truth_lives_under(shop, tmp_path):
    serve(shop, tmp_path, [CONTROL])
    spec = read_scenario(write(shop, tmp_path, serve(shop, tmp_path, [CONTROL]))).arms[0]
    assert spec.recommender.target == "served:Current"
    served = _load(tmp_path / "served.py")
    ids = list(shop.world.goods.table["sku"])
    first = [ids[i] for i in shop.old.ranking[9][:5]]
    requests = [
        Request("u00009", 0, 1, shop.split, 5, shown=tuple(first), seed=seed) for seed in range(50)
    ]
    for slate in served.Current().recommend(requests):
        shown = np.isin(ids, first)[None, :]
        items = np.array([[ids.index(item) for item in slate.items]])
        assert shop.old.chances(np.array([9]), shown, items)[0] == pytest.approx(slate.propensities)


def test_arms_differ_and_the_oracle_is_the_best(shop, tmp_path):
    path = write(shop, tmp_path, serve(shop, tmp_path, QUICK_ARMS))
    truth = foretell(shop, policies(shop, path, QUICK_ARMS), futures=6)
    value = truth.value("clicks")
    assert truth.arms[int(value.argmax())] == "oracle"
    assert truth.arms[int(value.argmin())] == "random"
    assert len(TEN) == 10


def _fresh(shop, futures=1):
    """Lives to which nothing has happened."""
    return State.fresh(60, 80, len(shop.kind.words)).times(futures)


def _a_day(shop, state, policy=None, days=1):
    """Pages of a day or more; the luck is always the same."""
    lives, rng = len(state.delight), np.random.default_rng(8)
    return live(shop.world, policy or shop.old, state, range(days), rng, lives=lives)


def _worth(shop, state, lives):
    items = np.tile(np.arange(80), (len(lives), 1))
    return shop.world.worth(state, lives, lives % 60, items, 0)


def test_basket_wants_less_of_what_it_has_bought_and_more_of_what_goes_with_it():
    shop = plant("basket", 2, **SMALL)
    category, lives = shop.world.goods.category, np.arange(60)
    state = _fresh(shop)
    before = _worth(shop, state, lives)
    state.basket[:, 3] = 1
    change = (_worth(shop, state, lives) - before)[7]
    for one in range(10):
        expected = {3: -shop.kind.basket, 4: shop.kind.basket}.get(one, 0.0)
        assert change[category == one] == pytest.approx(expected)
    state = _fresh(shop, 20)
    pages = _a_day(shop, state)
    bought = [category[page.items[page.bought]] for page in pages]
    count = np.bincount(np.concatenate(bought), minlength=10)
    assert count.sum() > 0
    assert state.basket.sum(axis=0) == pytest.approx(count * np.exp(-1 / 8))


def test_blind_reads_further_where_pages_were_good_and_looks_at_the_top_as_ever():
    shop = plant("blind", 2, **SMALL)
    clicked = {}
    for trust in (-0.8, 0.0, 0.8):
        state = _fresh(shop, 100)
        state.trust[:] = trust
        clicked[trust] = _a_day(shop, state)[0].clicked
    for less, more in ((-0.8, 0.0), (0.0, 0.8)):
        assert (clicked[more][:, 0] == clicked[less][:, 0]).all()
        assert (clicked[more] >= clicked[less]).all()
        assert clicked[more].sum() > clicked[less].sum()
    liked = np.argsort(-_worth(shop, _fresh(shop), np.arange(60)), axis=1)
    trusts = []
    for ranking in (liked, liked[:, ::-1]):
        state = _fresh(shop)
        _a_day(shop, state, Ranked(ranking, 5), days=14)
        trusts.append(state.trust.mean())
    assert trusts[0] > 0.2
    assert trusts[1] < -0.2


def test_herd_follows_what_everybody_of_its_own_future_clicks():
    shop = plant("herd", 2, **SMALL)
    lives, state = np.array([5, 65]), _fresh(shop, 2)
    before = _worth(shop, state, lives)
    state.crowd[0, 11] = 40
    change = _worth(shop, state, lives) - before
    assert change[0, 11] == pytest.approx(shop.kind.herd * np.log(41.5 / 2))
    assert change[0, 12] == pytest.approx(shop.kind.herd * np.log(1.5 / 2))
    assert (change[1] == 0).all()
    state = _fresh(shop, 20)
    pages = _a_day(shop, state)
    count = np.zeros((20, 80))
    for page in pages:
        row, place = np.nonzero(page.clicked)
        np.add.at(count, (page.lives[row] // 60, page.items[row, place]), 1)
    assert count.sum() > 0
    assert state.crowd == pytest.approx(count * np.exp(-1 / 7))


def test_stale_stays_away_where_the_first_page_is_always_the_same():
    shop = plant("stale", 2, **SMALL)
    free, tired = _fresh(shop, 50), _fresh(shop, 50)
    tired.bored[:] = 1
    came = [set(_a_day(shop, state)[0].lives.tolist()) for state in (free, tired)]
    assert came[1] < came[0]
    assert len(came[1]) / len(came[0]) == pytest.approx(1 - shop.kind.stale, abs=0.08)
    same, other = _fresh(shop), _fresh(shop)
    visits = [
        sum(len(page.lives) for page in _a_day(shop, state, policy, days=28) if page.depth == 0)
        for state, policy in ((same, Ranked(shop.old.ranking, 5)), (other, Lots(5)))
    ]
    assert visits[0] < 0.9 * visits[1]
    assert same.bored.mean() > 5 * other.bored.mean()


def test_the_lift_of_a_page_that_never_changes_is_smaller_where_users_tire_of_it():
    shop = plant("stale", 2, **SMALL)
    arms = {"old": shop.old, "same": Ranked(shop.old.ranking, 5)}
    unmoved = replace(shop, world=replace(shop.world, kind=replace(shop.kind, stale=0.0)))
    with_rule, without = (foretell(one, arms, futures=20) for one in (shop, unmoved))
    assert with_rule.lift("visits")[1] < without.lift("visits")[1]


def _without(shop, **rules):
    """The same shop and the same past, but its users have forgotten a rule."""
    kind = replace(shop.kind, **rules)
    return replace(shop, world=replace(shop.world, kind=kind, _known={}))


def test_niche_shuns_what_everybody_likes_and_comes_often():
    shop = plant("niche", 2, **SMALL | {"users": 600})
    people, appeal = shop.world.people, shop.world.goods.appeal
    lives, items = np.arange(600), np.tile(np.arange(80), (600, 1))
    state = State.fresh(600, 80, len(shop.kind.words))
    worth, plain = (
        one.world.worth(state, lives, lives, items, 0) for one in (shop, _without(shop, niche=0.0))
    )
    assert (worth - plain)[~people.niche] == pytest.approx(0)
    turned = np.tile(-2 * shop.kind.item * appeal, (people.niche.sum(), 1))
    assert (worth - plain)[people.niche] == pytest.approx(turned)
    assert people.niche.mean() == pytest.approx(shop.kind.niche, abs=0.08)
    assert people.visits[people.niche].mean() > 1.3 * people.visits[~people.niche].mean()


def test_letdown_knows_only_what_it_has_clicked_and_what_disappoints_counts_twice():
    shop = plant("letdown", 2, **SMALL)
    goods, lives = shop.world.goods, np.arange(60)
    best, worst = goods.quality.argmax(), goods.quality.argmin()
    state = _fresh(shop)
    before = _worth(shop, state, lives)
    state.clicked[:, [best, worst]] = 1
    change = (_worth(shop, state, lives) - before)[7] + shop.kind.done * (state.clicked[7] > 0)
    assert change[best] == pytest.approx(shop.kind.letdown * goods.quality[best], abs=1e-6)
    assert change[worst] == pytest.approx(2 * shop.kind.letdown * goods.quality[worst], abs=1e-6)
    assert change[[i for i in range(80) if i not in (best, worst)]] == pytest.approx(0)
    state = _fresh(shop)
    state.lesson[:, 2] = -1
    change = (_worth(shop, state, lives) - before)[7]
    mood = np.where(goods.category == 2, -shop.kind.letdown * np.tanh(0.5), 0)
    assert change == pytest.approx(mood)
    assert np.corrcoef(goods.quality, goods.appeal)[0, 1] < 0  # titles promise too much


def test_letdown_learns_the_quality_of_its_clicks_and_buys_what_is_good():
    shop = plant("letdown", 2, **SMALL)
    state, quality = _fresh(shop, 50), shop.world.goods.quality
    pages = _a_day(shop, state)
    clicked = np.concatenate([quality[page.items[page.clicked]] for page in pages])
    bought = np.concatenate([quality[page.items[page.bought]] for page in pages])
    assert state.lesson.sum() == pytest.approx(clicked.sum() * np.exp(-1 / 30))
    assert bought.mean() > clicked.mean() + 0.2


def test_decoy_lifts_what_beats_a_neighbour_and_lowers_what_is_beaten():
    category = np.array([[0, 1, 0, 1, 0, 1, 2, 2]])
    price = np.array([[1.0, 1.0, 2.0, 2.0, 9.0, 0.5, 1.0, 2.0]])
    appeal = np.array([[1.0, 0.0, 0.5, 0.5, 0.7, -1.0, 1.0, 0.9]])
    # The fifth would be beaten by the first, four places up; the second is cheaper but less liked.
    assert dominance(category, price, appeal).tolist() == [[1, 0, -0.5, 0, 0, 0, 1, -0.5]]


def test_decoy_clicks_more_where_an_item_beats_another():
    shop = plant("decoy", 2, **SMALL)
    goods, count = shop.world.goods, []
    for one in (shop, _without(shop, decoy=0.0)):
        page = _a_day(one, _fresh(one, 200))[0]
        of = [column[page.items] for column in (goods.category, goods.log_price, goods.appeal)]
        beats = dominance(*of)
        count.append([page.clicked[beats > 0].mean(), page.clicked[beats < 0].mean()])
    assert count[0][0] > 1.5 * count[1][0]
    assert count[0][1] < count[1][1]


def test_leaving_is_for_good_and_only_after_a_visit_without_a_click():
    shop = plant("leaving", 2, **SMALL)
    state = _fresh(shop, 50)
    pages = _a_day(shop, state)
    came = np.unique(np.concatenate([page.lives for page in pages]))
    glad = np.unique(np.concatenate([page.lives[page.clicked.any(axis=1)] for page in pages]))
    barren = np.setdiff1d(came, glad)
    assert set(np.flatnonzero(state.gone)) <= set(barren)
    assert state.gone[barren].mean() == pytest.approx(shop.kind.leaving, abs=0.05)
    gone = set(np.flatnonzero(state.gone))
    assert gone
    later = _a_day(shop, state, days=10)
    assert not gone & set(np.concatenate([page.lives for page in later]).tolist())
    assert gone < set(np.flatnonzero(state.gone))


def _load(path):
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"{path.stem}_here", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRUE = np.array([1.0, 1.5, 1.2, 1.21, 0.5])


@pytest.mark.parametrize(
    ("value", "order", "slope", "level"),
    [
        (TRUE, 1.0, 1.0, 1.0),
        (2 * TRUE, 1.0, 1.0, 2.0),  # lifts are right, the level is not
        (1 + (TRUE - 1) / 4, 1.0, 0.25, 1.0),
        (2 - TRUE, 0.0, -1.0, 1.0),
    ],
)
def test_scores_of_estimates_whose_faults_are_known(value, order, slope, level):
    found = score(TRUE, Estimate(value))
    assert found.pairs == 9  # 1.2 and 1.21 are too close to count
    assert (found.order, found.slope, found.level) == pytest.approx((order, slope, level))


def test_intervals_are_counted_and_an_arm_left_out_does_not_count():
    low = np.array([0.0, 0.4, -0.3, 0.1, 0.2])
    high = np.array([0.0, 0.6, 0.3, 0.2, 0.4])
    found = score(TRUE, Estimate(1 + (low + high) / 2, low, high))
    assert (found.covered, found.intervals) == (2, 4)  # +50% and +20%, not +21%, not -50%
    assert (found.wrong, found.significant) == (1, 3)  # the one called +20% to +40%
    without = score(TRUE, Estimate(1 + (low + high) / 2, low, high), arms=[1, 2, 3])
    assert (without.intervals, without.wrong) == (3, 0)


def test_an_estimate_that_leaves_an_arm_out_is_judged_by_the_others():
    value = np.where(TRUE == 1.5, np.nan, TRUE)
    found = score(TRUE, Estimate(value))
    assert (found.order, found.pairs, found.left_out) == (1.0, 5, 1)
    assert (found.slope, found.error) == pytest.approx((1, 0))


def test_the_benchmark_reads_compare_and_prints_a_table(monkeypatch):
    benchmarks = Path(__file__).parents[1] / "benchmarks"
    monkeypatch.syspath_prepend(benchmarks)  # benchmarks import each other
    bench = _load(benchmarks / "planted_shops.py")
    arms = [CONTROL, "rate", "random", "oracle"]
    true = [2.0, 3.0, 1.0, 4.0]
    none = [float("nan")] * 4
    said = {"value": true, "low": none, "high": none, "effective": none, "mean_weight": none}
    of = {"true": true, "ndcg": true[::-1], "snips": said}
    contrasts = [
        {"metric": metric, "treatment": arm, "lift": lift, "lift_low": lift - 0.1, "lift_high": 9}
        for metric in ("clicks", "purchases")
        for arm, lift in zip(arms[1:], (0.5, -0.5, 0.5), strict=True)
    ]
    compared = {"arms": [{"name": CONTROL, "metrics": {"clicks": 2.2, "purchases": None}}]}
    compared["arms"][0]["metrics"]["purchases"] = 2.0
    both = {"lift": 0.5, "low": 0.55, "high": 0.6}
    contrasts[0]["evidence"] = {"all_uncertainty": both, "off_policy": None, "both": both}
    scores = bench.judge(
        {"arms": arms, "clicks": of, "purchases": of}, {**compared, "contrasts": contrasts}
    )
    clicks = scores["simulated"]["clicks"]
    assert clicks["all"].pairs_right == 5.5  # rate and the oracle are said to be equal
    assert clicks["without the oracle"].order == 1
    assert clicks["all"].level == pytest.approx(1.1)
    assert (clicks["all"].covered, clicks["all"].intervals) == (2, 3)
    assert scores["both"]["clicks"]["all"].left_out == 2
    text = bench.table({"fashion": {1: scores}}, "clicks")
    assert "| simulated: pairs in the right order | 0.92 |" in text
    assert "level over the true one | 1.10 |" in text
