"""Planted tables for the blocks of the validity report: who is right is known."""

import numpy as np
import pandas as pd


def softmax(u):
    e = np.exp(u - u.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def choices(users=80, sets=12, k=6, *, seed=0, taste=1.5):
    """Utilities [n, k + 1] of items and of nothing (last), who chose, and what was chosen."""
    rng = np.random.default_rng(seed)
    n = users * sets
    utility = taste * rng.normal(size=(n, k + 1))
    p = softmax(utility)
    chosen = (np.cumsum(p, axis=1) < rng.random((n, 1))).sum(axis=1)
    return utility, np.repeat(np.arange(users), sets), chosen


def frame(p, users, chosen, model):
    """The predictions of one model, as ``footfall_eval.blocks.predictions`` reads them."""
    n, width = p.shape
    option = np.tile(np.append(np.arange(width - 1), -1), (n, 1))
    return pd.DataFrame(
        {
            "set": np.repeat(np.arange(n), width),
            "user": np.repeat([f"u{user:03d}" for user in users], width),
            "model": model,
            "option": option.ravel(),
            "item": np.where(option >= 0, np.char.add("i", option.astype(str)), "").ravel(),
            "position": option.ravel(),
            "chosen": (np.arange(width) == chosen[:, None]).ravel(),
            "p": p.ravel(),
            "protocol": "planted",
        }
    )


def predictions(seed=0, **models):
    """Predictions of ``models``: name -> function of (utility, rng) giving utilities."""
    utility, users, chosen = choices(seed=seed)
    rng = np.random.default_rng(seed + 1)
    parts = [
        frame(softmax(make(utility, rng)), users, chosen, name.replace("_", " "))
        for name, make in models.items()
    ]
    return pd.concat(parts, ignore_index=True)


def truth(utility, rng):
    return utility


def noise(utility, rng):
    return rng.normal(size=utility.shape)


def uniform(utility, rng):
    return np.zeros_like(utility)


def half(utility, rng):
    """Knows every other option."""
    return np.where(np.arange(utility.shape[1]) % 2 == 0, utility, 0.0)


def too_sure(utility, rng):
    return 3.0 * utility


def contest(lift=1.0, users=200, seed=0, noise=0.0, names=9):
    """Per-user real hits of recommenders of rising strength, and simulated ones."""
    rng = np.random.default_rng(seed)
    strength = np.linspace(0.2, 3.0, names)
    order = ["random", *(f"r{n}" for n in range(1, names))]
    base = strength[0]
    wanted = base + lift * (strength - base)
    rows = []
    for user in range(users):
        real = rng.poisson(strength)
        simulated = wanted * rng.gamma(20, 1 / 20) + noise * rng.normal(size=names)
        rows += [
            (f"u{user}", name, simulated[n], real[n], -strength[n]) for n, name in enumerate(order)
        ]
    columns = ["user", "recommender", "simulated", "real", "popularity"]
    return pd.DataFrame(rows, columns=columns)
