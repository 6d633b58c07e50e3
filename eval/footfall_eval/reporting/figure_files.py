"""The figures of a report as files: SVG, PDF and PNG by matplotlib, and their numbers as CSV.

A figure is described once, in the words of Plotly (see ``plots``). What is used of them there is
drawn here: markers, lines, bars, bands, whiskers, and axes of numbers, names or dates.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from footfall.plumbing.files import replacing, write_text
from footfall_eval.reporting.plots import Figure

FORMATS = ("svg", "pdf", "png")

WIDTH = 6.5
"""Inches, about the width of a page's text."""

_PIXELS = 110.0
"""Pixels of the page's plots that make an inch here."""

_DASHES = {"dot": ":", "dash": "--"}


def write_figure(figure: Figure, folder: Path) -> list[Path]:
    """Write one figure into an existing folder; the files, CSV last."""
    # Heavy, and wanted by one command only.
    from matplotlib.figure import Figure as Sheet  # noqa: PLC0415

    sheet = Sheet(figsize=(WIDTH, max(2.2, figure.height / _PIXELS)), layout="constrained")
    axes = sheet.subplots()
    colours = dict(_colours())
    below: tuple[Any, Any] | None = None
    for trace in figure.traces:
        x, y = _values(trace["x"], figure.layout.get("xaxis")), list(trace["y"])
        _draw(axes, trace, x, y, below, colours)
        below = (x, y)
    _dress(axes, figure, colours)
    written = []
    for form in FORMATS:
        path = folder / f"{figure.id}.{form}"
        # Without dates the same figure is the same file.
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
        with replacing(path) as sink:
            sheet.savefig(sink, format=form, dpi=200, metadata=metadata)
        written.append(path)
    table = folder / f"{figure.id}.csv"
    cells = io.StringIO(newline="")
    csv.writer(cells, lineterminator="\n").writerows([figure.head, *figure.rows])
    write_text(table, cells.getvalue())
    return [*written, table]


def _colours() -> Iterator[tuple[str, str]]:
    """The page's colours by day, by the names that figures use."""
    text = files("footfall_eval.reporting").joinpath("report.css").read_text(encoding="utf-8")
    day = text[: text.index("}")]
    yield from re.findall(r"(--[\w-]+):\s*([^;]+);", day)


def _colour(name: Any, colours: Mapping[str, str]) -> Any:
    found = colours.get(str(name), "#0b5394")
    parts = re.fullmatch(r"rgba\((\d+), (\d+), (\d+), ([\d.]+)\)", found)
    if parts is None:
        return found
    red, green, blue = (int(part) / 255 for part in parts.groups()[:3])
    return red, green, blue, float(parts[4])


def _values(values: Sequence[Any], axis: Mapping[str, Any] | None) -> list[Any]:
    dates = (axis or {}).get("type") == "date"
    return list(pd.to_datetime(list(values))) if dates else list(values)


def _draw(
    axes: Any,
    trace: Mapping[str, Any],
    x: list[Any],
    y: list[Any],
    below: tuple[Any, Any] | None,
    colours: Mapping[str, str],
) -> None:
    line, marker = trace.get("line", {}), trace.get("marker", {})
    colour = _colour(marker.get("color") or line.get("color"), colours)
    label = trace.get("name") if trace.get("showlegend", True) else None
    if trace["type"] == "bar":
        # Bars of several series stand beside each other.
        number = len(axes.containers)
        axes.bar(np.arange(len(x)) + 0.4 * number - 0.2, y, 0.4, color=colour, label=label)
        axes.set_xticks(range(len(x)), [str(name) for name in x], rotation=30, ha="right")
        return
    if trace.get("fill") == "tonexty" and below is not None:
        axes.fill_between(x, below[1], y, color=_colour(trace["fillcolor"], colours), linewidth=0)
        return
    if line.get("width") == 0:
        return  # the invisible edge of a band
    mode = trace.get("mode", "lines")
    axes.errorbar(
        x,
        y,
        xerr=_whiskers(trace.get("error_x")),
        yerr=_whiskers(trace.get("error_y")),
        fmt="o" if "markers" in mode else "",
        linestyle=_DASHES.get(line.get("dash", ""), "-") if "lines" in mode else "none",
        color=colour,
        markersize=4,
        linewidth=min(1.5, float(line.get("width", 1.5))),
        elinewidth=1.2,
        label=label,
    )


def _whiskers(error: Mapping[str, Any] | None) -> Any:
    if error is None:
        return None
    up = np.nan_to_num(np.asarray(error["array"], dtype=float))
    down = np.nan_to_num(np.asarray(error.get("arrayminus", error["array"]), dtype=float))
    return np.maximum(0.0, [down, up])


def _dress(axes: Any, figure: Figure, colours: Mapping[str, str]) -> None:
    """Titles, names on the axes, rules, and a legend where there is more than one series."""
    for side, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        own = figure.layout.get(f"{side}axis", {})
        title = own.get("title", {})
        axis.set_label_text(title.get("text", "") if isinstance(title, Mapping) else str(title))
        if "tickvals" in own:
            axis.set_ticks(list(own["tickvals"]), labels=[str(text) for text in own["ticktext"]])
        if own.get("autorange") == "reversed":
            axis.set_inverted(True)
        if own.get("ticksuffix") == "%":
            axis.set_major_formatter(lambda value, _: f"{value:g}%")
        if own.get("showgrid", True):
            axis.grid(visible=True, color=colours["--rule"], linewidth=0.6)
    if figure.layout.get("xaxis", {}).get("zeroline"):
        axes.axvline(0, color=colours["--muted"], linewidth=1)
    if figure.layout.get("xaxis", {}).get("type") == "date":
        axes.tick_params(axis="x", rotation=30)
    axes.set_axisbelow(True)
    axes.set_title(figure.title, fontsize=10, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if figure.layout.get("showlegend", False) or sum("name" in t for t in figure.traces) > 1:
        axes.figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
