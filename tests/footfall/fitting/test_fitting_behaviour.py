"""From choices to a behaviour: planted tastes come back, and the world buys as much as the data."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitting_worlds import cut, grocery
from footfall.behaviour.decisions import Behaviour, PageFeatures, PageLuck
from footfall.behaviour.features import FEATURES
from footfall.behaviour.specs import Habits, Terms
from footfall.errors import DataError
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.fitted import Others, design, fit_behaviour
from footfall.fitting.habits import fit_habits, shrunk_gaps
from footfall.fitting.known import Known
from footfall.fitting.logit import probabilities
from footfall.fitting.masked import one_at_most
from footfall.fitting.stages import StageSpec, divide

PLANTED = {"popularity": 0.4, "repeat": 0.9, "price": -0.5}
NAMES = tuple(PLANTED)


@pytest.fixture(scope="module")
def known():
    halves, catalogue = cut(grocery())
    stages = divide(halves, StageSpec(max_users=None, fit_days=40), seed=1)
    return stages, Known.of_stage(stages.fit, catalogue, halves.remembered.items)


def planted_sets(stages, known, n=6000, k=5, none=-4.0, llm=None, seed=0):
    """Slates of random items, chosen by a logit with ``PLANTED`` coefficients."""
    rng = np.random.default_rng(seed)
    items = rng.permuted(np.tile(np.arange(known.n_items), (n, 1)), axis=1)[:, :k].astype(np.int32)
    users = rng.integers(0, len(stages.fit.users), n)
    x = known.features.of(users, items)
    u = none + sum(b * x[:, :, FEATURES.index(name)] for name, b in PLANTED.items())
    u = u if llm is None else u + llm
    p = probabilities(u, np.ones((n, k), dtype=bool), outside=True)
    column = (np.cumsum(p, axis=1) < rng.random((n, 1))).sum(axis=1)
    return ChoiceSets(
        items=items,
        chosen=np.where(column == k, -1, column),
        users=users,
        times=np.full(n, np.datetime64("2024-03-01")),
        orders=np.full(n, "", dtype=object),
        log_rate=np.zeros(n),
        names=stages.fit.users,
        protocol="planted",
        outside=True,
    )


def test_planted_tastes_come_back(known):
    stages, before = known
    fitted = fit_behaviour(planted_sets(stages, before), before.features, names=NAMES, ridge=0.0)
    for name, truth in {**PLANTED, "none": -4.0}.items():
        assert abs(fitted.coefficients[name] - truth) < 2 * fitted.standard_errors[name], name
    assert fitted.spec.click.popularity == fitted.coefficients["popularity"]
    assert fitted.spec.click.category == 0
    assert "6000 real choices" in fitted.spec.sources["click"]
    assert fitted.log_likelihood > fitted.null_log_likelihood


def test_a_model_that_is_pure_noise_gets_no_weight(known):
    stages, before = known
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(6000, 5))
    silent = fit_behaviour(planted_sets(stages, before), before.features, llm=noise, names=NAMES)
    assert abs(silent.coefficients["llm"]) < 2.5 * silent.standard_errors["llm"]
    heard = planted_sets(stages, before, llm=0.7 * noise)
    fitted = fit_behaviour(heard, before.features, llm=noise, names=NAMES, ridge=0.0)
    assert abs(fitted.coefficients["llm"] - 0.7) < 2.5 * fitted.standard_errors["llm"]


def test_no_answer_is_left_out_and_counted(known):
    stages, before = known
    llm = np.random.default_rng(1).normal(size=(6000, 5))
    llm[:100, 2] = np.nan
    sets = planted_sets(stages, before)
    fitted = fit_behaviour(sets, before.features, llm=llm, names=NAMES)
    assert fitted.slates == 5900
    assert fitted.assumed["slates without an answer"].startswith("100 of 6000")
    with pytest.raises(DataError, match="answered none"):
        fit_behaviour(sets, before.features, llm=np.full((6000, 5), np.nan))


def test_simulated_shoppers_buy_as_much_as_real_ones(known):
    """The constant makes up for reading depth and for clicks that end without a purchase."""
    stages, before = known
    sets = planted_sets(stages, before, none=-6.5)
    spec = fit_behaviour(sets, before.features, names=NAMES).spec
    n, k = sets.items.shape
    x = before.features.of(sets.users, sets.items)
    tastes = x[:, :, 3:]
    columns = [x[:, :, FEATURES.index(name)] for name in ("popularity", "price", "repeat")]
    pages = PageFeatures(sets.shown, np.zeros((n, k)), *columns, np.zeros((n, k)), tastes)
    word = np.random.default_rng(0).integers(0, 2**64, (6, n, k), dtype=np.uint64)
    luck = PageLuck(word[0], word[1], word[2, :, 0], word[3, :, 0], word[4, :, 0], word[5])
    done = Behaviour(spec).decide(pages, luck)
    real = (sets.chosen >= 0).mean()
    assert (done.p_click * done.p_buy).sum(axis=1).mean() == pytest.approx(real, rel=0.03)


def test_segments_differ_where_tastes_do(known):
    stages, before = known
    sets = planted_sets(stages, before)
    segment = np.where(np.arange(len(stages.fit.users)) % 2 == 0, "even", "odd").astype(object)
    fitted = fit_behaviour(sets, before.features, names=NAMES, segments=segment)
    assert set(fitted.segments) == {"even", "odd"}
    for part in fitted.segments.values():
        assert part.coefficients["repeat"] == pytest.approx(fitted.coefficients["repeat"], abs=0.2)


def test_what_cannot_be_told_is_assumed_and_named(known):
    stages, before = known
    sets = planted_sets(stages, before)
    inside = sets.take(sets.chosen >= 0)
    closed = ChoiceSets(**{**vars(inside), "outside": False})
    fitted = fit_behaviour(closed, before.features)
    assert {"none", "llm", "position", "fatigue", "quality", "appetite"} <= set(fitted.assumed)
    data, names = design(closed, before.features)
    level = data.design @ np.array([fitted.coefficients.get(name, 0.0) for name in names])
    assert (level.mean() + fitted.spec.click.none) == pytest.approx(Terms().none)


def _visits(gap, n, users):
    rows = []
    for user in range(users):
        times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n) * gap, unit="D")
        rows += [(f"{user}/{gap}", time) for time in times]
    return pd.DataFrame(rows, columns=["user", "time"])


def test_gaps_are_shrunk_the_more_the_less_is_known():
    at = pd.Timestamp("2024-07-01")
    visits = pd.concat([_visits(7, 26, 20), _visits(21, 9, 20), _visits(1, 1, 1)])
    gaps, mean = shrunk_gaps(visits, at)
    assert gaps["0/7"] == pytest.approx(7, rel=0.15)
    assert gaps["0/21"] == pytest.approx(21, rel=0.15)
    assert 7 < mean < 21
    new = pd.DataFrame({"user": ["new"], "time": [at - pd.Timedelta(days=2)]})
    gaps, mean = shrunk_gaps(pd.concat([visits, new]), at)
    assert gaps["new"] == pytest.approx(mean, rel=0.3)


def test_habits_say_what_was_read_and_what_is_assumed():
    halves, _ = cut(grocery())
    found = fit_habits(halves.remembered.interactions, halves.at)
    assert found.habits.gap_days == pytest.approx(7, rel=0.05)
    assert found.hours[10:15].sum() == pytest.approx(1)
    assert found.quantity == 1
    assert set(found.fitted) == {"gap_days"}
    assert set(found.assumed) == {
        "examination", "go_on", "go_on_after_click", "look_seconds", "dwell_seconds",
    }  # fmt: skip
    with pytest.raises(DataError, match="leak"):
        fit_habits(halves.held_out, halves.at)


def test_views_tell_how_long_visits_are():
    rng = np.random.default_rng(0)
    rows = []
    for visit in range(600):
        clicks = visit % 2
        pages = rng.geometric(0.25 if clicks else 0.5)
        start = pd.Timestamp("2024-01-01") + pd.Timedelta(hours=visit)
        rows += [
            ("u", f"i{view}", "view", start + pd.Timedelta(seconds=view), str(visit))
            for view in range(10 * pages)
        ]
        if clicks:
            late = start + pd.Timedelta(seconds=10 * pages)
            later = late + pd.Timedelta(seconds=40)
            rows += [("u", "i0", "click", late, str(visit)), ("u", "i1", "view", later, str(visit))]
    frame = pd.DataFrame(rows, columns=["user", "item", "action", "time", "order"])
    frame = frame.assign(quantity=1.0, value=np.nan)
    found = fit_habits(frame, pd.Timestamp("2024-03-01"), page=11)
    assert found.habits.dwell_seconds == 40
    assert found.habits.go_on == pytest.approx(0.0, abs=0.25)
    assert found.habits.go_on_after_click == pytest.approx(np.log(3), abs=0.35)


def test_users_take_several_of_a_page_where_the_log_says_so(known):
    stages, before = known
    sets = planted_sets(stages, before)
    for several, picks in ((0.004, "one"), (0.05, "many")):
        fitted = fit_behaviour(replace(sets, several=several), before.features, names=NAMES)
        assert fitted.spec.habits.picks == picks
        assert ("reading" in fitted.assumed) is (picks == "many")
    own = Habits(picks="one")
    kept = fit_behaviour(replace(sets, several=0.05), before.features, names=NAMES, habits=own)
    assert kept.spec.habits.picks == "one"


def test_slates_of_which_one_taking_is_kept_have_a_logit_of_the_items_own_odds():
    """Counted over all that can happen: three items, each taken for itself."""
    p = np.array([0.5, 0.2, 0.05])
    nothing = np.prod(1 - p)
    alone = np.array([nothing * one / (1 - one) for one in p])
    expected = np.append(alone, nothing) / (nothing + alone.sum())
    np.testing.assert_allclose(one_at_most(p[None], "many")[0], expected)
    np.testing.assert_allclose(one_at_most(p[None], "one")[0], [0.5, 0.2, 0.05, 0.25])


def test_further_users_are_fitted_too_and_tell_by_how_much_users_differ(known):
    stages, before = known
    sets = planted_sets(stages, before)
    half = sets.users % 2 == 0
    segment = np.array(["x"] * len(stages.fit.users), dtype=object)
    parts = sets.take(half), Others(sets.take(~half), before.features, segment)
    both = fit_behaviour(parts[0], before.features, names=NAMES, others=parts[1])
    whole = fit_behaviour(sets, before.features, names=NAMES)
    assert (both.slates, both.users) == (whole.slates, whole.users)
    for name in NAMES:
        assert both.coefficients[name] == pytest.approx(whole.coefficients[name], abs=1e-3)
    apart = fit_behaviour(
        parts[0], before.features, names=NAMES, others=parts[1], segments=segment,
        segments_by="group",
    )  # fmt: skip
    assert apart.segments["x"].slates == whole.slates
    varied = fit_behaviour(parts[0], before.features, names=NAMES, others=parts[1], vary=NAMES)
    assert max(varied.spec.spread.values(), default=0.0) < 0.3


def test_choices_by_lot_end_in_users_who_guess(known):
    """Few users, no rule: what was fitted to some does not help with the others."""
    stages, before = known
    rng = np.random.default_rng(6)
    sets = planted_sets(stages, before, n=300)
    sets = replace(sets, chosen=rng.integers(0, 5, 300), outside=False)
    half = sets.users % 2 == 0
    others = Others(sets.take(~half), before.features)
    alone = fit_behaviour(sets.take(half), before.features, vary=NAMES)
    held = fit_behaviour(sets.take(half), before.features, vary=NAMES, others=others)
    assert "no better than guessing" in held.assumed["little is known"]
    assert not held.spec.spread
    size = max(map(abs, held.coefficients.values()))
    assert size < 0.5 * max(map(abs, alone.coefficients.values()))
    clear = planted_sets(stages, before)
    half = clear.users % 2 == 0
    others = Others(clear.take(~half), before.features)
    told = fit_behaviour(clear.take(half), before.features, others=others)
    assert "little is known" not in told.assumed
