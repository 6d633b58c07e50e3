"""Who foresees the takers of new items: weights learned on other items, judged on these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall_eval.statistics.resample import mean_interval
from footfall_lab.validation.newitems.hiding import NewItemSlates

Floats = npt.NDArray[np.float64]

BASELINE = "category and price"
BLEND = "blend of all"


@dataclass(frozen=True, eq=False)
class VoiceScores:
    """One voice's numbers on some slates."""

    name: str
    numbers: list[Floats]
    """[n, k, width] each; NaN where there is no answer."""


def aucs(opinions: list[VoiceScores], slates: list[NewItemSlates]) -> dict[str, Floats]:
    """[n] AUC of each slate to be judged, by each voice, each beside the baseline, and by all.

    Args:
        opinions: What each voice says of the slates.
        slates: Those to learn weights from and, the last, those to judge by.

    The chance that a taken new item is put above one that was not. NaN for all where a voice gave
    no answer: everybody is judged on the same slates.
    """
    told = slates[-1]
    heard = np.all([_answered(one.numbers[-1], told) for one in opinions], axis=0)
    base = next(one for one in opinions if one.name == BASELINE)
    mixes = {one.name: [one] for one in opinions}
    mixes |= {f"{BASELINE} + {one.name}": [base, one] for one in opinions if one is not base}
    if len(opinions) > 2:
        mixes[BLEND] = opinions
    found = {}
    for name, parts in mixes.items():
        values = np.full(len(told.users), np.nan)
        scores = _scores(parts, slates)
        values[heard] = slate_aucs(scores, told)[heard]
        found[name] = values
    return found


def table(
    values: dict[str, Floats], users: npt.NDArray[np.int64], seed: int
) -> list[dict[str, Any]]:
    """Mean AUC of each voice and its gain over the baseline, with intervals over users.

    Args:
        values: Voice -> [n_slates] AUC; NaN where not everybody answered.
        users: [n_slates] whose slate it is; a user's slates are averaged first.
        seed: Of the resampling.
    """
    told = np.isfinite(values[BASELINE])
    _, place = np.unique(users[told], return_inverse=True)
    counts = np.bincount(place)
    means = {name: np.bincount(place, weights=one[told]) / counts for name, one in values.items()}
    rows = []
    for name, mine in means.items():
        mean, more = mean_interval(mine, seed), mean_interval(mine - means[BASELINE], seed)
        rows.append(
            {
                "who": name,
                "users": len(mine),
                "auc": mean.value,
                "auc interval": [mean.low, mean.high],
                f"over {BASELINE}": more.value,
                f"over {BASELINE}, interval": [more.low, more.high],
            }
        )
    return rows


def _answered(numbers: Floats, slates: NewItemSlates) -> npt.NDArray[np.bool_]:
    """[n] slates of which every item has an answer."""
    there = np.isfinite(numbers).all(axis=2) | ~slates.shown
    return np.asarray(there.all(axis=1))


def _scores(parts: list[VoiceScores], slates: list[NewItemSlates]) -> Floats:
    """[n, k] log-odds by logistic regression on differences from the user's own mean."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - start-up counts

    *learn, judge = [
        _centred(np.concatenate([part.numbers[place] for part in parts], axis=2), one)
        for place, one in enumerate(slates)
    ]
    known = [one.shown & np.isfinite(rows).all(axis=2)
             for one, rows in zip(slates, learn, strict=False)]  # fmt: skip
    x = np.concatenate([rows[there] for rows, there in zip(learn, known, strict=True)])
    y = np.concatenate([one.taken[there] for one, there in zip(slates, known, strict=False)])
    spread = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    model = LogisticRegression(C=1.0, max_iter=1_000).fit(x / spread, y)
    return np.asarray(np.nan_to_num(judge) @ (model.coef_[0] / spread))


def _centred(numbers: Floats, slates: NewItemSlates) -> Floats:
    """What differs between the items of one slate; the rest says nothing about which is taken."""
    shown = slates.shown[:, :, None]
    mean = np.where(shown, numbers, 0.0).sum(axis=1) / shown.sum(axis=1)
    return np.asarray(np.where(shown, numbers - mean[:, None, :], 0.0))


def slate_aucs(scores: Floats, slates: NewItemSlates) -> Floats:
    """[n] AUC of each slate by scores [n, k] of its items; ties count a half."""
    found = np.empty(len(scores))
    rows = zip(scores, slates.taken, slates.shown, strict=True)
    for row, (score, mine, there) in enumerate(rows):
        apart = score[mine & there][:, None] - score[~mine & there][None, :]
        found[row] = ((apart > 0) + 0.5 * (apart == 0)).mean()
    return found
