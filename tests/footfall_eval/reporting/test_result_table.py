"""The one table of a comparison: for the terminal, Markdown, LaTeX and CSV."""

import csv
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from console import footfall
from eval_worlds import impressions, planted_run, write_run
from footfall_eval import RunLog, compare
from footfall_eval.reporting.terminal import layout


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    run = planted_run(tmp_path_factory.mktemp("planted"))
    return run, compare(RunLog.open(run))


def test_recommenders_are_rows_and_the_best_is_marked(planted):
    _, result = planted
    table = result.table()
    assert [name for name, _ in table.rows] == ["base (control)", "better"]
    assert table.metrics[0] == result.primary
    base, better = (dict(zip(table.metrics, cells, strict=True)) for _, cells in table.rows)
    assert better["clicks"].best
    assert better["clicks"].differs
    assert not base["clicks"].best
    assert not base["clicks"].difference
    frame = table.to_frame()
    assert frame.loc["better", "clicks"] == result.arms[1].metrics["clicks"]
    assert len(result.table(every=True).metrics) > len(table.metrics)


def test_nobody_is_best_where_all_are_alike(tmp_path):
    first = impressions(np.random.default_rng(3), "a", [f"u{k}" for k in range(30)])
    run = write_run(tmp_path, pd.concat([first, first.assign(arm="b_1%")]))
    table = compare(RunLog.open(run)).table()
    assert not any(cell.best or cell.differs for _, cells in table.rows for cell in cells)
    assert r"b\_1\%" in table.to_latex()


def test_a_metric_that_repeats_another_is_a_sentence_not_a_column(planted):
    """Where whoever clicks takes, purchases and clicks are one column."""
    _, result = planted
    alike = [{**arm.metrics, "clicks": arm.metrics[result.primary]} for arm in result.arms]
    arms = [replace(arm, metrics=one) for arm, one in zip(result.arms, alike, strict=True)]
    table = replace(result, arms=arms).table()
    assert result.primary in table.metrics
    assert "clicks" not in table.metrics
    assert "Clicks per user: the same as purchases per user in every arm." in table.note
    assert "same as" not in result.table().note
    assert "clicks" in replace(result, arms=arms).table(every=True).metrics


def test_formats_of_the_command_line(planted):
    run, result = planted
    markdown = footfall("compare", str(run), "--format", "markdown", cwd=run.parent)
    assert markdown.stdout == result.to_markdown()
    assert markdown.stdout.count("**") == 2 * sum(
        cell.best for _, cells in result.table().rows for cell in cells
    )
    latex = footfall("compare", str(run), "--format", "latex", "--all", cwd=run.parent)
    assert latex.stdout == result.to_latex(every=True)
    assert r"\toprule" in latex.stdout
    assert r"\textbf{" in latex.stdout
    rows = footfall("compare", str(run), "--format", "csv", cwd=run.parent).stdout
    values = {(r["recommender"], r["metric"]): r for r in csv.DictReader(io.StringIO(rows))}
    assert float(values["better", "clicks"]["value"]) == result.arms[1].metrics["clicks"]
    wrong = footfall("compare", str(run), "--format", "ltex", cwd=run.parent)
    assert wrong.returncode == 2
    assert 'did you mean "latex"' in wrong.stderr


def test_the_terminal_shows_one_table_and_all_on_demand(planted):
    _, result = planted
    texts = []
    for every in (False, True):
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(layout(result, every=every))
        texts.append(console.export_text())
        assert max(map(len, texts[-1].splitlines())) <= 80
    assert "better minus base" not in texts[0]
    assert "better minus base" in texts[1]
    assert result.verdict.split(":")[0] in texts[0].replace("\n", " ")
