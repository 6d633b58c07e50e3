"""Past A/B tests for block H: of one's own recommenders, and of one kind of change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from footfall.datasets.cells import numbers
from footfall.datasets.delimited import read_cells
from footfall.errors import DataError, one_line
from footfall.plumbing.json_files import read_object
from footfall_eval.blocks.ranking import SlateFigures
from footfall_lab.validation.study import Study

BACKTEST = "backtest.json"
"""What ``footfall backtest`` leaves in its folder."""

INTERVAL = ("low", "high")
"""Columns of the 95% interval of a past test's lift."""


def past_tests(study: Study, slates: SlateFigures) -> pd.DataFrame | None:
    """Past A/B tests with the lift that the simulated users show, by names of recommenders.

    Raises:
        DataError: A column is missing or a recommender is not known.
    """
    path = study.options.tests
    if path is None:
        return None
    frame = read_tests(path)
    means = dict(zip(slates.names, slates.simulated.mean(axis=0).tolist(), strict=True))
    names = {f"arm {arm.name}": arm.name for arm in study.ground.scenario.arms}
    means |= {names[name]: value for name, value in means.items() if name in names}
    for name in [*frame["control"], *frame["treatment"]]:
        if name not in means:
            raise DataError(f'{path}: no recommender "{name}"; known: {", ".join(sorted(means))}')
    simulated = frame["treatment"].map(means) / frame["control"].map(means) - 1
    found = pd.DataFrame(
        {
            "control": frame["control"],
            "treatment": frame["treatment"],
            "simulated": simulated,
            "real": frame["lift"].astype(float),
        }
    )
    interval = [name for name in INTERVAL if name in frame]
    return found.join(frame[interval])


def read_tests(path: Path) -> pd.DataFrame:
    """Rows ``control``, ``treatment``, ``lift`` (0.1: 10% more), and ``low`` and ``high`` if known.

    Raises:
        DataError: The file cannot be read, or a column is missing.
    """
    try:
        frame = read_cells(path).frame
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: past A/B tests cannot be read: {error}") from None
    for column in ("control", "treatment", "lift"):
        if column not in frame:
            raise DataError(f'{path}: no column "{column}"; needed: control, treatment, lift')
    frame = frame.assign(lift=numbers(frame["lift"]))
    if frame["lift"].isna().any():
        line = int(frame["lift"].isna().to_numpy().argmax()) + 2
        raise DataError(f"{path}:{line}: lift must be a number, such as 0.1 for 10% more")
    for column in INTERVAL:
        if column in frame:
            frame[column] = numbers(frame[column]).astype(float)
    return frame


def read_kind(path: Path) -> dict[str, Any]:
    """The verdict of a backtest, by its folder or its ``backtest.json``.

    Raises:
        DataError: There is none.
    """
    file = path / BACKTEST if path.is_dir() else path
    try:
        found = read_object(file)["verdict"]
        kind = {name: str(found[name]) for name in ("kind", "status", "sentence")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{file}: no backtest can be read from it ({one_line(error, 100)}); "
            "make one with footfall backtest"
        ) from None
    return kind
