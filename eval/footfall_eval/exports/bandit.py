"""Open Bandit feedback: what was shown with which probability, and what came of it.

    ARM/bandit_feedback.npz   the arrays of OBP's ``BanditFeedback``, for its estimators
    ARM/all.csv               the same rows in the columns of the Open Bandit Dataset
    ARM/item_context.csv      what the items are

See Saito, Aihara, Matsutani and Narita (2021), "Open Bandit Dataset and Pipeline", NeurIPS.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from footfall.errors import UserError
from footfall_eval.exports.source import Exported, ordered

FEEDBACK = ordered("""
    SELECT "time" AS "timestamp", item_number AS item_id, position + 1 AS position,
           CAST(clicked AS TINYINT) AS click, propensity AS propensity_score,
           hour("time") AS user_feature_0, isodow("time") - 1 AS user_feature_1,
           CAST(bought AS TINYINT) AS bought, user_number, session, page, p_examine, p_click, p_buy
    FROM shown WHERE arm = ? AND answered AND propensity IS NOT NULL
""")


def write(exported: Exported, folder: Path) -> None:
    """Write every arm whose recommender says how likely its slates were; the others are counted.

    Rows without a propensity or without an answer of the model have no place in the format.

    Raises:
        UserError: No exported arm has propensities.
    """
    written: dict[str, int] = {}
    folders = exported.folders()
    for arm in exported.arms:
        rows: pd.DataFrame = exported.connection.execute(FEEDBACK, [arm]).df()
        if len(rows):
            _write_arm(exported, rows, folder / folders[arm])
            written[arm] = len(rows)
    if not written:
        raise UserError(
            f"none of the arms {', '.join(exported.arms)} logged propensities, which this format "
            "is about; random and shuffled recommenders have them, and a recommender of your own "
            "returns them in Slate.propensities"
        )
    exported.counts["impressions without a propensity or an answer, left out"] = exported.counts[
        "impressions"
    ] - sum(written.values())


def _write_arm(exported: Exported, rows: pd.DataFrame, folder: Path) -> None:
    folder.mkdir()
    rows.to_csv(folder / "all.csv")  # the Open Bandit Dataset numbers its rows, too
    goods = exported.frame("SELECT item_number, price, category, title, item FROM goods")
    goods = goods.drop_duplicates("item_number").sort_values("item_number")
    context = goods.rename(
        columns={"item_number": "item_id", "price": "item_feature_0", "category": "item_feature_1"}
    )
    context.to_csv(folder / "item_context.csv", index=False)
    kinds = pd.factorize(context["item_feature_1"])[0]
    time = rows[["user_feature_0", "user_feature_1"]].to_numpy(dtype=np.float64)
    np.savez_compressed(
        folder / "bandit_feedback.npz",
        n_rounds=np.int64(len(rows)),
        n_actions=np.int64(len(context)),
        context=time,
        action_context=np.column_stack([kinds, context["item_feature_0"].fillna(0.0)]),
        action=rows["item_id"].to_numpy(dtype=np.int64),
        position=rows["position"].to_numpy(dtype=np.int64) - 1,
        reward=rows["click"].to_numpy(dtype=np.int64),
        pscore=rows["propensity_score"].to_numpy(dtype=np.float64),
    )
