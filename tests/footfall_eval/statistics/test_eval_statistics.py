"""Intervals cover, tests keep their level, and other people's code agrees."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from eval_worlds import planted_run
from footfall.errors import UserError
from footfall_eval import METRICS, RunLog, compare, compare_users
from footfall_eval.measures.metrics import Columns, columns, derive
from footfall_eval.reading.load import COUNTS
from footfall_eval.statistics.adjust import cuped
from footfall_eval.statistics.effects import (
    bootstrap_interval,
    effect,
    pairing_ratio,
    permutation_p,
)
from footfall_eval.statistics.sequence import _band, confidence_sequence, radius

pytestmark = pytest.mark.slow


def counts(rng, lift, taste):
    """Users' counts of one arm, shaped like ``taste``: what two arms of the same user share."""
    chance = np.clip(0.25 + 0.05 * taste + lift, 0.02, 0.95)
    visits = 1 + rng.poisson(np.exp(0.5 + 0.3 * taste))
    pages = visits + rng.poisson(0.6 * visits)
    shown = 6 * pages
    clicks = rng.binomial(shown, chance)
    purchases = rng.binomial(clicks, 0.3)
    filled = {
        "impressions": shown,
        "answered": shown,
        "clicks": clicks,
        "purchases": purchases,
        "revenue": rng.gamma(2.0, 3.0, taste.shape) * purchases,
        "visits": visits,
        "pages": pages,
        "abandoned": rng.binomial(visits, 0.4 - lift),
        "decided_visits": visits,
        "expected_clicks": shown * chance,
        "expected_purchases": shown * chance * 0.3,
        "expected_revenue": shown * chance * 0.3 * 6.0,
    }
    zeros = np.zeros(taste.shape)
    return {name: filled.get(name, zeros).astype(float) for name in COUNTS}


def two_arms(rng, n, lift, *, paired=True):
    taste = rng.normal(size=n)
    other = taste if paired else rng.normal(size=n)
    users = [f"u{k}" for k in range(n)]
    arms = [("a", counts(rng, 0.0, taste)), ("b", counts(rng, lift, other))]
    return derive(pd.concat([pd.DataFrame(one).assign(arm=arm, user=users) for arm, one in arms]))


def derived(one):
    """``derive`` for arrays of any shape."""
    flat = {name: values.ravel() for name, values in one.items()}
    whole = derive(pd.DataFrame(flat))
    return {name: whole[name].to_numpy().reshape(one["visits"].shape) for name in whole}


@pytest.fixture(scope="module")
def truth():
    """Differences in a population so large that its own error does not matter."""
    big = two_arms(np.random.default_rng(99), 400_000, 0.05)
    return {m.name: columns(big, m, "b").value - columns(big, m, "a").value for m in METRICS}


def test_expected_metrics_have_the_mean_of_what_luck_makes_of_them(truth):
    for name in ("clicks", "purchases", "revenue"):
        assert truth[f"expected_{name}"] == pytest.approx(truth[name], rel=0.02)


WORLDS = 2_000
"""Monte-Carlo error of a coverage of 95%: half a point."""


@pytest.mark.parametrize("design", ["paired", "split"])
def test_95_percent_intervals_cover_in_93_to_97_percent_of_worlds(design, truth):
    rng = np.random.default_rng(12)
    taste = rng.normal(size=(WORLDS, 250))
    other = taste if design == "paired" else rng.normal(size=(WORLDS, 250))
    parts = derived(counts(rng, 0.0, taste)), derived(counts(rng, 0.05, other))
    for metric in METRICS:
        arms = [(part[metric.numerator], part.get(metric.denominator)) for part in parts]
        low, high = intervals(*arms, design)
        rate = np.mean((low <= truth[metric.name]) & (truth[metric.name] <= high))
        assert 0.93 <= rate <= 0.97, metric.name
        for world in (0, WORLDS - 1):  # the fast way is the product's way
            ours = effect(*(row(arm, world) for arm in arms), design=design)
            assert (low[world], high[world]) == pytest.approx((ours.ci_low, ours.ci_high))


def row(arm, world):
    above, below = arm
    return Columns(above[world], None if below is None else below[world])


def intervals(control, treatment, design):
    """Intervals of [worlds, users] arms at once; held against ``effect`` above."""
    base, other = linear(*control), linear(*treatment)
    if design == "paired":
        gaps = other - base
        error, freedom = stats.sem(gaps, axis=1), gaps.shape[1] - 1
    else:
        first, second = stats.sem(base, axis=1) ** 2, stats.sem(other, axis=1) ** 2
        error, n = np.sqrt(first + second), base.shape[1]
        freedom = (first + second) ** 2 / ((first**2 + second**2) / (n - 1))
    middle, reach = other.mean(1) - base.mean(1), stats.t.ppf(0.975, freedom) * error
    return middle - reach, middle + reach


def linear(above, below):
    if below is None:
        return above
    ratio = above.sum(1, keepdims=True) / below.sum(1, keepdims=True)
    return ratio + (above - ratio * below) / below.mean(1, keepdims=True)


@pytest.mark.parametrize("design", ["paired", "split"])
@pytest.mark.parametrize("ratio", [False, True])
def test_core_metrics_cover_within_two_points(design, ratio):
    """2,000 worlds of a mean and of a ratio: 95% within two points, A/A rejects 5%."""
    rng = np.random.default_rng(5)
    worlds, rejected, covered = 2_000, 0, 0
    for _ in range(worlds):
        size = rng.poisson(8, (2, 120)) + 1.0
        taste = rng.beta(2, 6, 120)
        tastes = (taste, taste if design == "paired" else rng.beta(2, 6, 120))
        hits = [rng.binomial(size[k].astype(int), tastes[k]) * 1.0 for k in range(2)]
        arms = [Columns(hits[k], size[k] if ratio else None) for k in range(2)]
        found = effect(*arms, design=design)
        covered += found.ci_low <= 0 <= found.ci_high
        rejected += found.p_value < 0.05
    assert 0.935 <= covered / worlds <= 0.965
    assert 0.035 <= rejected / worlds <= 0.065


def test_paired_means_are_scipys_ttest_rel():
    frame = two_arms(np.random.default_rng(1), 80, 0.05)
    found = effect(Columns(a := frame[frame.arm == "a"].clicks.to_numpy(), None),
                   Columns(b := frame[frame.arm == "b"].clicks.to_numpy(), None))  # fmt: skip
    test = stats.ttest_rel(b, a)
    interval = test.confidence_interval(0.95)
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-9)
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found.correlation == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_split_means_and_ratios_are_tea_tastings():
    frame = two_arms(np.random.default_rng(2), 150, 0.03, paired=False)
    theirs = tt.Experiment(
        clicks=tt.Mean("clicks"),
        ctr=tt.RatioOfMeans("clicks", "answered"),
        conversion=tt.RatioOfMeans("purchases", "clicks"),
        revenue_per_visit=tt.RatioOfMeans("revenue", "visits"),
    ).analyze(frame.assign(variant=(frame.arm == "b").astype(int)))
    ours = compare_users(
        frame[["arm", "user", *COUNTS]], control="a", design="split", correction="none"
    )
    for name in ("clicks", "ctr", "conversion", "revenue_per_visit"):
        contrast, other = ours.contrast("b", name), theirs[name]
        assert contrast.difference == pytest.approx(other.effect_size, rel=1e-6)
        assert contrast.ci_low == pytest.approx(other.effect_size_ci_lower, rel=1e-6)
        assert contrast.ci_high == pytest.approx(other.effect_size_ci_upper, rel=1e-6)
        assert contrast.p_value == pytest.approx(other.pvalue, rel=1e-6)


@pytest.mark.parametrize("design", ["paired", "split"])
@pytest.mark.parametrize("name", ["clicks", "ctr", "abandonment"])
def test_delta_method_and_bca_bootstrap_agree(design, name):
    frame = two_arms(np.random.default_rng(8), 300, 0.04, paired=design == "paired")
    metric = next(metric for metric in METRICS if metric.name == name)
    arms = columns(frame, metric, "a"), columns(frame, metric, "b")
    quick = effect(*arms, design=design)
    low, high = bootstrap_interval(*arms, design=design, resamples=1999)
    width = quick.ci_high - quick.ci_low
    assert low == pytest.approx(quick.ci_low, abs=0.1 * width)
    assert high == pytest.approx(quick.ci_high, abs=0.1 * width)


def test_pairing_narrows_the_interval_by_the_correlation():
    frame = two_arms(np.random.default_rng(3), 400, 0.02)
    metric = METRICS[0]
    arms = columns(frame, metric, "a"), columns(frame, metric, "b")
    paired, split = effect(*arms), effect(*arms, design="split")
    assert paired.difference == pytest.approx(split.difference)
    assert paired.correlation > 0.1
    expected = np.sqrt(1 - paired.correlation)
    assert paired.standard_error / split.standard_error == pytest.approx(expected, abs=0.05)


def test_the_pairing_ratio_is_that_of_the_two_intervals():
    rng = np.random.default_rng(31)
    taste = rng.gamma(4, 2, 400)
    first, second = taste + rng.normal(size=400), taste + 0.1 + rng.normal(size=400)
    found = pairing_ratio(Columns(first, None), Columns(second, None))
    paired = stats.ttest_rel(second, first).confidence_interval()
    # As if every user were there twice and each copy met one arm: half of the users an arm.
    half = [stats.ttest_ind(second[k::2], first[k::2], equal_var=False) for k in range(2)]
    widths = [np.diff(test.confidence_interval())[0] for test in half]
    assert found == pytest.approx((paired.high - paired.low) / np.mean(widths), rel=0.02)
    assert found < 1 / 3
    same = Columns(np.ones(10), None)
    assert np.isnan(pairing_ratio(same, same))


def test_few_users_are_tested_by_permutation_exactly():
    control = Columns(np.array([1.0, 2, 0, 1, 3, 0]), None)
    treatment = Columns(control.numerator + np.array([1.0, 1, 2, 1, 3, 1]), None)
    # All six went up: of 2^6 sign patterns only two are as extreme.
    assert effect(control, treatment).p_value == pytest.approx(2 / 64)
    assert "permutation" in effect(control, treatment).method
    ratio = permutation_p(
        Columns(np.array([1.0, 0, 2]), np.array([4.0, 4, 4])),
        Columns(np.array([3.0, 2, 4]), np.array([4.0, 4, 4])),
        "paired",
    )
    assert ratio == pytest.approx(2 / 8)


def test_few_users_keep_the_level():
    rng = np.random.default_rng(21)
    rejected = 0
    for _ in range(300):
        taste = rng.gamma(2, 1, 8)
        arms = [Columns(rng.poisson(taste) * 1.0, None) for _ in range(2)]
        rejected += effect(*arms).p_value < 0.05
    assert rejected / 300 <= 0.08


@given(
    values=st.lists(
        st.integers(0, 100_000).map(lambda cents: cents / 100), min_size=2, max_size=40
    ),
    shift=st.sampled_from([0.0, 1.0]),
    design=st.just("paired"),
)
@settings(max_examples=60)
def test_swapping_arms_turns_the_sign_and_nothing_else(values, shift, design):
    first = np.array(values)
    second = np.roll(first, 1) + shift
    forward = effect(Columns(first, None), Columns(second, None), design=design)
    back = effect(Columns(second, None), Columns(first, None), design=design)
    assert back.difference == pytest.approx(-forward.difference, abs=1e-9)
    assert back.ci_low == pytest.approx(-forward.ci_high, rel=1e-9, abs=1e-6)
    assert 0 < forward.p_value <= 1 or forward.standard_error > 0
    assert forward.ci_low <= forward.difference <= forward.ci_high


@given(st.lists(st.integers(0, 50), min_size=2, max_size=60))
@settings(max_examples=60)
def test_identical_arms_are_exactly_null(values):
    arm = Columns(np.array(values, dtype=float), np.array(values, dtype=float) + 1)
    found = effect(arm, arm)
    assert (found.difference, found.ci_low, found.ci_high, found.p_value) == (0, 0, 0, 1)


def test_rounding_is_no_spread():
    visitors = np.r_[np.ones(43), np.zeros(17)]
    returners = visitors * (np.arange(60) % 7 > 0)
    found = effect(Columns(returners, visitors), Columns(returners.copy(), visitors.copy()))
    assert (found.lift, found.lift_low, found.lift_high) == (0, 0, 0)


def test_nothing_is_made_up_where_a_ratio_has_no_denominator():
    found = effect(
        Columns(np.zeros(50), np.zeros(50)), Columns(np.ones(50), np.ones(50)), design="paired"
    )
    assert np.isnan([found.difference, found.ci_low, found.p_value]).all()
    assert "denominator is zero" in found.method


@pytest.mark.parametrize(("ours", "theirs"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_corrections_are_statsmodels(tmp_path, ours, theirs):
    result = compare(RunLog.open(planted_run(tmp_path, n=60)), correction=ours)
    frame = result.to_frame()
    # The primary metric has one contrast here and pays for no other.
    main = frame.metric == result.primary
    expected = multipletests(frame.p_value[~main], method=theirs)[1]
    np.testing.assert_allclose(frame.p_adjusted[~main], expected)
    assert list(frame.p_adjusted[main]) == list(frame.p_value[main])


def test_many_treatments_are_corrected_in_the_primary_metric():
    rng = np.random.default_rng(9)
    users = [f"u{k}" for k in range(100)]
    arms = [(arm, counts(rng, 0.0, rng.normal(size=100))) for arm in "abcd"]
    frame = pd.concat([pd.DataFrame(one).assign(arm=arm, user=users) for arm, one in arms])
    result = compare_users(frame, control="a")
    table = result.to_frame()
    main = table.metric == result.primary
    np.testing.assert_allclose(
        table.p_adjusted[main], multipletests(table.p_value[main], method="holm")[1]
    )
    assert (
        "purchases per user for 3 treatments, the rest for 39 contrasts"
        in result.correction_words()
    )


def test_unknown_names_are_refused_with_a_hint(tmp_path):
    log = RunLog.open(planted_run(tmp_path, n=40))
    for options in ({"control": "bas"}, {"primary": "click"}, {"metrics": ("crt",)}):
        with pytest.raises(UserError, match="did you mean"):
            compare(log, **options)
    with pytest.raises(UserError, match="holm"):
        compare(log, correction="bonferoni")


# --- CUPED ---------------------------------------------------------------------------------


def cuped_world(rng, n, design):
    before = rng.gamma(2, 2, n)
    frame = two_arms(rng, n, 0.0)
    noise = rng.normal(0, 1, (2, n))
    clicks = [10 + 2 * before + noise[0], 11 + 2.5 * before + noise[1]]
    frame.loc[frame.arm == "a", "clicks"] = clicks[0]
    frame.loc[frame.arm == "b", "clicks"] = clicks[1]
    users = pd.DataFrame({"user": [f"u{k}" for k in range(n)], "before_spend": before})
    if design == "split":
        half = {f"u{k}" for k in range(n // 2)}
        frame = frame[frame.user.isin(half) == (frame.arm == "a")]
    return frame, users


def test_cuped_paired_is_the_ols_intercept_with_hc3():
    frame, users = cuped_world(np.random.default_rng(4), 200, "paired")
    users = users.assign(before_gap=np.nan, before_same=1.0)
    found = cuped(frame, users, metric="clicks", control="a", treatment="b")
    gaps = frame[frame.arm == "b"].clicks.to_numpy() - frame[frame.arm == "a"].clicks.to_numpy()
    centred = users.before_spend - users.before_spend.mean()
    fit = sm.OLS(gaps, sm.add_constant(centred.to_numpy())).fit(cov_type="HC3", use_t=True)
    assert found.difference == pytest.approx(gaps.mean())
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(fit.conf_int()[0]))
    assert found.variance_reduction > 0.2
    assert found.left_out == ("before_gap", "before_same")


def test_cuped_split_covers_and_narrows():
    rng = np.random.default_rng(6)
    covered, worlds, reduction = 0, 200, []
    for _ in range(worlds):
        frame, users = cuped_world(rng, 200, "split")
        found = cuped(frame, users, metric="clicks", control="a", treatment="b", design="split")
        true = 1 + 0.5 * users.before_spend.mean()
        covered += found.ci_low <= true <= found.ci_high
        reduction.append(found.variance_reduction)
    assert 0.91 <= covered / worlds <= 0.99
    assert np.mean(reduction) > 0.8


def test_cuped_without_covariates_says_what_it_needs():
    frame, users = cuped_world(np.random.default_rng(4), 50, "paired")
    with pytest.raises(UserError, match="before_"):
        cuped(frame, users[["user"]], metric="clicks", control="a", treatment="b")


# --- looking early -------------------------------------------------------------------------


def daily_band(gaps):
    """What ``effect_over_days`` computes, from [users, days] differences."""
    running = np.cumsum(gaps, axis=1)
    n = len(gaps)
    errors = running.std(axis=0, ddof=1) / np.sqrt(n)
    days = [str(k) for k in range(gaps.shape[1])]
    return _band(days, running.mean(axis=0), errors, n, 0.95)


@pytest.mark.parametrize("persistence", [0.0, 1.0], ids=["new luck daily", "lasting tastes"])
def test_daily_looks_err_in_at_most_5_percent_of_null_worlds(persistence):
    rng = np.random.default_rng(17)
    worlds, wrong, naive = 1_000, 0, 0
    for _ in range(worlds):
        gaps = rng.normal(size=(200, 20)) + persistence * rng.normal(size=(200, 1))
        band = daily_band(gaps)
        wrong += any(day.ci_low > 0 or day.ci_high < 0 for day in band)
        running = np.cumsum(gaps, axis=1)
        t = running.mean(axis=0) / (running.std(axis=0, ddof=1) / np.sqrt(200))
        naive += bool((abs(t) > 1.97).any())
    assert wrong / worlds <= 0.05
    assert naive / worlds > 0.06  # what the band is for


def test_running_over_users_errs_in_at_most_5_percent_of_null_worlds():
    rng = np.random.default_rng(18)
    wrong = 0
    for _ in range(500):
        gaps = rng.exponential(size=1_000) - 1
        _, low, high = confidence_sequence(gaps, start=50)
        wrong += bool((low > 0).any() or (high < 0).any())
    assert wrong / 500 <= 0.05


def test_the_band_finds_a_planted_effect_and_is_null_for_identical_arms():
    rng = np.random.default_rng(19)
    last = daily_band(rng.normal(0.2, 1, size=(300, 10)))[-1]
    assert last.ci_low > 0
    assert last.ci_low < 2.0 < last.ci_high
    silent = daily_band(np.zeros((50, 4)))
    assert all((day.difference, day.ci_low, day.ci_high) == (0, 0, 0) for day in silent)


def test_the_boundary_is_narrowest_where_planned():
    variance = np.linspace(0.2, 5, 400)
    relative = radius(variance, 1.0) / variance**0.5
    assert variance[relative.argmin()] == pytest.approx(1.0, abs=0.1)
