"""Block B where the log tells pages: who foresees best what is clicked on them?

Clicks are compared with clicks: -log of the chance of what happened at each place (a click or
none), added up over a page, averaged over each user's pages. Pass: better than the best classical
predictor with a 95% interval over users above 0; red: clearly worse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall_eval.blocks.predictions import BLEND, SMALLEST
from footfall_eval.reading.block import Block, BlockStatus
from footfall_eval.statistics.resample import mean_interval

Floats = npt.NDArray[np.float64]


def page_choice(shown: pd.DataFrame, foreseen: dict[str, Floats], *, seed: int) -> Block:
    """Judge predictors on logged pages.

    Args:
        shown: Rows ``user``, ``page``, ``clicked``, one an item shown.
        foreseen: Predictor -> [n_rows] chance of a click; ``BLEND`` is judged.
        seed: Of the resamples.
    """
    clicked = shown["clicked"].to_numpy(bool)
    losses = pd.DataFrame(
        {name: _loss(chance, clicked) for name, chance in foreseen.items()}, index=shown.index
    )
    per_page = losses.groupby([shown["user"], shown["page"]]).sum()
    per_user = per_page.groupby(level=0).mean()
    rivals = per_user.drop(columns=BLEND).mean().sort_values()
    best = str(rivals.index[0])
    gain = mean_interval((per_user[best] - per_user[BLEND]).to_numpy(), seed)
    own = mean_interval(per_user[BLEND].to_numpy(), seed)
    metrics: dict[str, Any] = {
        "protocol": "logged pages",
        "users": len(per_user),
        "pages": len(per_page),
        "clicks": int(clicked.sum()),
        "nll": own.value,
        "nll interval": own.pair(),
        "best classical baseline": best,
        "gain over best classical": gain.value,
        "gain over best classical interval": gain.pair(),
    }
    rows = tuple(
        _row(name, foreseen[name], per_user, clicked, seed)
        for name in per_user.mean().sort_values().index
    )
    status: BlockStatus = "pass" if gain.low > 0 else "red" if gain.high < 0 else "amber"
    words = {"pass": "better than", "red": "worse than", "amber": "not told apart from"}[status]
    explanation = (
        f"What {len(per_user)} users clicked on {len(per_page):,} later pages costs the simulated "
        f"users {own.value:.3f} nats a page, {words} the best classical predictor ({best}): gain "
        f"{gain.value:+.4f} (95% interval {gain.low:+.4f} to {gain.high:+.4f})."
    )
    return Block("B", status, explanation, metrics, rows)


def _row(
    name: str,
    chance: Floats,
    per_user: pd.DataFrame,
    clicked: npt.NDArray[np.bool_],
    seed: int,
) -> dict[str, Any]:
    """As in the block for single choices; pages with several clicks have no first hit."""
    gain: list[float] | list[None] = [None, None]
    if name != BLEND:
        gain = mean_interval((per_user[name] - per_user[BLEND]).to_numpy(), seed).pair()
    return {
        "model": name,
        "nll": float(per_user[name].mean()),
        "top-1": None,
        "mrr": None,
        "auc": _auc(chance, clicked),
        "gain interval": gain,
    }


def _loss(chance: Floats, clicked: npt.NDArray[np.bool_]) -> Floats:
    p = np.where(clicked, chance, 1.0 - chance)
    return np.asarray(-np.log(np.maximum(p, SMALLEST)))


def _auc(chance: Floats, clicked: npt.NDArray[np.bool_]) -> float:
    """P(a clicked item has the higher chance than one that was not), over all pages."""
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - heavy

    if clicked.all() or not clicked.any():
        return float("nan")
    return float(roc_auc_score(clicked, chance))
