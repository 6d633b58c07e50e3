"""How long a conditional logit takes: 50,000 slates of 10 items, with an outside option.

python benchmarks/fit_speed.py [--slates N] [--features F] [--json]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from footfall.fitting.logit import LogitData, fit_logit, probabilities


def planted(slates: int, items: int, features: int) -> tuple[LogitData, np.ndarray]:
    """Slates of normal features and choices with known coefficients."""
    rng = np.random.default_rng(0)
    truth = np.concatenate([[-2.0], rng.normal(scale=0.5, size=features)])
    design = rng.normal(size=(slates, items, features + 1))
    design[:, :, 0] = 1.0
    shown = np.ones((slates, items), dtype=bool)
    chances = probabilities(design @ truth, shown, outside=True)
    column = (np.cumsum(chances, axis=1) < rng.random((slates, 1))).sum(axis=1)
    users = rng.integers(0, max(1, slates // 20), slates)
    chosen = np.where(column == items, -1, column)
    return LogitData(design, shown, chosen, outside=True, offset=None, clusters=users), truth


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slates", type=int, default=50_000)
    parser.add_argument("--items", type=int, default=10)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    data, truth = planted(options.slates, options.items, options.features)
    started = time.perf_counter()
    fit = fit_logit(data, [str(number) for number in range(len(truth))])
    seconds = time.perf_counter() - started
    worst = float(np.abs((fit.coefficients - truth) / fit.standard_errors).max())
    figures = {
        "slates": options.slates,
        "items": options.items,
        "features": len(truth),
        "seconds": round(seconds, 2),
        "slates_per_s": round(options.slates / seconds),
        "converged": fit.converged,
        "worst_error_in_standard_errors": round(worst, 2),
    }
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
