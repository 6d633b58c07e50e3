"""The conditional logit finds what was planted, and agrees with statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad
from statsmodels.discrete.conditional_models import ConditionalLogit

from fitting_worlds import slates
from footfall.errors import DataError
from footfall.fitting.logit import (
    LogitData,
    _Objective,
    fit_logit,
    flat_features,
    log_scores,
    probabilities,
)

PLANTED = [0.8, -0.5, 0.3]


def test_agrees_with_statsmodels():
    data, _ = slates(PLANTED, n=600, outside=False)
    ours = fit_logit(data, ["a", "b", "c"])
    taken = np.arange(data.shown.shape[1]) == data.chosen[:, None]
    group = np.broadcast_to(np.arange(600)[:, None], data.shown.shape)
    theirs = ConditionalLogit(
        taken[data.shown].astype(float), data.design[data.shown], groups=group[data.shown]
    ).fit(disp=0)
    np.testing.assert_allclose(ours.coefficients, theirs.params, atol=1e-4)
    alone = LogitData(data.design, data.shown, data.chosen, outside=False)
    np.testing.assert_allclose(
        fit_logit(alone, ["a", "b", "c"]).standard_errors, theirs.bse, rtol=0.15
    )


@pytest.mark.parametrize("outside", [True, False])
def test_planted_coefficients_come_back_within_two_standard_errors(outside):
    data, truth = slates(PLANTED, n=8000, outside=outside, seed=3)
    names = ["none", "a", "b", "c"][0 if outside else 1 :]
    fit = fit_logit(data, names)
    assert fit.converged
    assert np.all(np.abs(fit.coefficients - truth) < 2 * fit.standard_errors)
    assert fit.log_likelihood > fit.null_log_likelihood


def test_standard_errors_are_honest():
    """Over many planted worlds, 95% intervals hold the truth about as often as they say."""
    inside = []
    for seed in range(60):
        data, truth = slates(PLANTED, n=400, k=4, seed=seed)
        fit = fit_logit(data, list("nabc"))
        inside.append(np.abs(fit.coefficients - truth) < 1.96 * fit.standard_errors)
    assert 0.88 < np.mean(inside) < 0.99


def test_thinned_outside_slates_move_only_the_constant_and_the_offset_moves_it_back():
    data, truth = slates(PLANTED, n=40_000, seed=1, none=-4.0)
    rng = np.random.default_rng(0)
    kept = (data.chosen >= 0) | (rng.random(len(data.chosen)) < 0.1)
    thin = data.take(kept)
    naive = fit_logit(thin, list("nabc"))
    assert naive.coefficients[0] - truth[0] == pytest.approx(np.log(10), abs=0.15)
    offset = np.full(len(thin.chosen), np.log(10))
    fit = fit_logit(
        LogitData(thin.design, thin.shown, thin.chosen, True, offset, thin.clusters), list("nabc")
    )
    assert np.all(np.abs(fit.coefficients - truth) < 2.5 * fit.standard_errors)


def test_repeating_every_slate_of_a_user_makes_nothing_surer():
    data, _ = slates(PLANTED, n=500)
    clusters = np.arange(500)
    once = LogitData(data.design, data.shown, data.chosen, True, None, clusters)
    four = once.take(np.repeat(np.arange(500), 4))
    one, many = fit_logit(once, list("nabc")), fit_logit(four, list("nabc"))
    np.testing.assert_allclose(one.coefficients, many.coefficients, atol=1e-4)
    np.testing.assert_allclose(one.standard_errors, many.standard_errors, rtol=1e-3)


def test_segments_that_are_alike_are_pooled_and_others_are_not():
    data, _ = slates(PLANTED, n=4000, seed=2)
    alike = fit_logit(data, list("nabc"), segments=np.array(["x", "y"] * 2000))
    for part in alike.segments.values():
        np.testing.assert_allclose(part.coefficients, alike.coefficients, atol=0.12)
    other, _ = slates([-0.8, -0.5, 0.3], n=4000, seed=4)
    both = LogitData(
        np.concatenate([data.design, other.design]),
        np.concatenate([data.shown, other.shown]),
        np.concatenate([data.chosen, other.chosen]),
        outside=True,
    )
    apart = fit_logit(both, list("nabc"), segments=np.repeat(["x", "y"], 4000))
    assert apart.segments["x"].coefficients[1] == pytest.approx(0.8, abs=0.1)
    assert apart.segments["y"].coefficients[1] == pytest.approx(-0.8, abs=0.1)
    assert apart.spread[1] > 5 * max(apart.spread[2], apart.spread[3])


def test_a_small_segment_is_drawn_to_the_pooled_coefficients():
    data, _ = slates(PLANTED, n=6000, seed=5)
    rng = np.random.default_rng(0)
    names = rng.choice(["large", "tiny"], 6000, p=[0.995, 0.005])
    fit = fit_logit(data, list("nabc"), segments=names)
    alone = fit_logit(data.take(names == "tiny"), list("nabc"), ridge=1e-3)
    shrunk = np.abs(fit.segments["tiny"].coefficients - fit.coefficients).sum()
    assert shrunk < 0.5 * np.abs(alone.coefficients - fit.coefficients).sum()


def test_gradient_and_hessian_are_the_derivatives():
    data, _ = slates(PLANTED, n=50)
    objective = _Objective(data, np.full(4, 0.3), np.full(4, 0.1))
    at = np.array([0.2, -0.4, 0.5, 0.1])
    assert check_grad(objective.value, objective.gradient, at) < 1e-3
    step = 1e-5 * np.eye(4)
    numeric = [(objective.gradient(at + s) - objective.gradient(at - s)) / 2e-5 for s in step]
    np.testing.assert_allclose(objective.hessian(at), numeric, rtol=1e-4, atol=1e-4)


@given(
    st.lists(st.floats(-700, 700), min_size=1, max_size=8),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_probabilities_are_probabilities_whatever_the_order(utilities, outside, random):
    u = np.array([utilities])
    shown = np.ones_like(u, dtype=bool)
    p = probabilities(u, shown, outside=outside)[0]
    assert np.all((p >= 0) & (p <= 1))
    assert p.sum() <= 1 + 1e-12
    if not outside:
        assert p.sum() == pytest.approx(1)
    order = list(range(len(utilities)))
    random.shuffle(order)
    moved = probabilities(u[:, order], shown, outside=outside)[0]
    np.testing.assert_allclose(moved, p[order], rtol=1e-9, atol=1e-300)
    chosen = np.array([0])
    score = log_scores(u, shown, chosen, outside=outside)[0]
    assert np.exp(score) == pytest.approx(p[0], abs=1e-12)


def _data(**changes):
    parts = {
        "design": np.random.default_rng(0).normal(size=(5, 3, 1)),
        "shown": np.ones((5, 3), dtype=bool),
        "chosen": np.zeros(5, dtype=np.int64),
        "outside": False,
    }
    return LogitData(**{**parts, **changes})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_data(design=np.zeros((5, 3, 1))), "never varies"),
        (_data(design=np.full((5, 3, 1), np.nan)), 'feature "x" has missing values'),
        (_data(chosen=np.full(5, -1)), "need `outside`"),
        (_data(chosen=np.full(5, 3)), "not on its slate"),
        (_data(shown=np.zeros((5, 3), dtype=bool)), "not on its slate"),
        (_data(shown=np.ones((5, 2), dtype=bool)), "shapes do not fit"),
        (
            _data(
                design=np.zeros((0, 3, 1)),
                shown=np.zeros((0, 3), dtype=bool),
                chosen=np.zeros(0, dtype=np.int64),
            ),
            "no slates",
        ),
    ],
)
def test_unusable_slates_are_one_line(data, message):
    with pytest.raises(DataError, match=message) as error:
        fit_logit(data, ["x"])
    assert "\n" not in str(error.value)


def test_a_feature_of_the_user_alone_is_silent_unless_nothing_can_be_chosen():
    data = _data(design=np.broadcast_to(np.arange(5.0)[:, None, None], (5, 3, 1)).copy())
    assert flat_features(data, ["user"]) == ["user"]
    with_outside = LogitData(data.design, data.shown, data.chosen, outside=True)
    assert flat_features(with_outside, ["user"]) == []
