"""Baselines and the conditional logit on real held-out choices, with user-clustered intervals.

    python benchmarks/real_choices.py complete-journey [--protocol displayed|shelf]
    python benchmarks/real_choices.py movielens --path FOLDER [--protocol likes|unseen|catalogue]
        [--llm-slates 150] [--save fitted.json] [--json]

Fitted on users and days before the split, scored once on other users after it. With
``--llm-slates N`` the embedded model weighs N slates of the fit and of the test as well.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Split
from footfall.datasets.sources import CompleteJourneySource, MovieLensSource, load
from footfall.datasets.split import SplitSpec, split
from footfall.fitting import choice_sets
from footfall.fitting.baselines.scorers import BASELINES, baseline, utilities
from footfall.fitting.choice_sets import ChoiceSets, check_no_leak
from footfall.fitting.fitted import fit_behaviour
from footfall.fitting.known import Known
from footfall.fitting.logit import LogitData, fit_logit, log_likelihoods, log_scores, probabilities
from footfall.fitting.stages import Stage, StageSpec, divide
from footfall.llm.opening import open_model
from footfall.llm.specs import ModelSpec
from footfall.users.population import Population, PopulationSpec

DRAWS = 2000


def read(options: argparse.Namespace) -> tuple[Split, Any, StageSpec]:
    """The cut data set, the data set itself and how it is divided."""
    if options.data == "complete-journey":
        dataset = load(CompleteJourneySource(min_purchases=200), Path())
        halves = split(dataset, SplitSpec(at=dt.date(2017, 11, 1)))
        return halves, dataset, StageSpec(max_users=400)
    dataset = load(MovieLensSource(path=options.path), Path())
    return split(dataset, SplitSpec(fraction=0.8)), dataset, StageSpec(cut="user", max_users=None)


def build(
    protocol: str, stages: list[Stage], dataset: Any, catalogue: Catalogue
) -> list[ChoiceSets]:
    """Choice sets of each stage."""
    if protocol == "displayed":
        weeks = pd.concat([stage.choices["week"] for stage in stages]).unique()
        shelves = choice_sets.read_shelves(dataset, catalogue, weeks)
        return [choice_sets.displayed(s, shelves, catalogue, seed=1) for s in stages]
    if protocol == "catalogue":
        return [choice_sets.unseen(s, catalogue, seed=1, by_popularity=False) for s in stages]
    return [getattr(choice_sets, protocol)(s, catalogue, seed=1) for s in stages]


def figures(sets: ChoiceSets, scores: np.ndarray) -> dict[str, np.ndarray]:
    """[n] NLL, and top-1, reciprocal rank and AUC where something was chosen (NaN elsewhere)."""
    total = scores + sets.log_rate[:, None]
    nll = -log_scores(total, sets.shown, sets.chosen, outside=sets.outside)
    inside = sets.chosen >= 0
    rows = np.arange(len(sets))
    masked = np.where(sets.shown, scores, -np.inf)
    mine = masked[rows, sets.chosen][:, None]
    above = (masked > mine).sum(axis=1)
    ties = ((masked == mine) & sets.shown).sum(axis=1) - 1
    rank = 1 + above + ties / 2
    size = sets.shown.sum(axis=1)
    auc = (size - rank) / np.maximum(1, size - 1)
    top = np.where(above == 0, 1 / (1 + ties), 0.0)
    chosen = {"top1": top, "mrr": 1 / rank, "auc": auc}
    return {"nll": nll, **{k: np.where(inside, v, np.nan) for k, v in chosen.items()}}


def interval(values: np.ndarray, users: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95% interval, users resampled whole; NaN rows are left out."""
    known = ~np.isnan(values)
    _, who = np.unique(users[known], return_inverse=True)
    sums, counts = np.bincount(who, values[known]), np.bincount(who)
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(sums), (DRAWS, len(sums)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values[known].mean()), float(low), float(high)


def ask(
    stage: Stage, sets: ChoiceSets, halves: Split, catalogue: Catalogue, model: Any
) -> np.ndarray:
    """[n, k] zero-shot utilities (mode likelihood) of the model."""
    at = stage.memory["time"].max() + pd.Timedelta(1, "ns")
    memory = stage.memory.sort_values(["time", "user", "item", "action"], ignore_index=True)
    made = Split(at, replace(halves.remembered, interactions=memory), stage.choices)
    drawn = Population.draw(made, catalogue, PopulationSpec(users=len(stage.users)), 0)
    choice = open_choice(ChoiceSpec(mode="likelihood"), model, catalogue)
    pages = [
        Page(drawn.persona(drawn.index(sets.names[user])), tuple(items[items >= 0].tolist()))
        for user, items in zip(sets.users, sets.items, strict=True)
    ]
    out = np.full(sets.items.shape, np.nan)
    for row, opinion in enumerate(choice.utilities(pages)):
        out[row, : len(opinion.llm)] = opinion.llm
    return out


def hear(
    halves: Split,
    catalogue: Catalogue,
    stages: list[Stage],
    sets: list[ChoiceSets],
    scores: list[np.ndarray],
    slates: int,
) -> dict[str, Any]:
    """What the model adds to the logit, fitted on some slates and scored on some others."""
    rng = np.random.default_rng(0)
    model = open_model(ModelSpec(name="embedded"), announce=_announce)
    data = []
    started, pairs = time.perf_counter(), 0
    try:
        for stage, own, rest in zip(stages, sets, scores, strict=True):
            rows = np.sort(rng.permutation(len(own))[:slates])
            part = own.take(rows)
            llm = ask(stage, part, halves, catalogue, model)
            answered = ~(np.isnan(llm) & part.shown).any(axis=1)
            pairs += int(part.shown.sum())
            both = [np.where(part.shown, x, 0.0) for x in (rest[rows], llm)]
            whole = LogitData(
                np.stack(both, axis=2),
                part.shown,
                part.chosen,
                part.outside,
                part.log_rate,
                part.users,
            )
            data.append(whole.take(answered))
    finally:
        model.close()
    fit = fit_logit(data[0], ["rest", "llm"], ridge=1.0)
    alone = fit_logit(
        LogitData(data[0].design[:, :, :1], *(getattr(data[0], f) for f in _REST)),
        ["rest"],
        ridge=1.0,
    )
    padded = np.array([alone["rest"], 0.0])
    gain = log_likelihoods(data[1], fit.coefficients) - log_likelihoods(data[1], padded)
    return {
        "pairs": pairs,
        "seconds": round(time.perf_counter() - started),
        "weight": fit["llm"],
        "standard_error": float(fit.standard_errors[1]),
        "nll_gain": interval(gain, data[1].clusters),
    }


def _announce(message: str) -> None:
    print(message, file=sys.stderr)


_REST = ("shown", "chosen", "outside", "offset", "clusters")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=["complete-journey", "movielens"])
    parser.add_argument("--path", type=Path)
    parser.add_argument("--protocol")
    parser.add_argument("--llm-slates", type=int, default=0)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    protocol = options.protocol or {"complete-journey": "displayed"}.get(options.data, "likes")
    halves, dataset, spec = read(options)
    items = halves.remembered.items
    catalogue = Catalogue.from_items(items, dataset.currency)
    divided = divide(halves, spec, seed=1)
    stages = [divided.fit, divided.test]
    sets = build(protocol, stages, dataset, catalogue)
    for stage, own in zip(stages, sets, strict=True):
        check_no_leak(own, stage.memory, catalogue)
    known = [Known.of_stage(stage, catalogue, items) for stage in stages]
    found, logit = {}, []
    for name in BASELINES:
        scorer = baseline(name)
        scorer.fit((known[0], sets[0]))
        found[name] = figures(sets[1], utilities(scorer, known[1], sets[1]))
        if name == "logit":
            logit = [utilities(scorer, k, s) for k, s in zip(known, sets, strict=True)]
    fitted = fit_behaviour(sets[0], known[0].features)
    if options.save:
        fitted.save(options.save)
    users = sets[1].users
    report: dict[str, Any] = {
        "protocol": protocol,
        "slates": [len(own) for own in sets],
        "users": [len(np.unique(own.users)) for own in sets],
        "models": {
            name: {metric: interval(v, users) for metric, v in values.items()}
            for name, values in found.items()
        },
        "logit_gain": {
            name: interval(values["nll"] - found["logit"]["nll"], users)
            for name, values in found.items()
            if name != "logit"
        },
        "coefficients": {
            name: (value, fitted.standard_errors[name])
            for name, value in fitted.coefficients.items()
        },
        "click": fitted.spec.click.model_dump(),
        "buy": fitted.spec.buy.model_dump(),
        "assumed": fitted.assumed,
        "calibration": calibration(sets[1], logit[1]),
    }
    if options.llm_slates:
        report["llm"] = hear(halves, catalogue, stages, sets, logit, options.llm_slates)
    print(json.dumps(report) if options.json else _table(report))


def calibration(sets: ChoiceSets, scores: np.ndarray) -> dict[str, float]:
    """ECE and Brier score of the logit's item probabilities, weighted back to natural slates."""
    from footfall.fitting.calibration import brier, calibration_error  # noqa: PLC0415

    stated = probabilities(scores, sets.shown, outside=sets.outside)[sets.shown]
    happened = (np.arange(sets.items.shape[1]) == sets.chosen[:, None])[sets.shown]
    weights = np.broadcast_to(sets.weights()[:, None], sets.shown.shape)[sets.shown]
    return {
        "ece": calibration_error(stated, happened, weights),
        "brier": brier(stated, happened, weights),
        "brier_of_constant": brier(
            np.full(len(stated), np.average(happened, weights=weights)), happened, weights
        ),
    }


def _table(report: dict[str, Any]) -> str:
    lines = [
        f"{report['protocol']}: slates {report['slates']}, users {report['users']} (fit, test)"
    ]
    for name, metrics in report["models"].items():
        cells = [f"{m} {v[0]:.4f} [{v[1]:.4f}, {v[2]:.4f}]" for m, v in metrics.items()]
        lines.append(f"{name:20} " + "  ".join(cells))
    lines += [
        f"logit gains over {name:20} {v[0]:.4f} [{v[1]:.4f}, {v[2]:.4f}] nats a slate"
        for name, v in report["logit_gain"].items()
    ]
    lines += [f"{name:12} {b:8.3f} +- {se:.3f}" for name, (b, se) in report["coefficients"].items()]
    rest = {
        k: v for k, v in report.items() if k in ("click", "buy", "assumed", "calibration", "llm")
    }
    return "\n".join([*lines, *(f"{k}: {v}" for k, v in rest.items())])


if __name__ == "__main__":
    main()
