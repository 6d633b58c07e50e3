"""Block D: do crowds look alike?

Every distance between simulated and real is held against the distance between two halves of
the real users. Both are between the same numbers of users: one half simulated against the other
half real. Pass: a ratio of at most 2 everywhere; amber up to 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from footfall_eval.blocks.grading import graded, not_run, worst
from footfall_eval.reading.block import Block

Floats = npt.NDArray[np.float64]

RATIO_PASS, RATIO_AMBER = 2.0, 5.0
_HALVINGS = 50
_SHOWN = 25
"""Categories in the plot, most frequent first."""


@dataclass(frozen=True)
class Compared:
    """One thing whose distribution is compared."""

    name: str
    kind: str
    """"shares" of values (Jensen-Shannon) or "amounts" (Wasserstein)."""
    simulated: pd.DataFrame
    """Rows ``user``, ``value``, ``weight``."""
    real: pd.DataFrame


def distributions(compared: list[Compared], missing: dict[str, str], *, seed: int) -> Block:
    """Judge every distribution; ``missing`` says why others cannot be compared."""
    if not compared:
        why = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
        return not_run("D", why or "there is nothing to compare")
    rows = [_row(one, seed) for one in compared]
    statuses = [graded(row["ratio"], RATIO_PASS, RATIO_AMBER) for row in rows]
    for row, status in zip(rows, statuses, strict=True):
        row["status"] = status
    farthest = max(rows, key=lambda row: np.nan_to_num(row["ratio"], nan=-1.0))
    metrics: dict[str, Any] = {f"{row['name']}: ratio to floor": row["ratio"] for row in rows}
    metrics |= {f"{row['name']}: distance": row["distance"] for row in rows}
    metrics |= {f"{name}: not compared": why for name, why in missing.items()}
    explanation = (
        f"Farthest from real is {farthest['name']}: {farthest['ratio']:.1f} times as far as two "
        f"halves of the real users are from each other (pass up to {RATIO_PASS:g}, amber up to "
        f"{RATIO_AMBER:g})."
    )
    plots = {"distributions": [_plot(one) for one in compared]}
    return Block("D", worst(statuses), explanation, metrics, tuple(rows), plots)


def _row(one: Compared, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    users = np.array(sorted(set(one.real["user"]) & set(one.simulated["user"])), dtype=object)
    distance = _distances(one, users)
    found, floors = [], []
    for _ in range(_HALVINGS):
        half = rng.permutation(len(users)) < len(users) // 2
        found.append((distance("simulated", half, ~half) + distance("simulated", ~half, half)) / 2)
        floors.append(distance("real", half, ~half))
    floor, mean = float(np.mean(floors)), float(np.mean(found))
    return {
        "name": one.name,
        "measure": "Jensen-Shannon" if one.kind == "shares" else "Wasserstein",
        "users": len(users),
        "distance": mean,
        "floor": floor,
        "ratio": mean / floor if floor > 0 else np.nan,
    }


def _distances(one: Compared, users: npt.NDArray[np.object_]) -> Any:
    """A function (source of the first half, mask, mask of the real half) -> distance."""
    if one.kind == "shares":
        values = sorted(set(one.simulated["value"]) | set(one.real["value"]), key=str)
        grids = {
            "simulated": _grid(one.simulated, users, values),
            "real": _grid(one.real, users, values),
        }

        def shares(source: str, a: Floats, b: Floats) -> float:
            return divergence(grids[source][a].sum(axis=0), grids["real"][b].sum(axis=0))

        return shares
    sides = {"simulated": one.simulated, "real": one.real}
    rows = {
        name: (
            pd.Index(users).get_indexer(pd.Index(side["user"])),
            side["value"].to_numpy(np.float64),
            side["weight"].to_numpy(np.float64),
        )
        for name, side in sides.items()
    }

    def amounts(source: str, a: Floats, b: Floats) -> float:
        parts = []
        for side, mask in ((source, a), ("real", b)):
            owner, value, weight = rows[side]
            keep = (owner >= 0) & mask[owner].astype(bool)
            parts.append((value[keep], weight[keep]))
        if min(len(parts[0][0]), len(parts[1][0])) == 0:
            return float("nan")
        return float(wasserstein_distance(parts[0][0], parts[1][0], parts[0][1], parts[1][1]))

    return amounts


def _grid(rows: pd.DataFrame, users: npt.NDArray[np.object_], values: list[Any]) -> Floats:
    """[n_users, n_values] weight; every user counts with what he or she did."""
    table = rows.pivot_table(index="user", columns="value", values="weight", aggfunc="sum")
    return table.reindex(index=users, columns=values).fillna(0.0).to_numpy(np.float64)


def divergence(p: Floats, q: Floats) -> float:
    """Jensen-Shannon divergence in bits (scipy gives its square root)."""
    if not p.sum() or not q.sum():
        return float("nan")
    return float(jensenshannon(p, q, base=2) ** 2)


def _plot(one: Compared) -> dict[str, Any]:
    if one.kind == "shares":
        sides = {
            name: side.groupby("value")["weight"].sum() / side["weight"].sum()
            for name, side in (("simulated", one.simulated), ("real", one.real))
        }
        frame = pd.DataFrame(sides).fillna(0.0).sort_values("real", ascending=False)
        head = frame.head(_SHOWN)
        return {
            "name": one.name,
            "values": [str(v) for v in head.index],
            **{c: head[c].tolist() for c in sides},
        }
    levels = np.linspace(0.05, 0.95, 19)
    return {
        "name": one.name,
        "values": [f"{level:.0%}" for level in levels],
        "simulated": np.quantile(one.simulated["value"], levels).tolist(),
        "real": np.quantile(one.real["value"], levels).tolist(),
    }
