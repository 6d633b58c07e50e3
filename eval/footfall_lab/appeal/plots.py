"""A backtest as one self-contained HTML page: what is foreseen how well, and by whom."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from footfall.plumbing.files import write_text
from footfall_lab.appeal.backtest import Backtest
from footfall_lab.appeal.figures import Scored

BINS = 10
_LAYOUT = {"template": "plotly_white", "width": 900, "height": 420}


def write_page(found: dict[str, Any], backtest: Backtest, path: Path) -> None:
    """Write the page; the same numbers are in ``backtest.json``."""
    best = found["verdict"]["predictor"]
    scored = Scored.of(backtest.lessons, backtest.foreseen["by story"][best])
    charts = [
        ("Right about the direction, by predictor", _directions(found)),
        ("Right where it is sure: accuracy by share of pairs answered", _answered(found, best)),
        (f"Are chances right? {best}, by tenth of the pairs", _calibration(scored)),
        (f"Are sizes right? {best}, by tenth of the pairs", _sizes(scored)),
    ]
    parts = [
        f"<h2>{escape(title)}</h2>{chart.to_html(full_html=False, include_plotlyjs=number == 0)}"
        for number, (title, chart) in enumerate(charts)
    ]
    plans = "".join(_table(plan, one, found["costs"]) for plan, one in found["plans"].items())
    told = (found["noise"]["sentence"], found["sample ratio"], *_contamination(found))
    text = "".join(f"<p>{escape(line)}</p>" for line in told)
    elsewhere = "".join(
        f"<li>{escape(line)}</li>" for line in found["reported elsewhere, on other tests"]
    )
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Backtest</title>'
        "<style>body{font-family:sans-serif;max-width:960px;margin:2em auto}"
        "td,th{padding:2px 10px;text-align:right}th:first-child,td:first-child{text-align:left}"
        f"</style><h1>Backtest of {escape(str(found['tests']['experiments']))}</h1>"
        f"<p><b>{escape(found['verdict']['sentence'])}</b></p>{text}{plans}{''.join(parts)}"
        f"<h2>Reported elsewhere, on other tests</h2><ul>{elsewhere}</ul></html>"
    )
    write_text(path, page)


def _contamination(found: dict[str, Any]) -> tuple[str, ...]:
    told = found["contamination"]
    return () if told is None else (told["sentence"],)


def _table(plan: str, found: dict[str, Any], costs: dict[str, Any]) -> str:
    names = list(next(iter(found["predictors"].values()))["figures"])
    head = "".join(f"<th>{escape(name)}</th>" for name in ("predictor", *names, "s a test"))
    rows = []
    for predictor, one in found["predictors"].items():
        cells = "".join(f"<td>{_cell(one['figures'][name])}</td>" for name in names)
        seconds = costs.get(predictor, {}).get("seconds")
        cost = "" if seconds is None else f"{seconds:.3f}"
        rows.append(f"<tr><td>{escape(predictor)}</td>{cells}<td>{cost}</td></tr>")
    title = f"<h2>Foreseen {escape(plan)}: {found['tests']:,} tests, {found['pairs']:,} pairs</h2>"
    body = f"<tr>{head}</tr>{''.join(rows)}"
    return f'{title}<div style="overflow-x:auto"><table>{body}</table></div>'


def _cell(figure: list[float | None]) -> str:
    value, low, high = figure
    if value is None:
        return ""
    return f"{value:.3f}<br><small>{low:.3f} to {high:.3f}</small>"


def _directions(found: dict[str, Any]) -> go.Figure:
    chart = go.Figure()
    for plan, one in found["plans"].items():
        for kind in ("direction", "direction, decisive"):
            values = [each["figures"][kind] for each in one["predictors"].values()]
            kept = [(n, v) for n, v in zip(one["predictors"], values, strict=True) if v[0]]
            chart.add_scatter(
                x=[value[0] for _, value in kept],
                y=[name for name, _ in kept],
                error_x={
                    "array": [value[2] - value[0] for _, value in kept],
                    "arrayminus": [value[0] - value[1] for _, value in kept],
                },
                mode="markers",
                name=f"{plan}, {'decisive pairs' if 'decisive' in kind else 'all pairs'}",
            )
    chart.add_vline(x=0.5, line_dash="dot", annotation_text="a coin")
    return chart.update_layout(**_LAYOUT)


def _answered(found: dict[str, Any], best: str) -> go.Figure:
    chart = go.Figure()
    for plan, one in found["plans"].items():
        rows = one["predictors"][best]["answered"]
        for kind in ("direction", "direction, decisive"):
            chart.add_scatter(
                x=[row["answered"] for row in rows],
                y=[row[kind] for row in rows],
                mode="lines+markers",
                name=f"{plan}, {'decisive pairs' if 'decisive' in kind else 'all pairs'}",
            )
    chart.update_xaxes(title_text="share of pairs answered", tickformat=".0%")
    return chart.update_layout(**_LAYOUT)


def _calibration(scored: Scored) -> go.Figure:
    sure = np.maximum(scored.chance, 1 - scored.chance)
    chart = _tenths(sure, scored.right, "said", "came out")
    return chart.add_scatter(x=[0.5, 1], y=[0.5, 1], mode="lines", name="just right")


def _sizes(scored: Scored) -> go.Figure:
    sign = np.where(scored.told < 0, -1.0, 1.0)
    chart = _tenths(sign * scored.told, sign * scored.real, "foreseen", "read in tests")
    end = float(np.abs(scored.told).max(initial=0.1))
    return chart.add_scatter(x=[0, end], y=[0, end], mode="lines", name="just right")


def _tenths(x: Any, y: Any, across: str, up: str) -> go.Figure:
    bins = [part for part in np.array_split(np.argsort(x, kind="stable"), BINS) if len(part)]
    chart = go.Figure()
    chart.add_scatter(
        x=[float(x[part].mean()) for part in bins],
        y=[float(y[part].mean()) for part in bins],
        mode="markers",
        name="a tenth of the pairs",
    )
    chart.update_xaxes(title_text=across)
    chart.update_yaxes(title_text=up)
    return chart.update_layout(**_LAYOUT)
