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
from planted.arms import CONTROL, TEN, policies, serve
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


def test_the_benchmark_reads_compare_and_prints_a_table():
    bench = _load(Path(__file__).parents[1] / "benchmarks" / "planted_shops.py")
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
