"""Notebooks executed in an empty folder, and turned into Markdown with what they printed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from nbconvert.preprocessors import ExecutePreprocessor

SECONDS = 600
"""After which a cell is given up."""


def executed(path: Path) -> tuple[str, dict[str, bytes]]:
    """Run a notebook; its text with all outputs, and the pictures by name.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        ExecutePreprocessor(timeout=SECONDS).preprocess(notebook, resources)
    names = {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
    text, found = MarkdownExporter().from_notebook_node(notebook, names)
    return text, found.get("outputs", {})
