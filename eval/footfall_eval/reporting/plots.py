"""Figures as plain Plotly specifications; colours are CSS variables that the page resolves.

Every figure comes with the same numbers as a table, for readers and for screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from footfall_eval.comparing.comparison import Comparison, Contrast
from footfall_eval.comparing.figures import estimate, number, percent, relative
from footfall_eval.measures.metrics import METRICS
from footfall_eval.measures.signal import Signal
from footfall_eval.measures.trends import Trends
from footfall_eval.statistics.segments import Segmentation
from footfall_eval.statistics.sequence import DayEffect

_METRICS = {metric.name: metric for metric in METRICS}
_ROW = 30
"""Pixels for one line of a forest plot."""


@dataclass(frozen=True)
class Figure:
    """A plot, what it says in words, and its numbers."""

    id: str
    title: str
    alt: str
    """What a reader who cannot see it needs to know."""
    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.layout["height"])

    def spec(self) -> dict[str, Any]:
        """What the page's script draws."""
        return {"traces": self.traces, "layout": self.layout}


def forest(result: Comparison) -> Figure | None:
    """Relative effects of all metrics with their intervals, one line a metric and treatment."""
    treatments = [arm.name for arm in result.arms if arm.name != result.control]
    shown = [c for c in result.contrasts if math.isfinite(c.lift) and math.isfinite(c.lift_low)]
    if not shown:
        return None
    names = list(dict.fromkeys(c.metric for c in shown))
    traces = []
    for number_, treatment in enumerate(treatments):
        own = [c for c in shown if c.treatment == treatment]
        shift = (number_ - (len(treatments) - 1) / 2) * 0.6 / len(treatments)
        traces.append(_whiskers(own, names, shift, treatment, f"--series-{number_ % 6}"))
    title = f"Difference from {result.control}, in percent of it"
    layout = {
        "height": 90 + _ROW * max(len(names), len(shown) * 2 // 3),
        "showlegend": len(treatments) > 1,
        "xaxis": {"ticksuffix": "%", "zeroline": True},
        "yaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": [_METRICS[name].label for name in names],
            "autorange": "reversed",
            "zeroline": False,
            "showgrid": False,
        },
    }
    rows = tuple(
        (_METRICS[c.metric].label, c.treatment, *relative(c.lift, c.lift_low, c.lift_high))
        for c in shown
    )
    head = ("Metric", "Treatment", "Difference", f"{result.level:.0%} interval")
    alt = "; ".join(f"{label}, {arm}: {lift} ({span})" for label, arm, lift, span in rows)
    return Figure("forest", title, alt, traces, layout, head, rows)


def _whiskers(
    contrasts: Sequence[Contrast], names: list[str], shift: float, label: str, colour: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label,
        "x": [100 * c.lift for c in contrasts],
        "y": [names.index(c.metric) + shift for c in contrasts],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (c.lift_high - c.lift) for c in contrasts],
            "arrayminus": [100 * (c.lift - c.lift_low) for c in contrasts],
            "thickness": 1.5,
            "width": 3,
            "color": colour,
        },
        "marker": {"size": 8, "color": colour},
        "hovertemplate": "%{x:.3g}%<extra></extra>",
    }


def over_time(
    days: Sequence[DayEffect], result: Comparison, treatment: str, number_: int
) -> Figure | None:
    """The effect up to each day, with the band that holds on all days at once."""
    known = [day for day in days if math.isfinite(day.ci_low)]
    if len(known) < 2:
        return None
    unit = _METRICS[result.primary].unit
    scale = 100 if unit == "share" else 1
    x = [day.day for day in known]
    low = [scale * day.ci_low for day in known]
    high = [scale * day.ci_high for day in known]
    label = _METRICS[result.primary].label
    suffix = ", percentage points" if unit == "share" else ""
    line: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    traces = [
        {**line, "x": x, "y": low, "showlegend": False},
        {**line, "x": x, "y": high, "fill": "tonexty", "fillcolor": "--band", "showlegend": False},
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": x,
            "y": [scale * day.difference for day in known],
            "line": {"color": "--series-0", "width": 2},
            "marker": {"color": "--series-0", "size": 6},
            "hovertemplate": "%{x|%d %b}: %{y:.3g}<extra></extra>",
        },
    ]
    title = f"{label}: {treatment} minus {result.control}, from the first day to this one"
    layout = {
        "height": 300,
        "showlegend": False,
        "xaxis": {"type": "date", "tickformat": "%d %b", "showgrid": False, "nticks": 8},
        "yaxis": {"title": {"text": f"difference{suffix}"}, "zeroline": True},
    }
    rows = tuple(
        (day.day, *estimate(day.difference, day.ci_low, day.ci_high, unit)) for day in known
    )
    alt = f"On the last day, {rows[-1][0]}: {rows[-1][1]} ({rows[-1][2]})."
    head = ("To the end of", "Difference", "Band for all days")
    return Figure(f"time-{number_}", title, alt, traces, layout, head, rows)


TRENDS = {
    "gini": ("Gini of exposure", 1.0, "0: even, 1: all on one"),
    "coverage": ("Catalogue shown", 100.0, "percent of all items"),
    "diversity": ("Diversity of a page", 100.0, "percent of pairs"),
    "head": ("Impressions of the most popular tenth", 100.0, "percent of impressions"),
    "clicks": ("Clicks a visit", 1.0, "clicks"),
}
"""What is drawn over time: title, scale, and what the axis counts."""


def trend_plots(found: Trends, arms: Sequence[str]) -> list[Figure]:
    """One figure a measure, one line an arm."""
    if found.length < 2:
        return []
    figures = []
    for name, (title, scale, axis) in TRENDS.items():
        traces, rows = [], []
        for number_, arm in enumerate(arms):
            values = [scale * getattr(one, name) for one in found.of(arm)]
            colour = f"--series-{number_ % 6}"
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": arm,
                    "x": list(range(1, len(values) + 1)),
                    "y": [None if math.isnan(value) else value for value in values],
                    "line": {"color": colour, "width": 2},
                    "marker": {"color": colour, "size": 6},
                    "hovertemplate": f"{found.unit} %{{x}}: %{{y:.3g}}<extra>{escape(arm)}</extra>",
                }
            )
            rows.append((arm, *(number(value) for value in values)))
        layout = {
            "height": 280,
            "showlegend": len(arms) > 1,
            "xaxis": {"title": {"text": found.unit}, "showgrid": False, "dtick": 1},
            "yaxis": {"title": {"text": axis}},
        }
        head = ("Arm", *(f"{found.unit} {n + 1}" for n in range(found.length)))
        alt = "; ".join(f"{row[0]}: from {row[1]} to {row[-1]}" for row in rows)
        table = tuple(rows)
        figures.append(Figure(f"trend-{name}", title, alt, traces, layout, head, table))
    return figures


def segment_plot(found: Segmentation, result: Comparison, number_: int) -> Figure | None:
    """Effects by segment: pooled with intervals, raw as hollow marks."""
    if len(found.segments) < 2:
        return None
    unit = _METRICS[found.metric].unit
    scale = 100 if unit == "share" else 1
    y = list(range(len(found.segments)))
    pooled = [scale * one.difference for one in found.segments]
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "as measured",
            "x": [scale * one.raw for one in found.segments],
            "y": y,
            "marker": {"symbol": "circle-open", "size": 9, "color": "--muted"},
            "hovertemplate": "measured %{x:.3g}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": "pooled",
            "x": pooled,
            "y": y,
            "error_x": {
                "type": "data",
                "array": [scale * (one.ci_high - one.difference) for one in found.segments],
                "thickness": 1.5,
                "width": 3,
                "color": "--series-0",
            },
            "marker": {"size": 8, "color": "--series-0"},
            "hovertemplate": "pooled %{x:.3g}<extra></extra>",
        },
    ]
    label = _METRICS[found.metric].label
    layout = {
        "height": 120 + _ROW * len(found.segments),
        "showlegend": True,
        "xaxis": {"title": {"text": f"difference in {label.lower()}"}, "zeroline": True},
        "yaxis": {
            "tickvals": y,
            "ticktext": [f"{one.segment} ({one.users:,})" for one in found.segments],
            "autorange": "reversed",
            "zeroline": False,
            "showgrid": False,
        },
    }
    rows = tuple(
        (
            one.segment,
            f"{one.users:,}",
            estimate(one.raw, one.raw_low, one.raw_high, unit)[0],
            *estimate(one.difference, one.ci_low, one.ci_high, unit),
        )
        for one in found.segments
    )
    head = ("Segment", "Users", "As measured", "Pooled", f"{result.level:.0%} interval")
    alt = "; ".join(f"{row[0]}: {row[3]} ({row[4]})" for row in rows)
    return Figure(f"segment-{number_}", f"By {found.column}", alt, traces, layout, head, rows)


def signal_plot(found: Signal) -> Figure:
    """Click rate over the language model's utility."""
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [utility for utility, _, _ in found.bins],
            "y": [100 * rate for _, rate, _ in found.bins],
            "line": {"color": "--series-0", "width": 2},
            "marker": {"color": "--series-0", "size": 7},
            "hovertemplate": "utility %{x:.3g}: %{y:.3g}%<extra></extra>",
        }
    ]
    layout = {
        "height": 300,
        "showlegend": False,
        "xaxis": {"title": {"text": "the language model's utility (mean of a tenth)"}},
        "yaxis": {"title": {"text": "clicked"}, "ticksuffix": "%", "rangemode": "tozero"},
    }
    rows = tuple((number(u), percent(rate), f"{n:,}") for u, rate, n in found.bins)
    alt = f"Click rate from {rows[0][1]} in the lowest tenth to {rows[-1][1]} in the highest."
    head = ("Utility", "Clicked", "Impressions")
    return Figure(
        "signal", "Clicks by the model's opinion of the item", alt, traces, layout, head, rows
    )
