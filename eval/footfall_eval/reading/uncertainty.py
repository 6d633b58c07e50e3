"""What a run tells of the uncertainty of its users: draws of coefficients, the usual error."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from footfall.datasets.arrow_columns import as_frame
from footfall.errors import LogError
from footfall.run_folder.log import DAMAGES
from footfall_eval.reading.load import RunLog

DRAWS = "draws.parquet"
PRIOR_ERROR = {"clicks": 0.06, "purchases": 0.08}
"""Usual error of users fitted to pages, on the logarithm of a lift, until backtests tell: planted
shops had .045 for clicks (see docs/statistics.md), and real ones will not be simpler."""

UNSEEN = 0.2
"""Share of a lift's own logarithm that is in doubt because nobody can ask the log: it was written
under one policy, so what an arm changes from day to day (habits, how soon users come back, what
others click) has never been seen. It is how far lifts were off, as a root mean square of logarithms
of slopes, in six planted shops whose rules no term knew (sated, spree, basket, blind, herd, stale:
1.21, .91, .71, .97, .86, 1.17)."""

_COLUMNS = ("arm", "user", "draw", "expected_clicks", "expected_purchases")


def log_ratio_draws(log: RunLog, control: str, treatment: str, outcome: str) -> float:
    """Standard deviation over draws of the coefficients of the logarithm of a lift; NaN: no draws.

    Args:
        log: The run.
        control: Arm to compare with.
        treatment: The other arm.
        outcome: ``clicks``, ``purchases`` or ``visits``.
    """
    totals = _totals(log, f"expected_{outcome}")
    if totals is None or not {control, treatment} <= set(totals.columns):
        return float("nan")
    ratio = (totals[treatment] / totals[control]).to_numpy(np.float64)
    known: npt.NDArray[np.float64] = ratio[np.isfinite(ratio) & (ratio > 0)]
    return float(np.log(known).std(ddof=1)) if len(known) > 1 else float("nan")


def model_error(log: RunLog, outcome: str) -> float:
    """The model's usual error on the logarithm of a lift; NaN where nobody knows.

    As the fit estimated it from earlier days (column ``discrepancy`` of the draws), for purchases
    larger by as much as ``PRIOR_ERROR`` has it; without an estimate, ``PRIOR_ERROR`` itself, of
    users that were fitted to pages.
    """
    draws = _draws(log)
    if draws is not None and "discrepancy" in draws and len(draws):
        estimated = float(draws["discrepancy"].iloc[0])
        if math.isfinite(estimated) and estimated >= 0:
            return estimated * PRIOR_ERROR[outcome] / PRIOR_ERROR["clicks"]
    return PRIOR_ERROR[outcome] if fitted_to_pages(log) else float("nan")


def stretch(log: RunLog) -> float:
    """Share of a lift's own logarithm that is missing by the log's last days; below 0: too much.

    0 where they refute nothing; see ``footfall.fitting.pages.backtest.PageSlope``.
    """
    return _said(log, "stretch")


def page_weight(log: RunLog) -> float:
    """What a page's mean worth adds to each of its items, to users fitted to pages; else 0.

    See ``footfall.fitting.pages.page_worth``.
    """
    return max(_said(log, "page_weight"), -1.0)


def sameness(log: RunLog) -> tuple[float, dict[str, float]] | None:
    """Mean share of first pages that stood on the one of the visit before.

    In the log, and in each arm of the run; None where nobody noted it. See
    docs/fitting.md, "Coming back".
    """
    draws = _draws(log)
    if draws is None or "sameness" not in draws or not len(draws):
        return None
    arms = draws.groupby("arm")["sameness"].first()
    return _said(log, "usual_sameness"), {str(arm): float(share) for arm, share in arms.items()}


def _said(log: RunLog, column: str) -> float:
    """A number that the draws say in every row; 0 where they do not."""
    draws = _draws(log)
    if draws is None or column not in draws or not len(draws):
        return 0.0
    found = float(draws[column].iloc[0])
    return found if math.isfinite(found) else 0.0


def fitted_to_pages(log: RunLog) -> bool:
    """Whether the simulated users were fitted to a log of pages, reading included."""
    behaviour = log.scenario.get("behaviour")
    return isinstance(behaviour, dict) and behaviour.get("people") is not None


def _totals(log: RunLog, column: str) -> pd.DataFrame | None:
    """One row a draw, one column an arm; None: nobody drew that."""
    path, draws = log.path / DRAWS, _draws(log)
    if draws is None or column not in draws:
        return None
    return _summed(path, path.stat().st_mtime_ns, column)


def _draws(log: RunLog) -> pd.DataFrame | None:
    path = log.path / DRAWS
    return _read(path, path.stat().st_mtime_ns) if path.exists() else None


@lru_cache(maxsize=8)
def _summed(path: Path, written: int, column: str) -> pd.DataFrame:
    """One row a draw, one column an arm; every effect asks for it."""
    draws = _read(path, written)
    return draws.pivot_table(index="draw", columns="arm", values=column, aggfunc="sum")


@lru_cache(maxsize=2)
def _read(path: Path, _written: int) -> pd.DataFrame:
    """The draws of a run, as of when they were written."""
    try:
        found = as_frame(pq.read_table(path))
    except DAMAGES as problem:
        raise LogError(f"{path}: damaged ({problem}); run again with --resume") from None
    for name in _COLUMNS:
        if name not in found:
            raise LogError(f"{path}: has no column {name!r}; run again with --resume")
    return found
