"""The benchmark on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from footfall.bench.results import CEILING, Measured, Row
from footfall.plumbing.busy import NOTICED

WIDTH = 80


def show(measured: Measured, console: Console | None = None) -> None:
    """Print what was measured: rates and ratios, then tokens and time."""
    console = console or Console(width=WIDTH, highlight=False)
    machine = measured.machine
    console.print(
        f"{measured.model} on {machine['device']}, {machine['cores']} cores,"
        f" vLLM {machine['vllm']}, torch {machine['torch']}, {machine['date']};"
        f" load {machine['load_before']} before, {machine['load_after']} after"
    )
    for cell in dict.fromkeys((row.history, row.slate) for row in measured.rows):
        mine = [row for row in measured.rows if (row.history, row.slate) == cell]
        console.print(
            f"\nhistories of {cell[0]} events, slates of {cell[1]} items;"
            f" {measured.pages} pages at once, median of {measured.repeats}"
        )
        console.print(_rates(mine))
        console.print(_tokens(mine))
    console.print(
        "\npeak memory: "
        + ", ".join(f"{name} {gib:.1f} GiB" for name, gib in measured.peak_memory_gib.items())
        + "; engine start: "
        + ", ".join(f"{name} {s:.0f} s" for name, s in measured.start_seconds.items())
    )
    for line in _warnings(measured):
        console.print(line)


def _rates(rows: Sequence[Row]) -> Table:
    table = _table("items/s", "from - to", "ceiling", "x text", "x lone", "x naive")
    for row in _paired(rows):
        table.add_row(
            _label(row),
            f"{row.item_decisions_per_s:.3g}",
            f"{row.slowest:.3g} - {row.fastest:.3g}",
            _percent(row.ratio_to_ceiling),
            _times(row.ratio_to_free_text),
            _times(row.ratio_to_one_by_one),
            _times(row.ratio_to_naive),
        )
    return table


def _tokens(rows: Sequence[Row]) -> Table:
    table = _table("computed", "cached", "written", "seconds", "outside engine")
    for row in _paired(rows):
        outside = row.seconds_outside_engine
        table.add_row(
            _label(row),
            f"{row.computed_tokens / row.item_decisions:.1f}",
            f"{row.cached_tokens / row.item_decisions:.1f}",
            f"{row.generated_tokens / row.item_decisions:.1f}",
            f"{row.seconds:.1f}",
            "-" if row.ratio_to_ceiling is None else f"{outside:.2f} ({outside / row.seconds:.1%})",
        )
    return table


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE, width=WIDTH, padding=(0, 0, 0, 1))
    table.add_column("how it was asked", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _paired(rows: Sequence[Row]) -> list[Row]:
    """Each mode followed by its ceiling."""
    return [
        row
        for mode in rows
        if not mode.name.startswith(CEILING)
        for row in (mode, *(r for r in rows if r.name == CEILING + mode.name))
    ]


def _label(row: Row) -> str:
    return "  its ceiling" if row.name.startswith(CEILING) else row.name


def _warnings(measured: Measured) -> list[str]:
    lines, times = [], measured.busy()
    if times >= NOTICED:
        lines.append(
            f"other programs ran beside it ({times:.1f} times as long as alone): take the ratios,"
            " and not the rates"
        )
    lines.extend(
        f"{row.name}: {row.unanswered_pages} pages without an answer"
        for row in measured.rows
        if row.unanswered_pages
    )
    return lines


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.3g}"
