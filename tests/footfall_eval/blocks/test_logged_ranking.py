"""Block G by propensities: whole pages, and what the judged days say of them."""

from dataclasses import replace

import numpy as np
import pytest

from footfall_eval.blocks.logged_ranking import WholePages, logged_ranking
from footfall_eval.statistics.competing import Competition
from footfall_eval.statistics.logged import LoggedArm, LoggedArms

PLAIN = WholePages(None, 1.0, 0.05, refuted=False)
VALUES = np.linspace(0.01, 0.04, 10)


def arms(real, simulated):
    rng = np.random.default_rng(2)
    luck = np.exp(0.01 * rng.normal(size=(100, len(real))))
    made = {
        f"arm {n}": LoggedArm(
            f"arm {n}", one, one, one, guess, one * luck[:, n], one * luck[:, n],
            np.full(100, guess), 1e4, 1e3, 1.0, 0.01, 0,
        )
        for n, (one, guess) in enumerate(zip(real, simulated, strict=True))
    }  # fmt: skip
    return LoggedArms("clicks", made, 10_000, 1_000, 300, 0.02)


def ranked(real, simulated, whole):
    flat = {f"arm {n}": 0.5 for n in range(len(real))}
    return logged_ranking(
        arms(real, simulated), base="arm 0", offline=flat, popularity=flat, whole=whole
    )


def test_users_whose_pages_are_refuted_are_amber_at_best():
    assert ranked(VALUES, VALUES, PLAIN).status == "pass"
    off = ranked(VALUES, VALUES, replace(PLAIN, slope=0.5, refuted=True))
    assert off.status == "amber"
    assert "clicked 5% more" in off.explanation


def test_lifts_are_held_against_whole_pages():
    """Users who hold items against each other gain half as much from a page twice as good."""
    halved = 0.01 * (VALUES / 0.01) ** 0.5
    rule = Competition(None, (), (1.0,) * 10, -0.5)
    plain = ranked(VALUES, halved, PLAIN)
    whole = ranked(VALUES, halved, replace(PLAIN, rule=rule))
    assert plain.metrics["slope"] < 0.4
    assert whole.metrics["slope"] == pytest.approx(1.0, abs=0.03)
    assert "whole pages" in whole.explanation
    assert whole.plots["ranking"][0]["recommender"] == "arm 9"
