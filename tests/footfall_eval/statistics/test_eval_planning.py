"""Many arms, interleaving, power, off-policy and offline quality, in worlds with a known answer."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from eval_worlds import impressions, write_run
from footfall.errors import DataError, UserError
from footfall_eval import RunLog
from footfall_eval.measures.metrics import Columns
from footfall_eval.measures.quality import quality
from footfall_eval.reading.load import COUNTS
from footfall_eval.statistics.effects import effect
from footfall_eval.statistics.interleaving import interleaving
from footfall_eval.statistics.many import best_arms
from footfall_eval.statistics.offpolicy import logged_bandit, off_policy, read_bandit_log
from footfall_eval.statistics.power import plan
from footfall_eval.statistics.segments import segment_effects


def arms_frame(**clicks):
    """Per-user counts with given clicks, one keyword an arm."""
    frames = []
    for arm, values in clicks.items():
        n = len(values)
        frame = pd.DataFrame(dict.fromkeys(COUNTS, np.zeros(n)))
        frames.append(
            frame.assign(
                arm=arm, user=[f"u{k}" for k in range(n)], clicks=np.asarray(values, float)
            )
        )
    return pd.concat(frames, ignore_index=True)


# --- many arms -----------------------------------------------------------------------------


def test_the_set_of_best_arms_keeps_the_best_and_its_twin():
    rng = np.random.default_rng(1)
    base = rng.poisson(5, 400)
    frame = arms_frame(good=base + rng.poisson(2, 400), twin=base + rng.poisson(2, 400), bad=base)
    frame = pd.concat([frame, frame[frame.arm == "good"].assign(arm="copy")])
    found = best_arms(frame, "clicks", reps=300)
    assert set(found.included) == {"good", "twin", "copy"}
    assert found.p_values["bad"] < 0.05
    assert found.p_values["copy"] == found.p_values["good"]


def test_arms_that_are_all_equal_are_all_best():
    values = np.arange(40.0)
    found = best_arms(arms_frame(a=values, b=values, c=values), "clicks")
    assert found.included == ("a", "b", "c")


def test_ties_and_constant_differences_do_not_stop_the_set_of_best_arms():
    counts = np.arange(60) % 3
    frame = arms_frame(a=counts, b=counts + 1, c=counts[::-1], d=np.roll(counts, 1))
    assert best_arms(frame, "clicks").included == ("b",)
    with pytest.raises(UserError, match="30 users"):
        best_arms(arms_frame(a=[1, 2], b=[2, 2], c=[0, 1]), "clicks")


# --- interleaving --------------------------------------------------------------------------


def test_interleaving_counts_users_not_clicks():
    credit = pd.DataFrame(
        {
            "user": ["u1"] * 30 + ["u2", "u3", "u4", "u5"],
            "first": [1] * 30 + [0, 0, 1, 1],
            "second": [0] * 30 + [1, 2, 0, 1],
        }
    )
    found = interleaving(credit)
    assert (found.first_wins, found.second_wins, found.ties) == (2, 2, 1)
    assert found.p_value == 1
    assert found.share == 0.5


def test_interleaving_finds_a_clear_preference():
    credit = pd.DataFrame({"user": range(100), "first": 1, "second": 0})
    credit.loc[:19, ["first", "second"]] = [0, 1]
    found = interleaving(credit)
    assert found.p_value == pytest.approx(stats.binomtest(80, 100).pvalue)
    assert found.ci_low > 0.5
    assert interleaving(credit.assign(first=0, second=0)).p_value == 1
    with pytest.raises(DataError, match="second"):
        interleaving(credit[["user", "first"]])


# --- power ---------------------------------------------------------------------------------


def test_planned_users_have_the_planned_power():
    rng = np.random.default_rng(2)

    def world(n, lift):
        taste = rng.normal(10, 3, n)
        return taste + rng.normal(size=n), taste + lift + rng.normal(size=n)

    pilot = world(2_000, 0.0)
    found = plan(
        arms_frame(a=pilot[0], b=pilot[1]), metric="clicks", control="a", treatment="b", effect=0.4
    )
    assert found.correlation == pytest.approx(0.9, abs=0.02)
    hits = sum(
        effect(*(Columns(arm, None) for arm in world(found.paired_users, 0.4))).p_value < 0.05
        for _ in range(500)
    )
    assert hits / 500 == pytest.approx(0.8, abs=0.06)
    assert found.split_users > 15 * found.paired_users
    size = 0.4 / found.split_deviation
    theirs = TTestIndPower().solve_power(effect_size=size, power=0.8, alpha=0.05)
    assert found.split_users == pytest.approx(2 * theirs, abs=2)
    assert found.paired_detectable < found.split_detectable / 3


def test_a_pilot_of_one_user_is_refused():
    with pytest.raises(UserError, match="two users"):
        plan(arms_frame(a=[1], b=[2]), metric="clicks", control="a", treatment="b")


def test_a_pilot_without_spread_needs_two_users():
    found = plan(arms_frame(a=[1, 2, 3], b=[2, 3, 4]), metric="clicks", control="a", treatment="b")
    assert found.paired_users == 2


# --- off-policy ----------------------------------------------------------------------------


def bandit(rng, users, visits=5, *, wrong_model=False):
    """Three items, known reward rates; the logger shows 0 mostly, the target shows 2 mostly."""
    rewards = np.array([0.1, 0.2, 0.4])
    logger, target = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.2, 0.7])
    rows = users * visits
    shown = rng.choice(3, rows, p=logger)
    person = np.repeat(rng.uniform(0.5, 1.5, users), visits)
    reward = rng.random(rows) < rewards[shown] * person
    model = np.array([0.3, 0.3, 0.3]) if wrong_model else rewards
    frame = pd.DataFrame(
        {
            "user": np.repeat(np.arange(users), visits),
            "reward": reward.astype(float),
            "propensity": logger[shown],
            "target": target[shown],
            "predicted": model[shown],
            "predicted_target": float(target @ model),
        }
    )
    return frame, float(target @ rewards)


@pytest.mark.parametrize("wrong_model", [False, True])
def test_off_policy_estimates_are_unbiased_and_cover(wrong_model):
    rng = np.random.default_rng(3)
    covered = dict.fromkeys(("ips", "snips", "doubly_robust"), 0)
    means = dict.fromkeys(covered, 0.0)
    worlds = 120
    for _ in range(worlds):
        frame, truth = bandit(rng, 250, wrong_model=wrong_model)
        found = off_policy(frame, resamples=300)
        for name in covered:
            one = getattr(found, name)
            covered[name] += one.ci_low <= truth <= one.ci_high
            means[name] += one.value / worlds
    assert all(0.88 <= hits / worlds <= 0.99 for hits in covered.values()), covered
    assert all(mean == pytest.approx(truth, abs=0.01) for mean in means.values()), means


def test_off_policy_reports_what_weakens_it():
    frame, _ = bandit(np.random.default_rng(4), 400)
    free, cut = off_policy(frame, resamples=50), off_policy(frame, clip=2.0, resamples=50)
    assert free.mean_weight == pytest.approx(1, abs=0.15)
    assert free.clipped == 0 < cut.clipped
    assert free.effective_sample_size < free.impressions / 2 < cut.effective_sample_size * 2
    same = off_policy(frame.assign(target=frame.propensity), resamples=50)
    assert same.ips.value == same.snips.value == pytest.approx(same.logged)
    assert same.effective_sample_size == pytest.approx(len(frame))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propensity": 0.0}, "not above 0"),
        ({"propensity": np.nan}, "missing values"),
        ({"predicted": None}, "missing values"),
    ],
)
def test_off_policy_refuses_impossible_logs(change, message):
    frame, _ = bandit(np.random.default_rng(5), 10)
    with pytest.raises(DataError, match=message):
        off_policy(frame.assign(**change))
    with pytest.raises(DataError, match="no column 'target'"):
        off_policy(frame.drop(columns="target"))


# --- segments ------------------------------------------------------------------------------


def test_segments_without_differences_are_drawn_together():
    rng = np.random.default_rng(6)
    spread_raw, spread_pooled, p_values = [], [], []
    for _ in range(40):
        base = rng.poisson(5, 400)
        frame = arms_frame(a=base, b=base + rng.poisson(1, 400))
        users = pd.DataFrame({"user": [f"u{k}" for k in range(400)], "age": np.arange(400) % 8})
        found = segment_effects(frame, users, "age", metric="clicks", control="a", treatment="b")
        spread_raw.append(np.std([one.raw for one in found.segments]))
        spread_pooled.append(np.std([one.difference for one in found.segments]))
        p_values.append(found.p_value)
    assert np.mean(spread_pooled) < 0.4 * np.mean(spread_raw)
    assert np.mean(np.array(p_values) < 0.05) <= 0.15


def test_segments_that_differ_stay_apart_and_small_ones_are_counted():
    rng = np.random.default_rng(7)
    old = np.arange(405) % 2 == 0
    base = rng.poisson(5, 405)
    frame = arms_frame(
        a=base, b=base + np.where(old, rng.poisson(3, 405), 0) + rng.poisson(0.5, 405)
    )
    age = np.where(old, "old", "young").astype(object)
    age[:5] = "unknown"
    users = pd.DataFrame({"user": [f"u{k}" for k in range(405)], "age": age})
    found = segment_effects(frame, users, "age", metric="clicks", control="a", treatment="b")
    effects = {one.segment: one for one in found.segments}
    assert effects["old"].ci_low < 3.5 < effects["old"].ci_high
    assert effects["young"].ci_low < 0.5 < effects["young"].ci_high
    assert found.p_value < 1e-6
    assert found.left_out == 5


# --- offline quality -----------------------------------------------------------------------


def test_quality_of_first_pages(tmp_path):
    shown = impressions(np.random.default_rng(8), "a", ["u1", "u2"], days=2, slate=3)
    first = shown.session == 0
    shown.loc[first & (shown.user == "u1"), "item"] = ["i01", "i02", "i03"]
    shown.loc[first & (shown.user == "u2"), "item"] = ["i04", "i05", "i06"]
    log = RunLog.open(write_run(tmp_path, shown))
    held_out = pd.DataFrame(
        {"user": ["u1", "u1", "u2", "u9"], "item": ["i02", "i19", "i00", "i01"]}
    )
    (found,) = quality(log, held_out)
    assert (found.users, found.hit_rate, found.recall, found.mrr) == (2, 0.5, 0.25, 0.25)
    # u1: the hit is at rank 2 of two relevant items. LensKit discounts ranks 1 and 2 alike.
    assert found.ndcg == pytest.approx(0.5 / 2)
    with pytest.raises(DataError, match="item"):
        quality(log, held_out[["user"]])


def test_off_policy_is_what_the_formulas_say():
    """Checked against obp 0.4.1 on its Open Bandit sample as well: docs/statistics.md."""
    frame, _ = bandit(np.random.default_rng(9), 60)
    found = off_policy(frame, resamples=20)
    weight = frame.target / frame.propensity
    assert found.ips.value == pytest.approx(np.mean(weight * frame.reward), abs=1e-12)
    assert found.snips.value == pytest.approx(np.average(frame.reward, weights=weight), abs=1e-12)
    error = weight * (frame.reward - frame.predicted)
    assert found.doubly_robust.value == pytest.approx(
        np.mean(frame.predicted_target + error), abs=1e-12
    )


def test_logs_from_elsewhere_are_read_by_their_own_column_names(tmp_path):
    frame, _ = bandit(np.random.default_rng(10), 30)
    names = {"user": "uid", "reward": "click", "propensity": "pscore", "target": "pi"}
    frame.rename(columns=names).to_csv(tmp_path / "log.csv", index=False)
    read = read_bandit_log(tmp_path / "log.csv", names)
    assert off_policy(read, resamples=20).ips == off_policy(frame, resamples=20).ips
    frame.rename(columns=names).to_parquet(tmp_path / "log.parquet")
    assert len(read_bandit_log(tmp_path / "log.parquet", names)) == len(frame)
    with pytest.raises(DataError, match='did you mean "pscore"'):
        read_bandit_log(tmp_path / "log.csv", {**names, "propensity": "pscor"})
    with pytest.raises(DataError, match="no file"):
        read_bandit_log(tmp_path / "none.csv")
    with pytest.raises(DataError, match="csv or parquet"):
        read_bandit_log(tmp_path / "log.xlsx")


def test_own_logs_weigh_what_another_recommender_would_have_shown(tmp_path):
    shown = impressions(np.random.default_rng(8), "a", ["u1", "u2"], days=3)
    shown["propensity"] = 0.25
    log = RunLog.open(write_run(tmp_path, shown))
    targets = shown.drop_duplicates(["user", "session", "page", "position", "item"])
    targets = targets[["user", "session", "page", "position", "item"]].assign(target=0.5)
    frame = logged_bandit(log, "a", targets)
    assert len(frame) == len(shown)
    assert off_policy(frame, resamples=20).mean_weight == pytest.approx(2.0)
    log = RunLog.open(write_run(tmp_path / "b", shown.assign(propensity=np.nan)))
    with pytest.raises(DataError, match="propensit"):
        logged_bandit(log, "a", targets)
