"""Users fitted to pages: a small planted log whose answer is known, and what it rests on."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from footfall.behaviour import decisions
from footfall.behaviour.around import alike_above, kind_numbers
from footfall.behaviour.in_visit import VISIT, in_visit
from footfall.behaviour.kept import KeptPeople, read_people
from footfall.behaviour.people import MEASURES, People, unsure
from footfall.behaviour.people_draws import drawn
from footfall.behaviour.specs import TERMS, BehaviourSpec, Habits, Terms
from footfall.behaviour.traces import KINDS, LIVES, Remembered, Traces, amounts, faded_before
from footfall.errors import DataError
from footfall.fitting.pages.backtest import PRIOR, discrepancy, page_slope
from footfall.fitting.pages.clicks import click_chances
from footfall.fitting.pages.curve import ReadingCurve, next_curve
from footfall.fitting.pages.design import Paper, met_before
from footfall.fitting.pages.fit import MANY, fit_pages
from footfall.fitting.pages.log import read_pages
from footfall.fitting.pages.picks import Family, Grid, chances, log_likelihood, pull
from footfall.fitting.pages.report import report_of
from footfall.fitting.pages.stack import stacked, weigh
from footfall.run_folder.reading_on import reads_after

pytestmark = pytest.mark.slow

FAMILIES = [Family("many"), Family("one", 1.0), Family("one", 0.3), Family("one", 0.0)]
USERS, ITEMS, SLATE = 120, 40, 6
READING = np.array([1.0, 0.8, 0.6, 0.5, 0.45, 0.4])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def planted_rows(
    seed,
    *,
    one=False,
    pages=40,
    rate=-1.2,
    reads_on=(),
    sameness=0.0,
    contrast=0.0,
    visit=1,
    sated=0.0,
    mood=0.0,
):
    """Interactions of users who differ in activity, over items that differ in appeal.

    ``visit`` pages make a visit: ``sated`` is what each click on its earlier pages adds,
    ``mood`` the standard deviation of what whole visits add.
    """
    rng = np.random.default_rng(seed)
    appeal, activity = rng.normal(0, 1, ITEMS), rng.normal(0, 0.5, USERS)
    left = reads_after(reads_on, SLATE)
    rows = []
    for user in range(USERS):
        earlier, now = 0, 0.0
        for page in range(pages):
            if page % visit == 0:
                earlier, now = 0, rng.normal(0, mood) if mood else 0.0
            items = rng.permutation(ITEMS)[:SLATE]
            worth = rate + appeal[items] + activity[user]
            worth[1:] += sameness * (KIND[items[1:]] == KIND[items[:-1]])
            worth -= contrast * (worth.mean() - rate)
            worth += sated * np.log1p(earlier) + now
            wants = READING * np.exp(worth)
            if one:
                noisy = np.log(wants) + rng.gumbel(size=SLATE)
                best = int(noisy.argmax())
                clicked = np.arange(SLATE) == (best if noisy[best] > rng.gumbel() else -1)
            else:
                chance = READING * sigmoid(worth)
                clicked = rng.random(SLATE) < chance
                for place in range(SLATE):
                    clicked[place] &= rng.random() < left[clicked[:place].sum()]
            earlier += clicked.sum()
            hours = page // visit * 24 + user % 20 + page % visit / 60
            time = pd.Timestamp("2025-03-01") + pd.Timedelta(hours=hours)
            for place, item in enumerate(items.tolist()):
                base = (f"u{user:03d}", f"i{item:02d}", time, f"p{page}", place + 1.0)
                rows.append((*base, "view"))
                if clicked[place]:
                    rows.append((*base, "click"))
                    if rng.random() < 0.3:
                        rows.append((*base, "purchase"))
    frame = pd.DataFrame(rows, columns=["user", "item", "time", "page", "position", "action"])
    return frame.assign(order="", quantity=1.0, value=np.nan), appeal, activity


NAMES = [f"u{user:03d}" for user in range(USERS)], [f"i{item:02d}" for item in range(ITEMS)]
KIND = np.arange(ITEMS) % 3
PAPER = Paper(np.zeros(ITEMS), np.zeros((ITEMS, 0)), np.zeros((USERS, 0)), KIND)


def fitted(rows, at=40.0, **options):
    log = read_pages(rows, *NAMES)
    return fit_pages(log, PAPER, fitted=np.ones(USERS, dtype=bool), at=at, **options)


@pytest.fixture(scope="module")
def several():
    rows, appeal, activity = planted_rows(1)
    return fitted(rows), appeal, activity, rows


def test_appeal_activity_and_reading_are_found(several):
    fit, appeal, activity, _ = several
    assert fit.fits.clicks.family.picks == "many"
    assert np.corrcoef(appeal, fit.people.items.effect)[0, 1] > 0.95
    assert np.corrcoef(activity, fit.people.users.own[:, 0])[0, 1] > 0.6
    curve = fit.fits.clicks.curve
    assert np.all(np.abs(curve.curve - READING) < 4 * curve.errors + 1e-9)
    assert np.all(np.diff(curve.curve) <= 0)


def test_a_run_thinks_of_a_logged_page_what_the_fit_thought_of_it(several):
    fit = several[0]
    log, grid = fit.log, fit.log.grid
    first, items = grid.rows[:, 0], log.items[grid.rows].astype(np.int32)
    blank = replace(fit.people, remembered=Remembered.nothing(ITEMS))
    met = met_before(log)[grid.rows]
    visit = in_visit(log.page_number, log.clicks_earlier)
    no_price, days = np.zeros(items.shape), log.days[first] - 40
    opinion = blank.think(log.users[first], items, no_price, days, met, visit)
    curve = np.broadcast_to(fit.fits.clicks.curve.curve, items.shape)
    clicks = decisions.chances(opinion.terms.sum(axis=2), curve, Habits(picks="many"))
    wanted = click_chances(log, fit.fits.clicks)
    np.testing.assert_allclose(clicks[grid.page, grid.place], wanted, rtol=1e-9)
    bought = (clicks * sigmoid(opinion.buy_odds)).sum()
    late = log.days >= 30
    assert wanted[late].sum() == pytest.approx(log.clicked[late].sum(), rel=0.05)
    assert bought == pytest.approx(log.bought.sum(), rel=0.1)


def test_one_pick_a_page_is_told_from_several():
    rows, appeal, _ = planted_rows(2, one=True, pages=20)
    fit = fitted(rows)
    assert fit.fits.clicks.family.picks == "one"
    assert fit.picks.gain > 0
    assert np.corrcoef(appeal, fit.people.items.effect)[0, 1] > 0.9


def test_coefficients_mean_the_same_for_a_short_memory_and_a_long_one():
    """In units of the short memory's errors the differences are luck, over several logs."""
    gaps = []
    for seed in (11, 12, 13):
        rows, _, _ = planted_rows(seed)
        fit = fitted(rows)
        short = fitted(rows[rows["time"] >= rows["time"].max() - pd.Timedelta(days=14)])
        told = fit.fits.scales.told & short.fits.scales.told
        long_raw, short_raw = (
            (one.people.shared.common / one.fits.scales.scale)[told][1:] for one in (fit, short)
        )
        errors = np.sqrt(np.diagonal(short.people.shared.common_cov)) / short.fits.scales.scale
        gaps += ((long_raw - short_raw) / errors[told][1:]).tolist()
    assert len(gaps) >= 15
    assert np.mean(np.square(gaps)) < 1.5
    assert np.max(np.abs(gaps)) < 3.5


def test_few_clicks_are_refused_with_their_number():
    rows, _, _ = planted_rows(3, pages=2, rate=-6.0)
    with pytest.raises(DataError, match=r"fit: \d+ clicks of 120 users tell nothing"):
        fitted(rows)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_slopes_are_derivatives_of_the_likelihood(family):
    rng = np.random.default_rng(0)
    pages = np.repeat(np.arange(50), SLATE)
    grid, utility = Grid.of(pages), rng.normal(-1, 1, len(pages))
    reading, clicked = np.tile(READING, 50), np.zeros(len(pages), dtype=bool)
    clicked[np.arange(0, 50, 2) * SLATE + rng.integers(SLATE, size=25)] = True
    slope = pull(family, grid, utility, reading, clicked).slope
    for row in (0, 7, 12, 20):
        up, down = utility.copy(), utility.copy()
        up[row] += 1e-5
        down[row] -= 1e-5
        high, low = (log_likelihood(family, grid, u, reading, clicked).sum() for u in (up, down))
        assert slope[row] == pytest.approx((high - low) / 2e-5, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_the_world_picks_by_the_chances_of_the_fit(family):
    rng = np.random.default_rng(4)
    utility = np.tile(rng.normal(-1, 1, SLATE), (40_000, 1))
    reading = np.tile(READING, (40_000, 1))
    crowding = None if family.picks == "many" else family.crowding
    habits = Habits(picks=family.picks, crowding=crowding)

    def words(*shape):
        return rng.integers(0, 2**64, shape, dtype=np.uint64)

    n, k = utility.shape
    luck = decisions.PageLuck(words(n, k), words(n, k), words(n), words(n), words(n), words(n, k))
    read = decisions.uniform(luck.depth)[:, None] < reading
    picked = decisions._clicked(utility, read, reading, luck, habits).mean(axis=0)
    grid = Grid.of(np.zeros(SLATE, dtype=np.int64))
    wanted = chances(family, grid, utility[0], READING)
    np.testing.assert_allclose(decisions.chances(utility[:1], reading[:1], habits)[0], wanted)
    np.testing.assert_allclose(picked, wanted, atol=0.01)


@pytest.mark.parametrize("reads_on", [(0.5, 0.25), (1.0, 0.0)], ids=["less", "content with two"])
def test_reading_that_clicks_shorten_is_found_and_simulated(reads_on):
    """The log says after how many clicks, and the world's pages come out alike."""
    rows, appeal, _ = planted_rows(21, pages=60, rate=-0.5, reads_on=reads_on)
    fit = fitted(rows, at=60.0)
    family = fit.fits.clicks.family
    assert family.picks == "many"
    assert family.reads_on[:2] == pytest.approx(reads_on, abs=0.12)
    assert "read on" in fit.picks.reason
    assert np.corrcoef(appeal, fit.people.items.effect)[0, 1] > 0.9
    grid = fit.log.grid.rows
    utility = unsure(
        fit.fits.clicks.post.utility(fit.fits.clicks.design),
        fit.fits.clicks.post.variance(fit.fits.clicks.design),
    )[grid]
    reading = np.broadcast_to(fit.fits.clicks.curve.curve, grid.shape)
    habits = Habits(picks="many", reads_on=family.reads_on)
    wanted = decisions.chances(utility, reading, habits)
    for place in range(SLATE):
        clicks = fit.log.clicked[grid[:, place]].sum()
        assert wanted[:, place].sum() == pytest.approx(clicks, rel=0.08)


def test_reading_goes_on_where_the_log_does_not_say_otherwise(several):
    assert several[0].fits.clicks.family.reads_on == ()


def test_a_wish_for_something_else_than_just_above_is_found_and_simulated():
    rows, _, _ = planted_rows(22, pages=60, rate=-0.5, sameness=-0.8)
    fit = fitted(rows, at=60.0)
    shared, just = fit.people.shared, MEASURES.index("same kind just above")
    error = np.sqrt(shared.common_cov[just, just]) / shared.scale[just]
    assert shared.common[just] / shared.scale[just] == pytest.approx(-0.8, abs=4 * error)
    # Where it stands below its like, an item is worth less to everybody.
    items = np.array([[0, 3, 1], [0, 1, 3]], dtype=np.int32)
    traces = np.zeros((*items.shape, len(KINDS)))
    worth = fit.people.think(
        np.zeros(2, dtype=np.int64),
        items,
        np.zeros(items.shape),
        np.zeros(2),
        traces,
        np.zeros((2, len(VISIT))),
    ).worth
    assert worth[0, 1] < worth[1, 2] - 0.3
    assert worth[0, 0] == worth[1, 0]


def test_what_is_alike_above():
    kinds = np.array([[2, 2, 1, 2, -1, -1, 0, 1]])
    just, near, further = np.moveaxis(alike_above(kinds), -1, 0)
    np.testing.assert_array_equal(just[0], [0, 1, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(near[0], [0, 0, 0, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(further[0], [0, 0, 0, 0, 0, 0, 0, 1])
    assert kind_numbers(["b", "", "a", "b"]).tolist() == [1, -1, 0, 1]
    assert kind_numbers(["all", "all"]).tolist() == [-1, -1]
    np.testing.assert_allclose(reads_after((0.5, 0.2), 4), [1, 0.5, 0.2, 0.08, 0.032])
    np.testing.assert_allclose(reads_after((), 2), 1)
    np.testing.assert_allclose(reads_after((1.0, 0.0), 3), [1, 1, 0, 0])


def test_users_who_read_less_after_clicks_click_as_often_as_expected():
    rng = np.random.default_rng(6)
    utility = np.tile(rng.normal(0, 1, SLATE), (40_000, 1))

    def words(*shape):
        return rng.integers(0, 2**64, shape, dtype=np.uint64)

    n, k = utility.shape
    blank = np.zeros((n, k))
    features = decisions.PageFeatures(np.ones((n, k), dtype=bool), utility, *[blank] * 4)
    luck = decisions.PageLuck(words(n, k), words(n, k), words(n), words(n), words(n), words(n, k))
    for reads_on in ((0.0,), (1.0, 0.0), (0.4,)):
        habits = Habits(picks="many", reads_on=reads_on, examine_curve=tuple(READING))
        terms = dict.fromkeys(TERMS, 0.0) | {"llm": 1.0}
        found = decisions.Behaviour(BehaviourSpec(click=Terms(**terms), habits=habits))
        done = found.decide(features, luck)
        np.testing.assert_allclose(done.clicked.mean(axis=0), done.p_click[0], atol=0.01)
        assert not (done.clicked & ~done.examined).any()
    assert done.clicked.sum(axis=1).max() > 1


def events(n=300):
    rng = np.random.default_rng(5)
    days = np.sort(rng.integers(0, 30, n) + rng.integers(0, 3, n) / 10)
    items, clicked, bought = rng.integers(0, 5, n), rng.random(n) < 0.3, rng.random(n) < 0.1
    return days, items, clicked, bought


def test_faded_counts_are_sums_over_what_came_before():
    days, items, clicked, bought = events()
    added = amounts(np.ones(len(days)), clicked * 1.0, bought * 1.0)
    found = faded_before(items, days, added)
    for row in (0, 50, 299):
        before = (items == items[row]) & (days < days[row])
        fade = np.exp(-(days[row] - days[before])[:, None] / LIVES)
        np.testing.assert_allclose(found[row], (fade * added[before]).sum(axis=0), atol=1e-12)


def test_traces_of_a_run_and_memory_add_up_to_the_same():
    days, items, clicked, bought = events()
    added = amounts(np.ones(len(days)), clicked * 1.0, bought * 1.0)
    early = days < 15
    memory = Remembered.of(items[early], days[early], added[early], 15.0, 5)
    traces = Traces()
    for row in np.flatnonzero(~early).tolist():
        item = int(items[row])
        hit, paid = ([item] if done[row] else [] for done in (clicked, bought))
        traces.add([item], hit, paid, days[row] - 15)
        traces.rest()
    codes = np.arange(5, dtype=np.int32)[None, :]
    now = memory.at(np.zeros(1, dtype=np.int64), codes, np.array([16.0])) + np.array(
        [traces.of(codes[0].tolist(), 16.0)]
    )
    fade = np.exp(-(31.0 - days)[:, None] / LIVES) * added
    wanted = [fade[items == item].sum(axis=0) for item in range(5)]
    np.testing.assert_allclose(now[0], wanted, atol=1e-9)


def test_draws_average_to_what_is_expected(several):
    fit = several[0]
    users, items = np.arange(20), np.tile(np.arange(6, dtype=np.int32), (20, 1))
    rest = (
        np.zeros(items.shape),
        np.zeros(20),
        np.zeros((*items.shape, len(KINDS))),
        np.zeros((20, len(VISIT))),
    )
    mean = sigmoid(fit.people.think(users, items, *rest).terms.sum(axis=2))
    drawn_ones = [
        sigmoid(drawn(fit.people, np.random.default_rng(n)).think(users, items, *rest).worth)
        for n in range(300)
    ]
    np.testing.assert_allclose(np.mean(drawn_ones, axis=0).mean(), mean.mean(), rtol=0.03)
    assert np.std(drawn_ones, axis=0).min() > 0


def test_what_is_unsure_moves_the_chance_to_its_mean():
    rng = np.random.default_rng(6)
    noise = rng.normal(size=200_000)
    for utility in (-3.0, -1.0, 1.0):
        mean = sigmoid(utility + np.sqrt(0.5) * noise).mean()
        assert sigmoid(unsure(np.array(utility), np.array(0.5))) == pytest.approx(mean, rel=0.02)


def test_people_are_kept_and_found_again(several, tmp_path):
    fit = several[0]
    until = np.datetime64("2025-04-10", "ns")
    kept = KeptPeople(fit.people, fit.stranger, tuple(NAMES[0]), tuple(NAMES[1]), until, {"a": 1})
    kept.save(tmp_path / "people.npz")
    again = read_people(tmp_path / "people.npz")
    assert (again.users, again.items, again.until, again.about) == (
        kept.users, kept.items, until, {"a": 1},
    )  # fmt: skip
    people = again.of(["u003", "somebody", "u001"], ["i05", "brand new", "i07"])
    assert isinstance(people, People)
    np.testing.assert_array_equal(people.users.own[0], fit.people.users.own[3])
    np.testing.assert_array_equal(people.users.own[1], fit.stranger.own[0])
    assert people.items.effect[1] == 0
    assert people.items.effect_var[1] > people.items.effect_var[0]
    old = fit.people.remembered.at(np.array([1]), np.array([[7]], dtype=np.int32), np.zeros(1))
    new = people.remembered.at(np.array([2]), np.array([[2]], dtype=np.int32), np.zeros(1))
    np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no zip", b"plain text"])
def test_a_damaged_file_of_people_is_one_line(tmp_path, damage):
    path = tmp_path / "people.npz"
    path.write_bytes(damage)
    with pytest.raises(DataError, match="fit them"):
        read_people(path)


def test_a_curve_never_rises_and_keeps_the_top():
    positions = np.repeat(np.arange(4), 1000)
    rng = np.random.default_rng(7)
    clicked = rng.random(4000) < np.array([0.2, 0.1, 0.12, 0.05])[positions]
    curve, _ = next_curve(ReadingCurve.flat(4), positions, np.full(4000, 0.2), clicked)
    assert curve.curve[0] == 1
    assert np.all(np.diff(curve.curve) <= 1e-12)


def test_parts_that_say_nothing_are_refuted_and_true_ones_kept(several):
    fit = several[0]
    rng = np.random.default_rng(8)
    post = deepcopy(fit.fits.clicks.post)
    design, clicked = fit.fits.clicks.design, fit.log.clicked
    reading = fit.fits.clicks.curve.at(fit.log.positions)
    true = stacked(MANY, design, post, reading, clicked)
    assert true.applied["item"] == 1
    assert true.over_uniform > true.over_popular > 0
    post.items[:, 0] = rng.normal(0, 1, ITEMS)
    false = stacked(MANY, design, post, reading, clicked)
    assert false.applied["item"] < 0.2
    weigh(post, false.applied)
    assert np.abs(post.items[:, 0]).max() < 0.8


def test_a_look_back_finds_no_error_where_the_model_is_right_and_some_where_it_is_wrong(several):
    fit = several[0]
    design, post = fit.fits.clicks.design, fit.fits.clicks.post
    chance = click_chances(fit.log, fit.fits.clicks)
    later = np.random.default_rng(9).random(len(chance)) < chance
    right = discrepancy(design, post, chance, later)
    tilted = chance * np.exp(0.4 * post.items[design.items, 0])
    wrong = discrepancy(design, post, tilted, later)
    assert right.value < 2 * PRIOR < wrong.value
    nothing = discrepancy(design, post, chance, np.zeros(len(chance), dtype=bool))
    assert (nothing.value, nothing.contrasts) == (PRIOR, 0)


@pytest.mark.parametrize(("true", "told"), [(1.0, 0.0), (0.5, -0.5)])
def test_how_much_more_better_pages_are_clicked_is_asked_within_users(true, told):
    """Users who differ in activity say nothing about it; a page's own worth does."""
    rng = np.random.default_rng(12)
    users = np.repeat(np.arange(200), 40)
    foretold = np.exp(rng.normal(-1, 0.5, 200)[users] + rng.normal(0, 0.3, len(users)))
    usual = np.exp(rng.normal(-1, 1.5, 200))[users]
    found = page_slope(foretold, rng.poisson(usual * foretold**true).astype(float), users)
    assert found.value == pytest.approx(true, abs=4 * found.error)
    assert found.stretch == pytest.approx(told, abs=4 * found.error)
    nothing = page_slope(foretold, np.zeros(len(users)), users)
    assert np.isnan(nothing.value)
    assert nothing.stretch == 0.0


def test_users_who_hold_items_against_each_other_are_found_out_and_simulated():
    rows, _, _ = planted_rows(23, pages=60, rate=-0.8, contrast=0.7)
    fit = fitted(rows, at=60.0)
    value, error, _ = fit.people.shared.page
    assert value == pytest.approx(-0.7, abs=4 * error)
    assert report_of(fit).page_weight_used
    assert fit.fits.back.slope.stretch == 0.0
    # A better page is worth less of the difference than one better item on it.
    best = np.argsort(-fit.people.items.effect)[: 2 * SLATE].astype(np.int32)
    worst = np.argsort(fit.people.items.effect)[: SLATE - 1].astype(np.int32)
    pages = np.array([best[:SLATE], np.r_[best[:1], worst]])
    n = (np.zeros(2, dtype=np.int64), pages, np.zeros(pages.shape), np.zeros(2))
    opinion = fit.people.think(*n, np.zeros((*pages.shape, len(KINDS))), np.zeros((2, len(VISIT))))
    utility = opinion.terms.sum(axis=2)
    assert utility[0, 0] < utility[1, 0] - 0.3
    assert opinion.worth[0, 0] == opinion.worth[1, 0]


def test_a_page_is_not_weighed_where_items_are_judged_one_by_one(several):
    fit = several[0]
    assert not report_of(fit).page_weight_used
    np.testing.assert_array_equal(fit.people.shared.page[:2], 0)


def test_users_whom_clicks_earlier_in_the_visit_content_are_found_and_simulated():
    rows, _, _ = planted_rows(24, pages=60, visit=3, rate=-0.8, sated=-0.7)
    fit = fitted(rows, at=20.0)
    shared, column = fit.people.shared, MEASURES.index("clicked earlier in the visit")
    error = np.sqrt(shared.common_cov[column, column]) / shared.scale[column]
    assert shared.common[column] / shared.scale[column] == pytest.approx(-0.7, abs=5 * error)
    page = np.arange(SLATE, dtype=np.int32)[None, :].repeat(2, axis=0)
    visit = in_visit(np.array([1, 1]), np.array([0, 3]))
    n = (np.zeros(2, dtype=np.int64), page, np.zeros(page.shape), np.zeros(2))
    worth = fit.people.think(*n, np.zeros((*page.shape, len(KINDS))), visit).worth
    np.testing.assert_allclose(worth[1] - worth[0], -0.7 * np.log(4), atol=0.3)


def test_visits_that_are_better_than_others_are_not_taken_for_what_clicks_lead_to():
    """Clicks earlier in the visit go with more; no arm can make that."""
    rows, _, _ = planted_rows(25, pages=60, visit=3, rate=-0.8, mood=1.0)
    fit = fitted(rows, at=20.0)
    assert fit.mood
    column = MEASURES.index("clicked earlier in the visit")
    assert fit.people.shared.common[column] == 0
    for seed in range(3):
        one = drawn(fit.people, np.random.default_rng(seed))
        assert one.shared.common[column] == 0
    assert any("mood of the visit" in note for note in report_of(fit).notes)


def test_users_who_click_everything_do_not_carry_the_fit_away():
    """Where a chance is nearly 1 the likelihood is flat; a long step would not come back."""
    rows, appeal, _ = planted_rows(31, pages=20, rate=-0.5, reads_on=(0.7, 0.49))
    views = rows[(rows["action"] == "view") & rows["user"].isin([f"u{n:03d}" for n in range(6)])]
    eager = pd.concat([rows, views.assign(action="click")]).drop_duplicates(
        ["user", "item", "time", "page", "action"]
    )
    fit = fitted(eager, at=20.0)
    assert fit.fits.clicks.post.settled
    assert np.corrcoef(appeal, fit.people.items.effect)[0, 1] > 0.85
    assert fit.fits.back.stack.over_popular > 0


def test_a_fit_that_has_run_away_is_refused(monkeypatch):
    rows, _, _ = planted_rows(3, pages=10)
    monkeypatch.setattr("footfall.fitting.pages.blocks.ABSURD", 1e-9)
    with pytest.raises(DataError, match="do not settle"):
        fitted(rows)
