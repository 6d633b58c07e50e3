"""One table of a test: recommenders down, metrics across, with intervals, for print and papers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import pandas as pd

from footfall_eval.measures.metrics import METRICS

_METRICS = {metric.name: metric for metric in METRICS}

MATTER = ("purchases", "clicks", "revenue", "ctr")
"""Metrics that a table shows beside the primary one, unless all are asked for."""

COLUMNS = 4
"""Metrics of a table that shows those that matter."""


@dataclass(frozen=True)
class TableCell:
    """One metric of one recommender."""

    value: float
    text: str
    difference: str = ""
    """Against the control, with its interval; "" for the control itself."""
    best: bool = False
    """Whether no other recommender is better, and not all are alike."""
    differs: bool = False
    """Whether the interval of the difference leaves out 0."""


@dataclass(frozen=True)
class ResultTable:
    """Rows are recommenders, columns metrics."""

    caption: str
    note: str
    metrics: tuple[str, ...]
    head: tuple[str, ...]
    """Labels of the metrics."""
    rows: tuple[tuple[str, tuple[TableCell, ...]], ...]
    """Recommender and its cells."""

    def to_frame(self) -> pd.DataFrame:
        """Values as numbers: recommenders as index, metrics as columns."""
        values = {name: [cell.value for cell in cells] for name, cells in self.rows}
        return pd.DataFrame.from_dict(values, orient="index", columns=list(self.metrics))

    def to_markdown(self) -> str:
        """Write a table for a README, the best in bold."""
        lines = [["", *self.head], ["---", *["---:"] * len(self.head)]]
        for name, cells in self.rows:
            lines.append([_bars(name), *(_joined(cell, "**{}**", r"\*") for cell in cells)])
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{body}\n\n{self.note}\n"

    def to_html(self) -> str:
        """Write a table for notebooks, the best in bold."""
        head = "".join(f'<th scope="col">{escape(label)}</th>' for label in self.head)
        lines = [f"<table><caption>{escape(self.caption)}</caption>"]
        lines.append(f"<thead><tr><td></td>{head}</tr></thead><tbody>")
        for name, cells in self.rows:
            row = "".join(
                f"<td>{_joined(_in_html(cell), '<strong>{}</strong>')}</td>" for cell in cells
            )
            lines.append(f'<tr><th scope="row">{escape(name)}</th>{row}</tr>')
        return "\n".join([*lines, f"</tbody></table><p>{escape(self.note)}</p>"])

    def to_latex(self) -> str:
        """Write a table for a paper (``booktabs``), the best in bold."""
        columns = "l" + "r" * len(self.head)
        lines = [r"\begin{tabular}{" + columns + "}", r"\toprule"]
        lines.append(" & ".join(["", *map(_tex, self.head)]) + r" \\")
        lines.append(r"\midrule")
        for name, cells in self.rows:
            texts = [_joined(_escaped(cell), r"\textbf{{{}}}") for cell in cells]
            lines.append(" & ".join([_tex(name), *texts]) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}"]
        return "\n".join([f"% {self.note}", *lines]) + "\n"

    def to_csv(self) -> str:
        """Write values, differences and marks, one line a recommender and metric."""
        sink = io.StringIO()
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(["recommender", "metric", "value", "difference", "best", "differs"])
        for name, cells in self.rows:
            for metric, cell in zip(self.metrics, cells, strict=True):
                row = [name, metric, repr(cell.value), cell.difference]
                writer.writerow([*row, int(cell.best), int(cell.differs)])
        return sink.getvalue()


def best(value: float, values: Sequence[float], better: str) -> bool:
    """Whether a value is the best of a column; nobody is where all are alike."""
    good = [x for x in values if math.isfinite(x)]
    if not better or not good or min(good) == max(good):
        return False
    return value == (max(good) if better == "higher" else min(good))


def _joined(cell: TableCell, bold: str, star: str = "*") -> str:
    text = bold.format(cell.text) if cell.best else cell.text
    return f"{text} ({cell.difference}){star * cell.differs}" if cell.difference else text


def _escaped(cell: TableCell) -> TableCell:
    return TableCell(cell.value, _tex(cell.text), _tex(cell.difference), cell.best, cell.differs)


def _in_html(cell: TableCell) -> TableCell:
    return replace(cell, text=escape(cell.text), difference=escape(cell.difference))


def _bars(text: str) -> str:
    return text.replace("|", r"\|")


def _tex(text: str) -> str:
    for sign in "&%$#_{}":
        text = text.replace(sign, f"\\{sign}")
    return text
