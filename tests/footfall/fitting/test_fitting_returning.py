"""When users come back, and whether: small planted logs whose answer is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from footfall.behaviour.coming_back import NEVER, ComingBack, above_sameness, faded, sameness
from footfall.fitting.pages.coming_report import coming_report
from footfall.fitting.pages.log import read_pages
from footfall.fitting.pages.returning import SAMENESS, fit_returning
from footfall.fitting.pages.visit_rates import Waits, told
from footfall.fitting.pages.visits import Visits

USERS, ITEMS, SLATE, DAYS = 160, 200, 4, 50.0
START = pd.Timestamp("2025-03-01")


@dataclass(frozen=True)
class Rules:
    """Of a planted world."""

    same: float = 0.0
    """Added to the log of the rate by a first page that is the last one."""
    leave: float = 0.0
    """Chance of never coming back after a visit without a click."""
    repeats: float = 0.5
    """How often a visit begins with the first page of the one before."""
    bursts: bool = False
    """Users come often at some times and seldom at others, and the page changes every week."""


def planted(seed, rules):
    """Interactions, and who has left."""
    rng = np.random.default_rng(seed)
    rows, gone = [], []
    for user in range(USERS):
        rate, day = rng.gamma(2.0, 0.15) + 0.02, rng.uniform(0, 3)
        likes, front, number = rng.uniform(0.2, 0.6), None, 0
        phase, moods = rng.uniform(0, 9), rng.choice([0.3, 2.0], size=9)
        while day < DAYS:
            week = int(day // 7)
            if rules.bursts:
                page = np.random.default_rng([user, week]).permutation(ITEMS)[:SLATE]
            else:
                again = front is not None and rng.random() < rules.repeats
                new = rng.permutation(ITEMS)
                page = (
                    front if again else new[~np.isin(new, () if front is None else front)][:SLATE]
                )
            clicked = rng.random() < likes
            time = START + pd.Timedelta(days=day)
            for place, item in enumerate(page.tolist()):
                base = (f"u{user:03d}", f"i{item:03d}", time, f"p{number}", place + 1.0)
                rows.append((*base, "view"))
                if clicked and place == 0:
                    rows.append((*base, "click"))
            old = 0.0 if front is None else np.isin(page, front).mean()
            front, number = page, number + 1
            if not clicked and rng.random() < rules.leave:
                gone.append(user)
                break
            mood = moods[int((day + phase) // 9)]
            faster = mood if rules.bursts else np.exp(rules.same * old)
            day += max(rng.exponential(1 / (rate * faster)), 0.05)
    frame = pd.DataFrame(rows, columns=["user", "item", "time", "page", "position", "action"])
    return frame.assign(order="", quantity=1.0, value=np.nan), set(gone)


NAMES = [f"u{user:03d}" for user in range(USERS)], [f"i{item:03d}" for item in range(ITEMS)]


def found(rows):
    return fit_returning(read_pages(rows, *NAMES), DAYS)


def test_users_who_stay_away_from_an_old_first_page_are_found():
    told_by = found(planted(1, Rules(same=-0.8))[0])
    assert told_by.sameness.used
    assert not told_by.leaving.used
    assert told_by.estimate == pytest.approx(-0.8, abs=3 * told_by.estimate_error)
    assert told_by.estimate_error < 0.15
    assert told_by.coming.life[0] == 1
    assert -0.9 < told_by.coming.rate[1] < -0.4
    late = np.array([[0.0, 2.0, 2.0, 2.0], [0.0, 2.0, 0.0, 2.0]])
    old, new = told_by.coming.stretch(late, np.zeros(2))
    assert old / new == pytest.approx(np.exp(-told_by.coming.rate[1]))


def test_users_who_leave_for_good_are_found_and_counted():
    rows, gone = planted(2, Rules(leave=0.15))
    told_by = found(rows)
    assert told_by.leaving.used
    assert not told_by.sameness.used
    with_click, without = told_by.coming.leaves(np.array([2.0, 0.0]))
    assert without == pytest.approx(0.15, abs=0.04)
    assert with_click < 0.02
    assert told_by.gone.sum() == pytest.approx(len(gone), rel=0.1)
    left = np.array([number in gone for number in range(USERS)])
    assert told_by.gone[:-1][left].mean() > told_by.gone[:-1][~left].mean() + 0.5
    assert coming_report(told_by).gone == pytest.approx(told_by.gone[:-1].mean())


def test_what_the_log_does_not_carry_is_not_played_but_stays_in_doubt():
    told_by = found(planted(3, Rules())[0])
    assert not told_by.sameness.used
    assert not told_by.leaving.used
    assert told_by.coming.rate[1] == 0
    assert (told_by.coming.same_errors > 0.02).all()
    assert (told_by.coming.same_errors < 0.25).all()
    assert not told_by.coming.anybody_leaves
    assert not told_by.coming.leaves(np.zeros(1))[0]
    assert (told_by.gone == 0).all()


@pytest.mark.parametrize("repeats", [0.0, 1.0])
def test_first_pages_that_are_always_as_new_tell_nothing_and_that_is_said(repeats):
    told_by = found(planted(4, Rules(same=-0.8, repeats=repeats))[0])
    assert not told_by.sameness.used
    assert (told_by.coming.same_errors > 0.9 * SAMENESS).all()
    sentence = coming_report(told_by).sentences()[0]
    assert "in doubt by 0.3" in sentence or "give or take 0.30" in sentence


def test_users_who_come_in_bursts_are_not_taken_for_liking_the_same_page():
    told_by = found(planted(5, Rules(bursts=True))[0])
    assert not told_by.sameness.used or abs(told_by.coming.rate[1]) < 0.1


def test_slopes_are_derivatives_of_the_likelihood():
    rng, n = np.random.default_rng(6), 40
    users = np.sort(np.r_[np.arange(8), rng.integers(0, 8, n - 8)])
    last = np.diff(users, append=-1) != 0
    waits = Waits(users, last, rng.exponential(3, n), rng.normal(size=(n, 2)), np.ones((n, 2)))
    waits = replace(waits, leaving=np.stack([np.ones(n), rng.integers(0, 2, n)], axis=1) * 1.0)
    theta = rng.normal(0, 0.5, 6)
    score = told(theta, waits).score
    for place, step in enumerate(1e-6 * np.eye(6)):
        up, down = told(theta + step, waits), told(theta - step, waits)
        slope = (up.log_likelihood - down.log_likelihood) / 2e-6
        np.testing.assert_allclose(score[:, place], slope, rtol=1e-4, atol=1e-6)


def test_few_visits_tell_no_more_than_how_often_users_come():
    rows, _ = planted(7, Rules(same=-0.8))
    told_by = found(rows[rows["user"] < "u008"])
    assert np.isnan(told_by.sameness.gain)
    assert np.isfinite(told_by.gap_days).all()
    assert told_by.coming.same_errors == pytest.approx(SAMENESS)


def test_visits_know_the_first_page_of_the_visit_before():
    rows, _ = planted(8, Rules(repeats=1.0))
    visits = Visits.of(read_pages(rows, *NAMES))
    again = np.isfinite(visits.same)
    assert (visits.same[again] == 1).all()
    assert again.sum() == len(visits) - len(np.unique(visits.users))
    assert set(visits.front[visits.users[0]]) <= set(range(ITEMS))
    assert visits.usual_sameness == 1


def test_a_log_of_small_differences_says_little_of_large_ones():
    wide = found(planted(1, Rules(same=-0.8))[0]).coming
    narrow = found(planted(1, Rules(same=-0.8, repeats=0.01))[0]).coming
    always = np.array([[0.0, 2.0, 2.0, 2.0]])

    def spread(coming):
        worlds = [replace(coming, bend=coming.bend_error), replace(coming, bend=-coming.bend_error)]
        few, many = (float(one.stretch(always, np.zeros(1))[0]) for one in worlds)
        return abs(np.log(many / few)) / 2

    assert spread(wide) < 0.03
    assert spread(narrow) > 0.1


def test_sums_fade_and_start_anew_with_each_user():
    users, days = np.array([0, 0, 0, 1, 1]), np.array([0.0, 7.0, 14.0, 1.0, 8.0])
    found_sums = faded(np.ones((5, 1)), days, users, np.array([7.0]))[:, 0]
    fade = np.exp(-1)
    np.testing.assert_allclose(found_sums, [1, 1 + fade, 1 + fade + fade**2, 1, 1 + fade])


def test_sameness_of_pages_and_of_late():
    assert sameness((1, 2, 3, 4), (4, 3, 9), usual=0.1) == 0.5
    assert sameness((1, 2), (), usual=0.1) == 0.1
    late = np.array([[0.0, 0.0, 0.0, 0.0], [3.0, 5.0, 1.0, 2.0]])
    np.testing.assert_allclose(above_sameness(late, 0.2), [0.0, 0.3])


def test_nobody_leaves_where_leaving_is_not_told():
    coming = ComingBack(
        rate=np.zeros(2), click_error=np.zeros(1), lives=np.ones(1), same_errors=np.zeros(1),
        usual=np.zeros(1), life=np.ones(1), seen=np.zeros(2), bend=np.zeros(1),
        bend_error=np.zeros(1),
        leaving=np.array([NEVER, 0.0]), leaving_cov=np.zeros((2, 2)),
    )  # fmt: skip
    assert not coming.anybody_leaves
    assert coming.leaves(np.zeros(3)).max() < 1e-15
