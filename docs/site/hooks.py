"""What MkDocs does not find in docs/: pages kept elsewhere, notebooks, commands, an example.

The notebooks are executed and the example is simulated while the site is built, so what a reader
sees is what this version does. Nothing of it is committed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))

import example  # noqa: E402 - found beside this file
import notebooks  # noqa: E402 - likewise

from footfall.cli.commands import names  # noqa: E402 - likewise
from footfall.cli.main import app  # noqa: E402 - likewise

ELSEWHERE = ("CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/RESULTS.md")
"""Pages of the site that lie outside of docs/, at the same place below the root."""

FOREIGN = "https://unpkg.com/iframe-worker/shim"
"""The one script that the theme would fetch; docs/assets/from-disk.js does its work."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files of docs/."""
    made = ROOT / "build" / "docs"
    example.write(made / "example")
    _add(files, config, "index.md", (ROOT / "README.md").read_text())
    for name in ELSEWHERE:
        _add(files, config, name, (ROOT / name).read_text())
    for path in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        text, pictures = notebooks.executed(path)
        _add(files, config, f"notebooks/{path.stem}.md", text)
        for name, content in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    _add(files, config, "reference/commands.md", commands())
    for path in [made / "example" / "report.html", *(made / "example" / "replay").iterdir()]:
        place = f"example/{path.relative_to(made / 'example')}"
        files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - MkDocs' signature
    """Let links lead to where pages lie in the site, and leave marks of figures out."""
    # A line that begins with a comment would begin a paragraph.
    markdown = re.sub(r"(?<!`)<!-- /?figure\b.*?-->(?!`)", "", markdown)
    depth = page.file.src_uri.count("/")
    markdown = re.sub(r"(\]\([^)\s]+)\.ipynb\)", r"\1.md)", markdown)
    if page.file.src_uri in ("index.md", *ELSEWHERE):
        return re.sub(r"(\]\((?:\.\./)*)docs/", r"\1", markdown)
    out = "../" * (depth + 1)
    return re.sub(rf"(\]\(\s*){re.escape(out)}(?=\w)", rf"\1{out[3:]}", markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - MkDocs' signature
    """Code that is wider than the screen is scrolled with the keyboard, too."""
    return re.sub(r"(<pre>(?:<span></span>)?)<code>", r'\1<code tabindex="0">', html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001 - MkDocs' signature
    """Load nothing from elsewhere."""
    return _at_home(output, "../" * page.file.dest_uri.count("/"))


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:  # noqa: ARG001 - MkDocs' signature
    """Likewise for the page of a wrong address."""
    return _at_home(output_content, "/") if template_name.endswith(".html") else output_content


def _at_home(html: str, root: str) -> str:
    """Load nothing from elsewhere; say what screen readers miss in the theme's pages."""
    html = html.replace(FOREIGN, f"{root}assets/from-disk.js")
    html = html.replace('role="dialog"', 'role="dialog" aria-label="Search"')
    # Parts of the table of contents are no landmarks of their own, some even of the same name.
    html = re.sub(
        r'<nav class="md-nav" aria-label="[^"]*">', '<nav class="md-nav" role="none">', html
    )
    return re.sub(r"<th([^>]*)>\s*</th>", r"<td\1></td>", html)


def commands() -> str:
    """A page with what ``--help`` prints of every command."""
    group = typer.main.get_command(app)
    parts = ["# Commands\n\nWhat `footfall COMMAND --help` prints, command by command.\n"]
    for name in names():
        command = group.get_command(None, name)  # type: ignore[attr-defined]
        parts += [f"## {name}\n", _help(command, f"footfall {name}")]
        for below, one in getattr(command, "commands", {}).items():
            parts += [f"### {name} {below}\n", _help(one, f"footfall {name} {below}")]
    return "\n".join(parts)


def _help(command: Any, name: str) -> str:
    with command.make_context(name, [], resilient_parsing=True) as context:
        return f"```text\n{command.get_help(context)}\n```\n"


def _add(files: Files, config: MkDocsConfig, name: str, text: str) -> None:
    files.append(File.generated(config, name, content=text))
