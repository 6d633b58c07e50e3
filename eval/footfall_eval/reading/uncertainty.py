"""What a run tells of the uncertainty of its users: draws of coefficients, the usual error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.datasets.arrow_columns import as_frame
from footfall.errors import LogError
from footfall.run_folder.log import DAMAGES
from footfall_eval.reading.load import RunLog

DRAWS = "draws.parquet"
PRIOR_ERROR = {"clicks": 0.06, "purchases": 0.08}
"""Usual error of users fitted to pages, on the logarithm of a lift, until backtests tell: planted
shops had .045 for clicks (see docs/statistics.md), and real ones will not be simpler."""

_COLUMNS = ("arm", "user", "draw", "expected_clicks", "expected_purchases")


def log_ratio_draws(log: RunLog, control: str, treatment: str, outcome: str) -> float:
    """Standard deviation over draws of the coefficients of the logarithm of a lift; NaN: no draws.

    Args:
        log: The run.
        control: Arm to compare with.
        treatment: The other arm.
        outcome: ``clicks`` or ``purchases``.
    """
    totals = _totals(log, f"expected_{outcome}")
    if totals is None or not {control, treatment} <= set(totals.columns):
        return float("nan")
    ratio = (totals[treatment] / totals[control]).to_numpy(np.float64)
    known: npt.NDArray[np.float64] = ratio[np.isfinite(ratio) & (ratio > 0)]
    return float(np.log(known).std(ddof=1)) if len(known) > 1 else float("nan")


def model_error(log: RunLog, outcome: str) -> float:
    """The model's usual error on the logarithm of a lift; NaN where nobody knows.

    As the run says; where it does not, ``PRIOR_ERROR`` of users that were fitted to pages.
    """
    said: Any = log.manifest.get("model_error") or {}
    if not isinstance(said, dict):
        raise LogError(f'{log.path / "manifest.json"}: "model_error" is no table of numbers')
    value = said.get(outcome)
    if value is None:
        return PRIOR_ERROR[outcome] if fitted_to_pages(log) else float("nan")
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise LogError(f"{log.path / 'manifest.json'}: model_error.{outcome} is no number above 0")
    return float(value)


def fitted_to_pages(log: RunLog) -> bool:
    """Whether the simulated users were fitted to a log of pages, reading included."""
    behaviour = log.scenario.get("behaviour")
    return isinstance(behaviour, dict) and behaviour.get("people") is not None


def _totals(log: RunLog, column: str) -> pd.DataFrame | None:
    """One row a draw, one column an arm."""
    path = log.path / DRAWS
    if not path.exists():
        return None
    try:
        table: pa.Table = pq.read_table(path, columns=list(_COLUMNS))
    except DAMAGES as problem:
        raise LogError(f"{path}: damaged ({problem}); run again with --resume") from None
    return as_frame(table).pivot_table(index="draw", columns="arm", values=column, aggfunc="sum")
