"""The comparison as a tidy page of a terminal, 80 columns wide."""

from __future__ import annotations

import math

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from footfall_eval.comparing.comparison import Comparison, Contrast
from footfall_eval.comparing.figures import amount, estimate, relative
from footfall_eval.comparing.pool import PooledComparison
from footfall_eval.measures.metrics import METRICS
from footfall_eval.reporting import view
from footfall_eval.reporting.view import (
    EXPOSURE,
    answers_table,
    evidence_tables,
    label,
    p_words,
    pooled_table,
)

_METRICS = {metric.name: metric for metric in METRICS}

_COLOURS = {"validated": "green", "direction only": "yellow", "not validated": "red"}

MOST_ARMS = 4
"""Arms that fit side by side in 80 columns."""


def print_comparison(
    result: Comparison, console: Console | None = None, *, every: bool = False
) -> None:
    """Print one table, cautions and the verdict; with ``every`` all metrics and contrasts, too."""
    (console or Console()).print(layout(result, every=every))


def print_pooled(pooled: PooledComparison, console: Console | None = None) -> None:
    """Print what several runs say together: luck and model error apart."""
    found = pooled_table(pooled)
    table = _table(found.caption)
    shown = [0, 1, 2, 3, 4]
    for column in shown:
        table.add_column(found.head[column], justify="left" if column < 2 else "right")
    for row in found.rows:
        table.add_row(*(row[column].replace(" points", " pt") for column in shown))
    table.caption, table.caption_justify = found.note, "left"
    parts: list[RenderableType] = [table]
    parts += [Text(f"! {caution}", "yellow") for caution in pooled.cautions]
    (console or Console()).print(Group(*parts, Text(), Text(pooled.verdict, "bold")))


def layout(result: Comparison, *, every: bool = False) -> RenderableType:
    """The same as something that rich can print."""
    parts: list[RenderableType] = [_one_table(result)]
    if every:
        parts += [_arms(result, start) for start in _groups(result)]
        parts += [
            _contrasts(result, arm.name)
            for arm in result.arms
            if any(contrast.treatment == arm.name for contrast in result.contrasts)
        ]
    parts += [_words(table) for table in evidence_tables(result)]
    parts += [_answers(result)]
    parts += [Text(f"! {caution}", "yellow") for caution in result.cautions]
    lead, sentence = result.verdict, result.validity.sentence()
    lead = lead.removesuffix(sentence).rstrip()
    parts += [
        Text(),
        Text(lead, "bold red" if result.no_verdict else "bold"),
        Text(sentence, f"bold {_COLOURS[result.validity.status]}"),
    ]
    return Group(*parts)


def _one_table(result: Comparison) -> Table:
    """Recommenders down, the metrics that matter across, the best in bold."""
    found = result.table()
    table = _table(found.caption)
    table.padding = (0, 1, 0, 0)
    table.add_column("", overflow="fold")
    for head in found.head:
        table.add_column(head, justify="right")
    for name, cells in found.rows:
        texts = []
        for cell in cells:
            text = Text(cell.text, "bold" if cell.best else "")
            if cell.difference:
                text.append(f"\n{cell.difference}{'*' * cell.differs}", "not bold dim")
            texts.append(text)
        table.add_row(Text(name), *texts)
    lines = (found.note, *(result.pairing_words(c) for c in _treatments(result)[:1]))
    table.caption = "\n".join(line for line in lines if line)
    table.caption_justify = "left"
    return table


def _treatments(result: Comparison) -> list[str]:
    return [arm.name for arm in result.arms if arm.name != result.control]


def _words(found: view.ReportTable) -> Table:
    """A table of words as it stands, its note below."""
    table = _table(f"\n{found.caption}")
    for number, name in enumerate(found.head):
        table.add_column(name, justify="left" if number in {0, len(found.head) - 1} else "right")
    for row in found.rows:
        table.add_row(*row)
    table.caption, table.caption_justify = found.note, "left"
    return table


def _groups(result: Comparison) -> range:
    return range(0, len(result.arms), MOST_ARMS)


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )


def _arms(result: Comparison, start: int) -> Table:
    table = _table("Arms")
    shown = result.arms[start : start + MOST_ARMS]
    table.add_column("")
    for arm in shown:
        control = " (control)" if arm.name == result.control else ""
        table.add_column(f"{arm.name}{control}", justify="right", overflow="fold")
    table.add_row("Users", *(f"{arm.users:,}" for arm in shown))
    for name in result.arms[0].metrics:
        unit = EXPOSURE[name][1] if name in EXPOSURE else _METRICS[name].unit
        table.add_row(label(name), *(amount(arm.metrics[name], unit) for arm in shown))
    return table


def _answers(result: Comparison) -> RenderableType:
    """What each arm's recommender answered, where anything was wrong with it."""
    found = answers_table(result)
    if found is None:
        return Text()
    table = _table(f"\n{found.caption}")
    for column, head in enumerate(found.head):
        table.add_column(head, justify="right" if column else "left", overflow="fold")
    for row in found.rows:
        table.add_row(*row)
    return table


def _contrasts(result: Comparison, treatment: str) -> Table:
    broken = " (no verdict: see below)" if result.no_verdict else ""
    table = _table(f"\n{treatment} minus {result.control}{broken}")
    table.add_column("")
    for head in ("difference", f"{result.level:.0%} interval", "relative", "p*", "corr."):
        table.add_column(head, justify="right", no_wrap=head != "")
    for contrast in result.contrasts:
        if contrast.treatment == treatment:
            table.add_row(
                *_row(contrast), style="bold" if contrast.metric == result.primary else ""
            )
    lines = (f"* {result.correction_words()}", result.pairing_words(treatment))
    table.caption = "\n".join(line for line in lines if line)
    table.caption_justify = "left"
    return table


def _row(contrast: Contrast) -> tuple[str, ...]:
    unit = _METRICS[contrast.metric].unit
    size, interval = estimate(contrast.difference, contrast.ci_low, contrast.ci_high, unit)
    return (
        label(contrast.metric),
        size.replace(" points", " pt"),
        interval.replace(" points", " pt"),
        relative(contrast.lift, contrast.lift_low, contrast.lift_high)[0],
        p_words(contrast.p_adjusted).replace(" ", ""),
        f"{contrast.correlation:.2f}" if math.isfinite(contrast.correlation) else "",
    )
