"""Debiasing, calibration and ensembles on answers whose bias is planted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.errors import DataError
from footfall.fitting.calibration import (
    brier,
    calibration_error,
    fit_isotonic,
    fit_temperature,
    fit_weights,
    pool,
)
from footfall.fitting.debias import (
    average_rotations,
    cyclic_orders,
    letter_prior,
    pointwise_information,
    without_prior,
)
from footfall.fitting.logit import log_scores, probabilities

BIAS = np.array([1.0, 0.2, -0.4, -0.8])


def _answers(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, 4))
    order = rng.permuted(np.tile(np.arange(4), (n, 1)), axis=1)
    by_place = np.take_along_axis(truth, order, axis=1) + BIAS
    return truth, order, by_place


def test_the_letters_prior_is_found_and_taken_out():
    truth, order, by_place = _answers()
    by_place[5] = np.nan
    prior = letter_prior(by_place)
    np.testing.assert_allclose(prior, BIAS - BIAS.mean(), atol=0.08)
    clean = without_prior(by_place, BIAS, order)
    np.testing.assert_allclose(np.delete(clean, 5, 0), np.delete(truth, 5, 0), atol=1e-12)
    assert np.isnan(clean[5]).all()
    with pytest.raises(DataError, match="answered no question"):
        letter_prior(np.full((3, 4), np.nan))


@given(st.integers(2, 9), st.integers(0, 1000))
def test_all_rotations_cancel_any_liking_of_places(k, seed):
    rng = np.random.default_rng(seed)
    truth, bias = rng.normal(size=(5, k)), rng.normal(size=k)
    orders = np.broadcast_to(cyclic_orders(k)[:, None, :], (k, 5, k))
    by_place = np.take_along_axis(np.broadcast_to(truth, (k, 5, k)), orders, axis=2) + bias
    np.testing.assert_allclose(average_rotations(by_place, orders), truth + bias.mean(), atol=1e-9)


def test_pmi_is_a_difference():
    assert pointwise_information(np.array([-1.0]), np.array([-3.0])) == [2.0]


def _choices(scale=0.5, shift=-1.0, n=8000, seed=0):
    """Choices of a logit at ``shift + scale * u``; the model says ``u``."""
    rng = np.random.default_rng(seed)
    u = 2 * rng.normal(size=(n, 5))
    shown = np.ones_like(u, dtype=bool)
    p = probabilities(shift + scale * u, shown, outside=True)
    column = (np.cumsum(p, axis=1) < rng.random((n, 1))).sum(axis=1)
    return u, shown, np.where(column == 5, -1, column)


def test_an_overconfident_model_is_cooled():
    u, shown, chosen = _choices()
    found = fit_temperature(u, shown, chosen, outside=True)
    assert found.scale == pytest.approx(0.5, abs=0.05)
    assert found.shift == pytest.approx(-1.0, abs=0.1)
    raw = log_scores(u, shown, chosen, outside=True).mean()
    assert log_scores(found.apply(u), shown, chosen, outside=True).mean() > raw
    happened = np.arange(5) == chosen[:, None]
    stated = probabilities(u, shown, outside=True)
    cool = probabilities(found.apply(u), shown, outside=True)
    before = calibration_error(stated.ravel(), happened.ravel())
    after = calibration_error(cool.ravel(), happened.ravel())
    assert after < 0.01
    assert before > 0.05
    assert brier(cool.ravel(), happened.ravel()) < brier(stated.ravel(), happened.ravel())


def test_isotonic_repairs_what_no_temperature_can():
    rng = np.random.default_rng(0)
    stated = rng.random(20_000)
    happened = rng.random(20_000) < stated**3
    fixed = fit_isotonic(stated[:10_000], happened[:10_000]).apply(stated[10_000:])
    assert calibration_error(stated[10_000:], happened[10_000:]) > 0.2
    assert calibration_error(fixed, happened[10_000:]) < 0.02
    assert np.all(np.diff(fixed[np.argsort(stated[10_000:])]) >= 0)
    with pytest.raises(DataError, match="no probabilities"):
        fit_isotonic(np.zeros(0), np.zeros(0, dtype=bool))


def test_weights_stand_for_repeated_outcomes():
    stated, happened = np.array([0.1, 0.1, 0.8]), np.array([False, True, True])
    weights = np.array([3.0, 1.0, 2.0])
    repeated = np.repeat(np.arange(3), [3, 1, 2])
    assert brier(stated, happened, weights) == pytest.approx(
        brier(stated[repeated], happened[repeated])
    )


def test_ensembles():
    u, shown, chosen = _choices(scale=1.0)
    noise = np.random.default_rng(1).normal(size=u.shape)
    models = [u - 1, noise]
    weights = fit_weights(models, shown, chosen, outside=True)
    assert weights.sum() == pytest.approx(1)
    assert weights[0] > 0.9
    for how in ("mean", "log-mean", "weighted", "vote"):
        p = pool(models, shown, how, outside=True, weights=weights)
        assert p.shape == u.shape
        assert np.all((p >= 0) & (p.sum(axis=1, keepdims=True) <= 1 + 1e-9))
    one = probabilities(models[0], shown, outside=True)
    for how in ("mean", "log-mean"):
        np.testing.assert_allclose(pool([models[0]] * 2, shown, how, outside=True), one, atol=1e-12)
    with pytest.raises(DataError, match="one weight for each"):
        pool(models, shown, "weighted", outside=True)
