"""Arms that know what memory cannot know: they show held-out takings far more often than anybody.

For logs without propensities. An arm's hits are held against the best of the classical arms, each
half of the users against the arm that is best among the other half (so that being the best by
luck counts for nothing); each user's own favourites are one of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footfall.fitting.ground import Ground
from footfall_lab.validation.contest import Contest, held_out

Floats = npt.NDArray[np.float64]

ERRORS = 4.0
"""Standard errors over users by which a leak must be above the best classical arm ..."""

TIMES = 2.5
"""... and so many times as many hits."""

FEWEST_HITS = 10.0
"""Hits of an arm below which nothing is said."""


def favourites(ground: Ground, contest: Contest) -> Floats:
    """[n_users] held-out items among the items that each user took most often before."""
    stage, k = ground.stages.test, contest.slates.shape[3]
    rows = stage.memory[stage.liked(stage.memory)]
    counts = rows.groupby(["user", "item"]).size().reset_index(name="times")
    counts = counts.sort_values(["user", "times", "item"], ascending=[True, False, True])
    best = counts.groupby("user").head(k).groupby("user")["item"].agg(list)
    held = held_out(ground)
    nothing = np.empty(0, dtype=np.int32)
    return np.array(
        [
            float(
                np.isin(ground.catalogue.codes(best.get(user, [])), held.get(user, nothing)).sum()
            )
            for user in contest.users
        ]
    )


def leaks(contest: Contest, own: list[str], repeats: Floats, seed: int) -> dict[str, str]:
    """Arms of ``own`` that show far more held-out takings than classical arms, and by how much.

    Args:
        contest: Hits of all recommenders; those not in ``own`` are classical and honest.
        own: Names of the arms under suspicion.
        repeats: [n_users] hits of each user's own favourites.
        seed: Of the halves.
    """
    classical = [n for n, name in enumerate(contest.names) if name not in own]
    table = np.column_stack([contest.hits[:, classical], repeats])
    half = np.random.default_rng(seed).permutation(len(table)) < len(table) // 2
    best = np.empty(len(table))
    for part in (half, ~half):
        best[part] = table[part, int(table[~part].mean(axis=0).argmax())]
    found = {}
    for name in own:
        hits = contest.hits[:, contest.names.index(name)]
        gap = hits - best
        error = float(gap.std(ddof=1)) / np.sqrt(len(gap))
        far = hits.sum() > TIMES * best.sum() and gap.mean() > ERRORS * error
        if far and hits.sum() >= FEWEST_HITS:
            found[name] = (
                f"it knows what memory cannot know: it shows {hits.mean():.2f} held-out takings a "
                f"page, {hits.sum() / max(best.sum(), 1e-9):.1f} times as many as the best "
                "classical recommender"
            )
    return found
