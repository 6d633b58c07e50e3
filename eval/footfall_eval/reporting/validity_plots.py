"""Plots and tables of the validity section: simulated users beside real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall_eval.comparing.figures import number, percent
from footfall_eval.reading.block import Block
from footfall_eval.reporting.plots import Figure
from footfall_eval.reporting.view import ReportTable

_MOST_BARS = 12
"""Kinds of a distribution that fit on a phone, most frequent first."""


def validity_figures(blocks: dict[str, Block]) -> dict[str, list[Figure]]:
    """Block letter -> its figures; blocks without numbers to draw have none."""
    makers = {"C": _calibration, "D": _distributions, "G": _ranking}
    return {
        letter: make(blocks[letter].plots) for letter, make in makers.items() if letter in blocks
    }


def records(caption: str, rows: Sequence[dict[str, Any]]) -> ReportTable:
    """Rows with the same keys as a table; intervals are pairs of numbers."""
    head = tuple(str(key).capitalize() for key in rows[0])
    return ReportTable(caption, head, tuple(tuple(map(_cell, row.values())) for row in rows))


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(_cell(part) for part in value if part is not None)
    return number(value) if isinstance(value, float) else str("" if value is None else value)


def _calibration(plots: dict[str, Any]) -> list[Figure]:
    """Reliability: the share that was really chosen over the predicted probability."""
    bins = plots.get("reliability") or []
    if len(bins) < 2:
        return []
    x, y = [one["predicted"] for one in bins], [one["observed"] for one in bins]
    top = max(*x, *y)
    traces = [
        _diagonal(0.0, top, "perfect"),
        _marks(x, y, "simulated users", "lines+markers"),
    ]
    layout = _layout("predicted probability of taking an item", "share really taken")
    rows = tuple(
        (percent(a), percent(b), f"{one['items']:,}") for a, b, one in zip(x, y, bins, strict=True)
    )
    return [
        Figure(
            "validity-reliability",
            "Probabilities against what really happened",
            f"In the highest of {len(bins)} bins {rows[-1][0]} was predicted and {rows[-1][1]} "
            "happened; on the diagonal both are the same.",
            traces,
            layout,
            ("Predicted", "Happened", "Items"),
            rows,
        )
    ]


def _distributions(plots: dict[str, Any]) -> list[Figure]:
    """Simulated and real shares side by side."""
    return [_bars(found, place) for place, found in enumerate(plots.get("distributions") or [])]


def _bars(found: dict[str, Any], place: int) -> Figure:
    names = [str(value) for value in found["values"]][: _MOST_BARS + 7]
    amounts = found["name"] == "days between visits"
    names = names if amounts else names[:_MOST_BARS]
    sides = {side: found[side][: len(names)] for side in ("simulated", "real")}
    shown = {
        side: (values if amounts else [100 * v for v in values]) for side, values in sides.items()
    }
    traces = [
        {
            "type": "scatter" if amounts else "bar",
            "mode": "lines",
            "name": side,
            "x": names,
            "y": values,
            "line" if amounts else "marker": {"color": f"--series-{colour}"},
            "hovertemplate": "%{x}: %{y:.3g}<extra></extra>",
        }
        for colour, (side, values) in enumerate(shown.items())
    ]
    what = "days, by quantile" if amounts else "percent of what was taken"
    layout = _layout("", what) | {"showlegend": True}
    layout["xaxis"] = {"type": "category", "title": {"text": ""}, "showgrid": False}
    words = number if amounts else percent
    rows = tuple(
        (name, words(a), words(b))
        for name, a, b in zip(names, sides["simulated"], sides["real"], strict=True)
    )
    return Figure(
        f"validity-distribution-{place}",
        f"Simulated and real: {found['name']}",
        "; ".join(f"{name}: simulated {a}, real {b}" for name, a, b in rows[:6]),
        traces,
        layout,
        (found["name"].capitalize(), "Simulated", "Real"),
        rows,
    )


def _ranking(plots: dict[str, Any]) -> list[Figure]:
    """Real against simulated lifts with their slope, and the order of recommenders."""
    rows = [row for row in plots.get("ranking") or [] if row["real lift"] is not None]
    if len(rows) < 3:
        return []
    return [_lifts(rows, plots.get("slope")), _order(rows)]


def _lifts(rows: Sequence[dict[str, Any]], slope: float | None) -> Figure:
    real = [100 * row["real lift"] for row in rows]
    simulated = [100 * row["simulated lift"] for row in rows]
    low, high = min(0.0, *real), max(real)
    traces = [
        _diagonal(low, high, "as large as real"),
        _marks(real, simulated, "recommenders", "markers", [row["recommender"] for row in rows]),
    ]
    if slope is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"slope {slope:.2f}",
                "x": [low, high],
                "y": [slope * low, slope * high],
                "line": {"color": "--series-0", "width": 2},
                "hoverinfo": "skip",
            }
        )
    layout = _layout("real lift over random, %", "simulated lift over random, %")
    cells = tuple(
        (
            str(row["recommender"]),
            percent(row["simulated lift"], signed=True),
            percent(row["real lift"], signed=True),
        )
        for row in rows
    )
    return Figure(
        "validity-lifts",
        "Lifts over random: simulated against real",
        f"Simulated lifts are {slope:.2f} times the real ones." if slope is not None else "",
        traces,
        layout | {"showlegend": True},
        ("Recommender", "Simulated", "Real"),
        cells,
    )


def _order(rows: Sequence[dict[str, Any]]) -> Figure:
    """Places of each recommender in the simulated and in the real order."""
    by_simulation = sorted(rows, key=lambda row: -row["simulated"])
    place = {row["recommender"]: number_ + 1 for number_, row in enumerate(by_simulation)}
    names = [row["recommender"] for row in rows]
    traces = [
        _diagonal(1, len(rows), "same place"),
        _marks(
            list(range(1, len(rows) + 1)), [place[name] for name in names], "recommenders",
            "markers+text", names,
        ),
    ]  # fmt: skip
    layout = _layout("place in reality, 1 is best", "place in the simulation")
    layout["xaxis"] |= {"autorange": "reversed", "dtick": 1}
    layout["yaxis"] |= {"autorange": "reversed", "dtick": 1}
    cells = tuple((name, str(place[name]), str(n + 1)) for n, name in enumerate(names))
    return Figure(
        "validity-order",
        "The order of recommenders",
        "; ".join(f"{name}: simulated {a}, real {b}" for name, a, b in cells),
        traces,
        layout,
        ("Recommender", "Simulated place", "Real place"),
        cells,
    )


def _marks(
    x: Sequence[float], y: Sequence[float], name: str, mode: str, text: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": list(x),
        "y": list(y),
        "text": list(text),
        "textposition": "middle right",
        "line": {"color": "--series-0", "width": 2},
        "marker": {"color": "--series-0", "size": 8},
        "hovertemplate": f"{'%{text}: ' if text else ''}%{{x:.3g}}, %{{y:.3g}}<extra></extra>",
    }


def _diagonal(low: float, high: float, name: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [low, high],
        "y": [low, high],
        "line": {"color": "--muted", "width": 1, "dash": "dot"},
        "hoverinfo": "skip",
    }


def _layout(x: str, y: str) -> dict[str, Any]:
    return {
        "height": 340,
        "showlegend": False,
        "xaxis": {"title": {"text": x}},
        "yaxis": {"title": {"text": y}},
    }
