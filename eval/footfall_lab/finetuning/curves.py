"""A picture of a training: NLL of the steps, and what the validation users said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from footfall.plumbing.files import write_text
from footfall_lab.finetuning.train import Progress

SMOOTH = 10
"""Steps that are averaged for the training line."""


def write_curves(progress: Progress, path: Path) -> None:
    """Write one self-contained HTML page."""
    write_text(path, _figure(progress).to_html(include_plotlyjs=True, full_html=True))


def _figure(progress: Progress) -> go.Figure:
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=("negative log-likelihood, nats", "AUC and calibration")
    )
    losses = np.asarray(progress.losses, dtype=float)
    width = min(SMOOTH, max(1, len(losses)))
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid") if len(losses) else losses
    steps = list(range(width, width + len(smooth)))
    looked = [one.step for one in progress.looks]
    figure.add_scatter(x=steps, y=smooth.tolist(), name="training", row=1, col=1)
    figure.add_scatter(
        x=looked, y=[one.nll for one in progress.looks],
        name="validation", mode="lines+markers", row=1, col=1,
    )  # fmt: skip
    for name, label in (("auc", "AUC"), ("auc_new", "AUC, new items"), ("ece", "ECE")):
        figure.add_scatter(
            x=looked, y=[getattr(one, name) for one in progress.looks],
            name=label, mode="lines+markers", row=1, col=2,
        )  # fmt: skip
    figure.add_hline(y=0.5, line_dash="dot", row=1, col=2, annotation_text="chance")
    figure.update_xaxes(title_text="step")
    figure.update_layout(template="plotly_white", width=1000, height=420)
    return figure
