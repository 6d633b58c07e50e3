"""Task: of which type is a user's next action? For data with more than one type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from footfall.fitting.stages import Stage
from footfall.recommenders.gru import one_thread
from footfall_eval.blocks.prediction import PredictionRows
from footfall_lab.validation.texts import ItemCoordinates

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

NEWEST = 40
"""Choices of a user that are foreseen, and events that a sequence model reads, at most."""

LAST = 3
"""Actions before the next one that the logistic regression sees one by one."""


@dataclass(frozen=True, eq=False)
class _Moments:
    """Moments before an action: everything that may be known then."""

    truth: Numbers
    """[n] the action that followed."""
    users: Numbers
    before: Numbers
    """[n, NEWEST] actions before it, newest last, -1 for none."""
    habits: Floats
    """[n, types] share of each type among all earlier actions, with one of each mixed in."""
    texts: Floats
    """[n, 2 d] mean of the earlier items, and the newest one."""


def action_types(stage: Stage) -> list[str]:
    """Types that occur in a stage, in alphabetical order."""
    return sorted(pd.concat([stage.memory["action"], stage.choices["action"]]).unique())


def foresee_actions(
    stages: tuple[Stage, Stage, Stage], types: list[str], texts: ItemCoordinates, *, seed: int
) -> tuple[PredictionRows, PredictionRows]:
    """Rows of the test stage and, for tuning, of the calibration stage.

    Args:
        stages: Fit, calibrate and test; everything is learned from the first.
        types: The classes.
        texts: Where items lie.
        seed: Of the network.
    """
    fit, tuning, test = (_moments(stage, types, texts) for stage in stages)
    classes = len(types)
    chain = _markov(fit, classes)
    plain = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    plain.fit(_features(fit, classes), fit.truth)
    wordy = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=0.1))
    wordy.fit(fit.texts, fit.truth)
    network = _train(fit, classes, seed)

    def rows(part: _Moments) -> PredictionRows:
        scores = {
            "markov": chain[part.before[:, -1] + 1],
            "logistic": _spread(plain.predict_proba(_features(part, classes)), plain, classes),
            "text": _spread(wordy.predict_proba(part.texts), wordy, classes),
            "gru": _ask(network, part),
        }
        if classes == 2:
            scores = {name: found[:, 1] for name, found in scores.items()}
        return PredictionRows(part.truth, part.users, scores)

    return rows(test), rows(tuning)


def _moments(stage: Stage, types: list[str], texts: ItemCoordinates) -> _Moments:
    number = {name: place for place, name in enumerate(types)}
    whole = pd.concat([stage.memory.assign(choice=False), stage.choices.assign(choice=True)])
    # Within one moment: what a visit usually goes through first comes first.
    whole = whole[whole["action"].isin(types)].sort_values(
        ["user", "time", "action"], kind="stable"
    )
    truth, users, before, habits, seen = [], [], [], [], []
    for name, part in whole.groupby("user", sort=True):
        actions = part["action"].map(number).to_numpy(dtype=np.int64)
        codes = texts.codes(part["item"])
        targets = np.flatnonzero(part["choice"].to_numpy())[-NEWEST:]
        counts = np.cumsum(np.eye(len(types))[actions], axis=0)
        for at in targets[targets > 0].tolist():
            window = np.full(NEWEST, -1, dtype=np.int64)
            newest = actions[max(0, at - NEWEST) : at]
            window[-len(newest) :] = newest
            truth.append(int(actions[at]))
            users.append(stage.number(str(name)))
            before.append(window)
            habits.append((counts[at - 1] + 1) / (at + len(types)))
            seen.append(
                np.concatenate(
                    [texts.mean(codes[max(0, at - NEWEST) : at]), texts.places[codes[at - 1]]]
                )
            )
    return _Moments(*(np.array(part) for part in (truth, users, before, habits, seen)))


def _features(part: _Moments, classes: int) -> Floats:
    one_hot = np.eye(classes + 1)[part.before[:, -LAST:] + 1].reshape(len(part.truth), -1)
    return np.column_stack([one_hot, np.log(part.habits)])


def _markov(fit: _Moments, classes: int) -> Floats:
    """[classes + 1, classes] chances after each type; the first row: after nothing."""
    counts = np.ones((classes + 1, classes))
    np.add.at(counts, (fit.before[:, -1] + 1, fit.truth), 1.0)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _spread(found: Floats, model: LogisticRegression, classes: int) -> Floats:
    """[n, classes] with 0 for classes that the fit stage did not have."""
    out = np.zeros((len(found), classes))
    out[:, model.classes_] = found
    return out


class _Network(nn.Module):  # type: ignore[misc]  # torch is not type-checked here
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.actions = nn.Embedding(classes + 1, 8)
        self.gru = nn.GRU(8, 24, batch_first=True)
        self.out = nn.Linear(24, classes)

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """[n, length] actions + 1 -> [n, classes]."""
        states, _ = self.gru(self.actions(before))
        return torch.as_tensor(self.out(states[:, -1]))


def _train(fit: _Moments, classes: int, seed: int) -> _Network:
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        network = _Network(classes)
        optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
        before, truth = torch.from_numpy(fit.before + 1), torch.from_numpy(fit.truth)
        for _ in range(6):
            for part in torch.randperm(len(truth)).split(128):
                optimiser.zero_grad()
                nn.functional.cross_entropy(network(before[part]), truth[part]).backward()
                optimiser.step()
        network.eval()
    return network


def _ask(network: _Network, part: _Moments) -> Floats:
    with torch.no_grad(), one_thread():
        found = torch.softmax(network(torch.from_numpy(part.before + 1)), dim=1)
    return np.asarray(found.numpy(), dtype=np.float64)
