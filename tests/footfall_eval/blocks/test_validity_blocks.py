"""Each block says what is true in a world where that is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import validity_worlds as world
from footfall.errors import DataError
from footfall_eval.blocks.calibration import calibration, recalibration, reliability
from footfall_eval.blocks.choice import choice
from footfall_eval.blocks.decide import decide
from footfall_eval.blocks.discrimination import Task, best_rule, discriminate
from footfall_eval.blocks.distributions import Compared, distributions
from footfall_eval.blocks.groups import by_group
from footfall_eval.blocks.individuality import SWAPPED, individuality
from footfall_eval.blocks.invariance import Retest, invariance
from footfall_eval.blocks.logs import logs
from footfall_eval.blocks.predictions import BLEND, WITHOUT_MODEL, check, score
from footfall_eval.blocks.provenance import Provenance, provenance
from footfall_eval.blocks.ranking import DRAWN_ANEW, SlateFigures, ranking
from footfall_eval.blocks.uplift import uplift, with_kind
from footfall_eval.reading.block import Block, plain
from footfall_eval.statistics.resample import mean_interval, ratio_interval

pytestmark = pytest.mark.slow


def heard(loud, deaf):
    found = world.predictions(blend=loud, without=deaf)
    return found.replace({"model": {"without": WITHOUT_MODEL}})


# -- B


def test_users_who_know_the_tastes_pass_and_the_model_is_credited():
    held = world.predictions(blend=world.truth, uniform=world.uniform, popularity=world.half)
    block = choice(held, heard(world.truth, world.half), seed=1)
    assert block.status == "pass"
    assert block.metrics["language model adds"] is True
    assert [row["model"] for row in block.table] == ["blend", "popularity", "uniform"]
    assert block.metrics["gain over best baseline"] > 0.2


def test_a_model_of_pure_noise_is_reported_as_adding_nothing():
    held = world.predictions(blend=world.half, uniform=world.uniform)
    block = choice(held, heard(world.noise, world.half), seed=1)
    assert block.metrics["language model adds"] is False
    assert "adds nothing here" in block.explanation


def test_users_who_equal_their_features_without_the_model_are_amber_not_pass():
    held = world.predictions(blend=world.truth, uniform=world.uniform, without=world.truth)
    held = held.replace({"model": {"without": WITHOUT_MODEL}})
    assert choice(held, None, seed=1).status == "amber"


def test_users_who_guess_are_red():
    held = world.predictions(blend=world.noise, uniform=world.uniform, popularity=world.half)
    assert choice(held, None, seed=1).status == "red"


def test_scores_of_a_set_are_what_one_computes_by_hand():
    rows = world.frame(np.array([[0.5, 0.2, 0.2, 0.1]]), [0], np.array([1]), "blend")
    found = score(rows)
    assert found.nll.loc[0, BLEND] == pytest.approx(-np.log(0.2))
    assert found.first.loc[0, BLEND] == 0
    assert found.reciprocal.loc[0, BLEND] == pytest.approx(1 / 2.5)  # shares places 2 and 3
    assert found.auc.loc[0, BLEND] == pytest.approx(0.25)


def test_users_to_whom_all_is_alike_order_no_recommenders():
    rows = world.contest()
    block = ranking(SlateFigures.of(rows.assign(simulated=0.2), {}), base="random", seed=1, k=10)
    assert block.status == "red"
    assert "no difference between items" in block.explanation
    assert block.metrics["tau interval"] == (0.0, 0.0)


def test_nothing_chosen_has_a_likelihood_and_no_rank():
    rows = world.frame(np.array([[0.3, 0.2, 0.5]]), [0], np.array([2]), "blend")
    found = score(rows)
    assert found.nll.loc[0, BLEND] == pytest.approx(-np.log(0.5))
    assert found.first.loc[0, BLEND] == 1
    assert np.isnan(found.auc.loc[0, BLEND])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.drop(columns="p"), 'no column "p"'),
        (lambda rows: rows.assign(p=rows["p"] * 2), "sum to 2, not to 1"),
        (lambda rows: rows.assign(chosen=False), "0 chosen options"),
    ],
)
def test_a_wrong_table_is_refused(spoil, message):
    with pytest.raises(DataError, match=message):
        check(spoil(world.predictions(blend=world.truth)))


# -- C


def test_true_probabilities_are_calibrated():
    block = calibration(world.predictions(blend=world.truth), seed=1)
    assert block.status == "pass"
    assert block.metrics["slope"] == pytest.approx(1, abs=0.1)
    assert block.metrics["brier skill"] > 0.1


def test_users_who_are_too_sure_are_red():
    block = calibration(world.predictions(blend=world.too_sure), seed=1)
    assert block.status == "red"
    assert block.metrics["slope"] < 0.5


@given(st.integers(16, 300), st.integers(0, 5))
def test_reliability_bins_hold_every_item_once_and_rise(n, seed):
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    bins = reliability(p, (rng.random(n) < p) * 1.0)
    assert sum(one["items"] for one in bins) == n
    assert max(one["items"] for one in bins) - min(one["items"] for one in bins) <= 1
    assert np.all(np.diff([one["predicted"] for one in bins]) >= 0)


@given(st.floats(0.3, 3), st.floats(-1, 1))
def test_recalibration_finds_what_was_done_to_the_log_odds(slope, shift):
    rng = np.random.default_rng(3)
    x = rng.normal(size=20_000)
    y = (rng.random(len(x)) < 1 / (1 + np.exp(-(shift + slope * x)))) * 1.0
    found = recalibration(1 / (1 + np.exp(-x)), y)
    assert found == pytest.approx((shift, slope), abs=0.15)


# -- D


def takings(rng, shares, users=120, each=15):
    values = rng.choice(len(shares), size=(users, each), p=shares)
    return pd.DataFrame(
        {
            "user": np.repeat([f"u{n}" for n in range(users)], each),
            "value": values.ravel(),
            "weight": 1.0,
        }
    )


def test_the_same_distribution_is_as_near_as_real_is_to_real():
    rng = np.random.default_rng(0)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    same = Compared("category", "shares", takings(rng, shares), takings(rng, shares))
    block = distributions([same], {}, seed=1)
    assert block.status == "pass"
    assert block.metrics["category: ratio to floor"] == pytest.approx(1, abs=0.6)


def test_another_distribution_is_red_and_named():
    rng = np.random.default_rng(0)
    real = takings(rng, [0.4, 0.3, 0.2, 0.1])
    near = Compared("price", "shares", takings(rng, [0.4, 0.3, 0.2, 0.1]), real)
    far = Compared("category", "shares", takings(rng, [0.1, 0.2, 0.3, 0.4]), real)
    block = distributions([near, far], {}, seed=1)
    assert block.status == "red"
    assert "category" in block.explanation


def test_amounts_are_compared_by_how_far_they_must_be_moved():
    rng = np.random.default_rng(0)

    def gaps(mean):
        rows = [(f"u{n}", value, 1.0) for n in range(80) for value in rng.exponential(mean, 6)]
        return pd.DataFrame(rows, columns=["user", "value", "weight"])

    real = gaps(5)
    assert distributions([Compared("gap", "amounts", gaps(5), real)], {}, seed=1).status == "pass"
    assert distributions([Compared("gap", "amounts", gaps(25), real)], {}, seed=1).status == "red"


def test_nothing_to_compare_is_not_run_and_says_why():
    block = distributions([], {"dwell": "nobody measured it"}, seed=1)
    assert (block.status, block.explanation) == ("not run", "dwell: nobody measured it")


# -- E


def likings(seed=0, users=60, sets=20, k=5):
    """Every user likes one colour; options have colours; utilities are the user's own."""
    rng = np.random.default_rng(seed)
    colour = rng.normal(size=(users * sets, k))
    liking = np.repeat(np.linspace(-2, 2, users), sets)[:, None]
    utility = np.column_stack([liking * colour, np.full(users * sets, -9.0)])
    p = world.softmax(utility)
    chosen = (np.cumsum(p, axis=1) < rng.random((len(p), 1))).sum(axis=1)
    who = np.repeat(np.arange(users), sets)
    other = world.softmax(np.column_stack([-liking * colour, np.full(users * sets, -9.0)]))
    mean = world.softmax(np.column_stack([0 * colour, np.full(users * sets, -9.0)]))
    traits = pd.DataFrame(
        {
            "set": np.repeat(np.arange(len(p)), k),
            "option": np.tile(np.arange(k), len(p)),
            "colour": colour.ravel(),
        }
    )
    return p, other, mean, who, chosen, traits


def test_users_with_tastes_of_their_own_pass():
    p, other, _, who, chosen, traits = likings()
    own = world.frame(p, who, chosen, BLEND)
    both = pd.concat([own, world.frame(other, who, chosen, SWAPPED)])
    block = individuality(own, traits, both, seed=1)
    assert block.status == "pass"
    assert block.metrics["swap costs nats"] > 0.3


def test_one_persona_for_all_is_red():
    _, _, mean, who, chosen, traits = likings()
    same = world.frame(mean, who, chosen, BLEND)
    both = pd.concat([same, world.frame(mean, who, chosen, SWAPPED)])
    block = individuality(same, traits, both, seed=1)
    assert block.status == "red"
    assert block.metrics["spread of colour"] < 0.5


# -- F


def asked(premium, seed=0, n=40, k=5):
    utility = np.random.default_rng(seed).normal(size=(n, k))
    orders = np.repeat(utility[:, None], k, axis=1)
    orders[:, np.arange(k), np.arange(k)] += premium
    return utility, orders


def test_a_model_that_reads_the_items_only_passes():
    utility, orders = asked(0.0)
    block = invariance(Retest(orders, utility, utility), seed=1)
    assert block.status == "pass"
    assert block.metrics["agreement over cyclic orders"] == 1


def test_a_model_that_likes_the_first_place_is_red():
    utility, orders = asked(2.0)
    block = invariance(Retest(orders, utility), seed=1)
    assert block.status == "red"
    assert block.metrics["first-slot premium"] > 0.1


# -- G


def test_the_right_order_with_the_right_size_passes():
    slates = SlateFigures.of(world.contest(), {})
    block = ranking(slates, base="random", seed=1, k=10)
    assert block.status == "pass"
    assert block.metrics["tau"] == 1
    assert block.metrics["slope"] == pytest.approx(1, abs=0.25)
    assert block.table[0]["recommender"] == "r8"
    assert block.metrics["top-1 regret"] == 0


def test_shrunken_lifts_are_no_pass_whatever_the_order():
    slates = SlateFigures.of(world.contest(lift=0.1), {})
    block = ranking(slates, base="random", seed=1, k=10)
    assert block.metrics["slope"] == pytest.approx(0.1, abs=0.03)
    assert block.metrics["tau"] == 1
    assert block.status == "amber"


def test_the_wrong_order_is_red():
    rows = world.contest()
    block = ranking(
        SlateFigures.of(rows.assign(simulated=-rows["simulated"]), {}), base="random", seed=1, k=10
    )
    assert block.status == "red"
    assert block.metrics["top-1 regret"] > 0.8


def test_an_order_no_better_than_offline_ndcg_is_amber():
    rows = world.contest(noise=3.0, users=40, seed=5)
    offline = {name: float(n) for n, name in enumerate(rows["recommender"].unique())}
    block = ranking(SlateFigures.of(rows, offline), base="random", seed=1, k=10)
    assert block.metrics["tau"] < block.metrics["tau of offline ndcg"] == 1
    assert block.status in {"amber", "red"}


def test_few_users_cannot_tell_whether_the_order_is_right():
    """Real users drawn anew agree less with themselves, and the verdict says so."""
    many = ranking(SlateFigures.of(world.contest(users=400), {}), base="random", seed=1, k=10)
    few = ranking(
        SlateFigures.of(world.contest(noise=3.0, users=12, seed=5), {}), base="random", seed=1, k=10
    )
    low, high = few.metrics["tau interval"]
    assert low < 0.64 <= high
    assert few.metrics[DRAWN_ANEW] < 0.9 < many.metrics[DRAWN_ANEW]
    passed = blocks(B="pass", C="pass", D="pass")
    said = decide({**passed, "G": few}).reasons
    assert any("too few to tell" in reason and "12 users" in reason for reason in said)
    assert not any("too few to tell" in one for one in decide({**passed, "G": many}).reasons)


def test_fewer_than_eight_recommenders_are_no_evidence():
    block = ranking(SlateFigures.of(world.contest(names=5), {}), base="random", seed=1, k=10)
    assert block.status == "not run"


def test_no_held_out_hits_are_no_evidence():
    rows = world.contest().assign(real=0.0)
    assert ranking(SlateFigures.of(rows, {}), base="random", seed=1, k=10).status == "not run"


# -- H, I, A


def test_aa_tests_call_one_in_twenty_different():
    rng = np.random.default_rng(0)
    block = uplift(rng.uniform(0.05, 0.4, size=(200, 10)), None, seed=1)
    assert block.status == "not run"
    assert 0.02 < block.metrics["A/A false positives"] < 0.08


def test_past_tests_with_the_right_signs_pass_if_there_are_enough():
    rng = np.random.default_rng(0)
    expected = rng.uniform(0.05, 0.4, size=(200, 10))
    real = np.array([0.1, -0.1] * 6)
    tests = pd.DataFrame({"control": "a", "treatment": "b", "simulated": real * 0.8, "real": real})
    assert uplift(expected, tests, seed=1).status == "pass"
    assert uplift(expected, tests.head(4), seed=1).status == "amber"
    assert uplift(expected, tests.assign(simulated=-real), seed=1).status == "red"


def test_real_intervals_tell_which_past_tests_are_decisive():
    expected = np.random.default_rng(0).uniform(0.05, 0.4, size=(200, 10))
    real = np.array([0.1, 0.01] * 6)
    tests = pd.DataFrame({"control": "a", "treatment": "b", "simulated": 0.09, "real": real})
    tests = tests.assign(low=real - 0.05, high=real + 0.05)
    found = uplift(expected, tests, seed=1).metrics
    assert (found["decisive tests"], found["same sign, decisive"]) == (6, 1.0)
    assert found["simulated inside the real interval"] == 0.5


@pytest.mark.parametrize(
    ("status", "grade"),
    [("validated", "pass"), ("direction only", "amber"), ("not validated", "red")],
)
def test_past_tests_of_one_kind_of_change_grade_the_block_and_name_the_kind(status, grade):
    expected = np.random.default_rng(0).uniform(0.05, 0.4, size=(200, 10))
    kind = {"kind": "wordings", "status": status, "sentence": "So for wordings."}
    block = with_kind(uplift(expected, None, seed=1), kind)
    assert block.status == grade
    assert block.metrics["wordings"] == status
    assert block.explanation.startswith("So for wordings.")


@pytest.mark.parametrize(("share", "status"), [(1.0, "pass"), (0.8, "amber"), (0.3, "red")])
def test_logs_are_judged_by_what_is_learned_from_them(share, status):
    real = np.random.default_rng(0).uniform(0.2, 0.5, 100)
    users = pd.DataFrame({"real": real, "synthetic": share * real, "random": 0.1 * real})
    block = logs(users, events=1000, recommender="item-knn", k=10, seed=1)
    assert block.status == status
    assert block.metrics["share of real"] == pytest.approx(share)


def test_an_unknown_cutoff_never_passes_and_circular_data_is_red():
    made = {"hashes": {}, "model": "embedded 00", "split": "2024-01-01"}
    assert provenance(Provenance(**made)).status == "amber"
    assert provenance(Provenance(**made, circular=True)).status == "red"
    dated = Provenance(**made, cutoff="2023-01", published="2024-01")
    assert provenance(dated).status == "pass"


# -- the verdict


def blocks(**statuses):
    tau = {"tau": 0.8, "tau interval": [0.5, 0.9]}
    return {
        letter: Block(letter, status, "", tau if letter == "G" else {})
        for letter, status in statuses.items()
    }


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (blocks(B="pass", C="pass", D="amber", G="pass"), "validated"),
        (blocks(B="pass", C="pass", D="red", G="pass"), "direction only"),
        (blocks(B="amber", C="red", D="pass", G="amber"), "direction only"),
        (blocks(B="red", C="pass", D="pass", G="pass"), "not validated"),
        (blocks(B="pass", C="pass", D="pass"), "not validated"),
        (blocks(B="pass", C="pass", G="pass"), "direction only"),
        ({}, "not validated"),
    ],
)
def test_the_verdict_follows_the_rule_and_missing_evidence_never_counts(found, verdict):
    decision = decide(found)
    assert decision.verdict == verdict
    assert bool(decision.reasons) == (verdict != "validated")


def test_obstacles_forbid_any_belief():
    found = blocks(B="pass", C="pass", D="pass", G="pass")
    assert decide(found, ("other coefficients",)).verdict == "not validated"


# -- groups, intervals, the 1:m task


def test_the_worst_group_is_named():
    users = [f"u{n}" for n in range(60)]
    gain = pd.Series(np.where(np.arange(60) < 20, -0.5, 0.5), index=users)
    segments = pd.DataFrame(
        {"user": users, "column": "age", "group": ["old"] * 20 + ["young"] * 40}
    )
    block = by_group(
        Block("B", "pass", ""), gain, segments, figure="gain", seed=1, larger_is_worse=False
    )
    assert block.metrics["worst group"] == "age = old"
    assert [row["group"] for row in block.segments] == ["old", "young"]


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    hits = ratios = 0
    for trial in range(200):
        sample = rng.gamma(2, 1, 60)
        found = mean_interval(sample, trial)
        hits += found.low <= 2 <= found.high
        ratio = ratio_interval(sample, np.ones(60), trial)
        ratios += ratio.low <= 2 <= ratio.high
    assert 0.88 <= hits / 200 <= 1
    assert 0.88 <= ratios / 200 <= 1


def test_discrimination_ranks_who_knows_above_who_guesses():
    rng = np.random.default_rng(0)

    def task(n):
        taken = rng.permuted(np.tile(np.arange(20) < 5, (n, 1)), axis=1)
        right = taken + rng.normal(0, 0.4, taken.shape)
        return Task(3, taken, {BLEND: right, "popularity": rng.normal(size=taken.shape)})

    rows = {row["predictor"]: row for row in discriminate(task(100), task(60), seed=1)}
    assert rows[BLEND]["f1"] > 0.7 > rows["popularity"]["f1"]
    assert rows["popularity"]["auc"] == pytest.approx(0.5, abs=0.06)
    assert rows["popularity"]["f1 gain interval"][0] > 0.2
    never = rows["always no"]
    assert (never["f1"], never["accuracy"]) == (0, 0.75)
    assert never["ndcg@5"] == pytest.approx(0.25)  # all scores tie: the share of taken items


def test_the_rule_is_the_best_one_for_scores_of_either_kind():
    taken = np.array([[False, False, True, True], [False, False, True, True]])
    comparable = np.array([[0.1, 0.4, 0.6, 0.9], [0.2, 0.3, 0.7, 0.8]])
    assert best_rule(comparable, taken).says_yes(comparable).tolist() == taken.tolist()
    only_ranks = comparable + np.array([[0.0], [100.0]])
    rule = best_rule(only_ranks, taken)
    assert rule.relative
    assert rule.says_yes(only_ranks).tolist() == taken.tolist()


def test_json_has_no_nan():
    assert plain({"a": np.float64("nan"), "b": (np.int64(3), [np.inf])}) == {
        "a": None,
        "b": [3, [None]],
    }
