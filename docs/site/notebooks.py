"""Notebooks executed in an empty folder, and turned into Markdown with what they printed.

python docs/site/notebooks.py docs/notebooks/paper.ipynb
"""

from __future__ import annotations

import base64
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient

FRAME = '<div class="framed-table" markdown="0" tabindex="0" role="group" aria-label="Table">'
"""Around a table that may be wider than the page: it is scrolled, with the keyboard too."""

COLOUR = re.compile(r"\x1b\[[0-9;]*m")

SECONDS = 600
"""After which a cell is given up."""


def executed(path: Path) -> tuple[str, dict[str, bytes]]:
    """Run a notebook; its text with all outputs, and the pictures by name.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder, patch.dict("os.environ", PATH=commands):
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=SECONDS, resources=resources).execute()
    pictures: dict[str, bytes] = {}
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        language = "bash" if cell.source.startswith("%%bash") else "python"
        source = cell.source.removeprefix("%%bash\n").removeprefix("set -e\n")
        parts.append(f"```{language}\n{source}\n```")
        parts += [_output(output, path.stem, pictures) for output in _joined(cell.outputs)]
    return "\n\n".join(parts) + "\n", pictures


def _joined(outputs: list[Any]) -> list[Any]:
    """Outputs in which what was printed piece by piece stands in one piece, without colours."""
    joined: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    for output in joined:  # only now: a piece may end in the middle of a colour
        if output.output_type == "stream":
            output.text = COLOUR.sub("", output.text)
    return joined


def _output(output: Any, name: str, pictures: dict[str, bytes]) -> str:
    """What a cell printed, or the best form of what it returned."""
    if output.output_type == "stream":
        return "" if output.name == "stderr" else f"```text\n{output.text.rstrip()}\n```"
    data = output.data
    if "image/png" in data:
        picture = f"{name}-{len(pictures)}.png"
        pictures[picture] = base64.b64decode(data["image/png"])
        told = output.get("metadata", {}).get("image/png", {}).get("alt", "A figure")
        return f"![{told}]({picture})"
    if "text/html" in data:
        table = re.sub(r"<style.*?</style>", "", data["text/html"], flags=re.DOTALL)
        return f"{FRAME}\n{table}\n</div>"
    return f"```text\n{data['text/plain'].rstrip()}\n```"


if __name__ == "__main__":
    print(executed(Path(sys.argv[1]))[0])
