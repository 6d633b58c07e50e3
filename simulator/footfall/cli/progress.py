"""The progress bar of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from footfall.options import OnRound


@contextmanager
def simulating(console: Console) -> Iterator[Callable[[float], OnRound]]:
    """Show item decisions, their rate and the time left while a run is under way.

    Yields a function that takes the expected number of item decisions and returns what is to
    be called after every round with (pages, item decisions).
    """
    columns = (
        SpinnerColumn(),
        TextColumn("simulating"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f}/~{task.total:,.0f} item decisions"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:

        def begin(expected: float) -> OnRound:
            start = time.perf_counter()
            task = bar.add_task("simulating", total=expected, rate="")

            def on_round(_pages: int, items: int) -> None:
                done = bar.tasks[task].completed + items
                rate = f"{done / (time.perf_counter() - start):,.0f}/s"
                # The total is an expectation: a run may take a little more.
                bar.update(task, completed=done, total=max(expected, done), rate=rate)

            return on_round

        yield begin
