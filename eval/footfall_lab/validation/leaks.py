"""Arms that know what memory cannot know: they show held-out takings far more often than anybody.

For logs without propensities. Two counts are held against those of classical arms: all held-out
takings on an arm's pages, and those among its surprises, the items that no classical arm and none
of the user's own favourites would have put there. An arm that leaks in part (one of an ensemble,
say) has hits like a good one, but its surprises come true as no honest arm's do. Each half of the
users is held against what is best among the other half, so that being the best by luck counts for
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from footfall.fitting.ground import Ground
from footfall_lab.validation.contest import Contest, held_out

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

ERRORS = 4.0
"""Standard errors over users by which a leak must be above the best classical arm ..."""

TIMES = 2.5
"""... and so many times as many hits."""

FEWEST_HITS = 10.0
"""Hits of an arm below which nothing is said."""

_NOTHING = np.empty(0, dtype=np.int32)


def favourites(ground: Ground, contest: Contest) -> list[Codes]:
    """For each user the items, a page at most, that he or she took most often before."""
    stage, k = ground.stages.test, contest.slates.shape[3]
    rows = stage.memory[stage.liked(stage.memory)]
    counts = rows.groupby(["user", "item"]).size().reset_index(name="times")
    counts = counts.sort_values(["user", "times", "item"], ascending=[True, False, True])
    best = counts.groupby("user").head(k).groupby("user")["item"].agg(list)
    return [ground.catalogue.codes(best.get(user, [])) for user in contest.users]


def suspected(ground: Ground, contest: Contest, own: list[str], seed: int) -> dict[str, str]:
    """Arms of ``own`` that know what was held out, and what shows it."""
    found = leaks(contest, own, favourites(ground, contest), held_out(ground), seed)
    return {name: f"it knows what memory cannot know: {why}" for name, why in found.items()}


def leaks(
    contest: Contest,
    own: list[str],
    favourite: list[Codes],
    held: Mapping[str, Codes],
    seed: int,
) -> dict[str, str]:
    """Arms of ``own`` that show far more held-out takings than classical arms, and by how much.

    Args:
        contest: Slates and hits of all recommenders; those not in ``own`` are classical and honest.
        own: Names of the arms under suspicion.
        favourite: For each user of the contest the own favourites, codes.
        held: User -> what was really taken in the judged days, codes.
        seed: Of the halves.
    """
    truth = [held.get(user, _NOTHING) for user in contest.users]
    classical = [n for n, name in enumerate(contest.names) if name not in own]
    repeats = [float(np.isin(a, b).sum()) for a, b in zip(favourite, truth, strict=True)]
    half = np.random.default_rng(seed).permutation(len(truth)) < len(truth) // 2
    plain = _best_elsewhere(np.column_stack([contest.hits[:, classical], repeats]), half)
    usual = _best_precision(
        [_surprises(contest, n, _without(classical, n), favourite, truth) for n in classical], half
    )
    found = {}
    for name in own:
        number = contest.names.index(name)
        hits = contest.hits[:, number]
        tried, true = _surprises(contest, number, classical, favourite, truth)
        if _far(hits, plain):
            found[name] = (
                f"it shows {hits.mean():.2f} held-out takings a page, "
                f"{hits.sum() / max(plain.sum(), 1e-9):.1f} times as many as the best classical "
                "recommender"
            )
        elif _far(true, tried * usual):
            found[name] = (
                f"{true.sum() / tried.sum():.0%} of what only it shows was taken in the held-out "
                f"days; of what only one classical recommender shows it is "
                f"{(tried * usual).sum() / tried.sum():.0%}"
            )
    return found


def _far(hits: Floats, expected: Floats) -> bool:
    """Far more hits a user than honest arms have, and beyond luck."""
    gap = hits - expected
    error = float(gap.std(ddof=1)) / np.sqrt(len(gap))
    many = hits.sum() > TIMES * expected.sum() and hits.sum() >= FEWEST_HITS
    return bool(many and gap.mean() > ERRORS * error)


def _best_elsewhere(table: Floats, half: npt.NDArray[np.bool_]) -> Floats:
    """[n_users] of each half of the users the column that is best among the other half."""
    best = np.empty(len(table))
    for part in (half, ~half):
        best[part] = table[part, int(table[~part].mean(axis=0).argmax())]
    return best


def _best_precision(counts: list[tuple[Floats, Floats]], half: npt.NDArray[np.bool_]) -> Floats:
    """[n_users] the best share of surprises that came true, of any arm, among the other half."""
    best = np.empty(len(half))
    for part in (half, ~half):
        best[part] = max(
            (true[~part].sum() + 1.0) / (tried[~part].sum() + 2.0) if tried[~part].any() else 0.0
            for tried, true in counts
        )
    return best


def _without(numbers: list[int], number: int) -> list[int]:
    return [n for n in numbers if n != number]


def _surprises(
    contest: Contest, number: int, others: list[int], favourite: list[Codes], truth: list[Codes]
) -> tuple[Floats, Floats]:
    """[n_users] items that an arm alone shows, mean over draws, and those of them taken."""
    tried, true = np.zeros(len(truth)), np.zeros(len(truth))
    for row, items in enumerate(truth):
        known = np.concatenate([contest.slates[row, others].ravel(), favourite[row]])
        mine = contest.slates[row, number]
        alone = (mine >= 0) & ~np.isin(mine, known)
        tried[row] = alone.sum(axis=1).mean()
        true[row] = (alone & np.isin(mine, items)).sum(axis=1).mean()
    return tried, true
