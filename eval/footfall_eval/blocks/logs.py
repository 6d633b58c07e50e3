"""Block I: does a recommender learn from simulated logs what it learns from real ones?

Pass: its NDCG on real held-out choices is at least 90% of what the real log of the same size
gives; the interval resamples users. Without enough hits there is nothing to compare.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from footfall_eval.blocks.grading import not_run
from footfall_eval.reading.block import Block, BlockStatus
from footfall_eval.statistics.resample import ratio_interval

SHARE_PASS, SHARE_AMBER = 0.9, 0.7

FEWEST_HITS = 30
"""Users for whom the recommender must hit anything at all, trained on the real log; with fewer a
ratio of hits is luck."""


def logs(per_user: pd.DataFrame, *, events: int, recommender: str, k: int, seed: int) -> Block:
    """Compare NDCG of a recommender trained on synthetic, real and random logs.

    Args:
        per_user: Rows a user: ``synthetic``, ``real``, ``random`` (NDCG of each training).
        events: Interactions in each log.
        recommender: What was trained.
        k: Depth of the NDCG.
        seed: Of the resampling.
    """
    hits = int((per_user["real"] > 0).sum())
    if hits < FEWEST_HITS:
        why = (
            f"trained on the real log the recommender hits something for {hits} users only; a "
            f"comparison needs {FEWEST_HITS}"
        )
        return not_run("I", why, {"users": len(per_user), "users hit": hits})
    ratio = ratio_interval(per_user["synthetic"].to_numpy(), per_user["real"].to_numpy(), seed)
    chance = ratio_interval(per_user["random"].to_numpy(), per_user["real"].to_numpy(), seed)
    status: BlockStatus = "red"
    if ratio.value >= SHARE_AMBER:
        status = "amber"
    if ratio.value >= SHARE_PASS:
        status = "pass"
    metrics = {
        "users": len(per_user),
        "users hit": hits,
        "events in a log": events,
        "recommender": recommender,
        f"ndcg@{k} trained on real": float(np.mean(per_user["real"])),
        f"ndcg@{k} trained on synthetic": float(np.mean(per_user["synthetic"])),
        f"ndcg@{k} trained on random choices": float(np.mean(per_user["random"])),
        "share of real": ratio.value,
        "share of real interval": ratio.pair(),
        "share of real by random choices": chance.value,
    }
    explanation = (
        f"Trained on {events:,} simulated choices, {recommender} reaches {ratio.value:.0%} of the "
        f"NDCG@{k} that as many real choices give (95% interval {ratio.low:.0%} to "
        f"{ratio.high:.0%}; random choices {chance.value:.0%}; pass from {SHARE_PASS:.0%})."
    )
    return Block("I", status, explanation, metrics)
