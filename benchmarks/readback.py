"""Let RecBole and the Open Bandit Pipeline read what `footfall export` wrote.

Both need older numpy and pandas than Footfall has, so they run in an environment of their own:

    footfall export RUN --format recbole --out exports/recbole
    footfall export RUN --format open-bandit --out exports/bandit
    python -m venv tools && tools/bin/pip install "numpy<2" "pandas<2" "scipy<1.14" obp==0.4.1 \
        recbole==1.2.0 kmeans-pytorch
    tools/bin/python benchmarks/readback.py exports/recbole exports/bandit
"""

import sys
from pathlib import Path

import numpy as np


def read_recbole(folder: Path) -> None:
    """RecBole's own data set class reads the three files and counts."""
    from recbole.config import Config  # noqa: PLC0415 - the tool under test
    from recbole.data import create_dataset  # noqa: PLC0415

    name = next(path.name for path in folder.iterdir() if path.is_dir())
    with (folder / name / f"{name}.inter").open() as source:
        heads = [head.split(":")[0] for head in source.readline().rstrip("\n").split("\t")]
        written = [dict(zip(heads, line.rstrip("\n").split("\t"), strict=True)) for line in source]
    columns = ["user_id", "item_id", "timestamp", "label", "p_click"]
    settings = {
        "data_path": str(folder),
        "load_col": {"inter": columns, "item": ["item_id", "title", "category"]},
        "LABEL_FIELD": "label",
    }
    dataset = create_dataset(Config(model="Pop", dataset=name, config_dict=settings))
    assert dataset.inter_num == len(written), (dataset.inter_num, len(written))
    read = dataset.inter_feat
    times = {row["timestamp"] for row in written}
    assert len(set(np.asarray(read["timestamp"]).tolist())) == len(times), "times have merged"
    clicks = int(np.sum(np.asarray(read["label"])))
    assert clicks == sum(int(row["label"]) for row in written), "clicks were made up"
    assert set(np.unique(np.asarray(read["label"]))) <= {0.0, 1.0}, "a gap was filled with a mean"
    print(
        f"RecBole: {dataset.user_num - 1} users, {dataset.item_num - 1} items, "
        f"{dataset.inter_num} impressions, {clicks} clicks"
    )


def read_bandit(folder: Path) -> None:
    """OBP's estimator values a uniform policy from the feedback as the formula by hand does."""
    from obp.ope import (  # noqa: PLC0415 - the tool under test
        InverseProbabilityWeighting,
        OffPolicyEvaluation,
    )

    for arm in sorted(path for path in folder.iterdir() if path.is_dir()):
        feedback = dict(np.load(arm / "bandit_feedback.npz", allow_pickle=False))
        feedback["n_rounds"], feedback["n_actions"] = (
            int(feedback["n_rounds"]),
            int(feedback["n_actions"]),
        )
        rows = np.random.default_rng(0).choice(feedback["n_rounds"], 2_000, replace=False)
        for key in ("context", "action", "position", "reward", "pscore"):
            feedback[key] = feedback[key][rows]
        feedback["n_rounds"] = len(rows)
        feedback["position"] = np.zeros(len(rows), dtype=int)
        policy = np.full((len(rows), feedback["n_actions"], 1), 1.0 / feedback["n_actions"])
        estimator = OffPolicyEvaluation(
            bandit_feedback=feedback, ope_estimators=[InverseProbabilityWeighting()]
        )
        value = estimator.estimate_policy_values(action_dist=policy)["ipw"]
        by_hand = (feedback["reward"] / feedback["n_actions"] / feedback["pscore"]).mean()
        assert np.isclose(value, by_hand), arm
        logged = feedback["reward"].mean()
        print(f"OBP: {arm.name}: IPW of a uniform policy {value:.4f}, logged {logged:.4f}")


if __name__ == "__main__":
    read_recbole(Path(sys.argv[1]))
    read_bandit(Path(sys.argv[2]))
