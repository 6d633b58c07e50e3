"""The commands of this and of other packages, found by name and loaded when they are called.

A package adds a command through the entry point group ``footfall.commands``; each entry names a
function, which becomes a command of that name, or a ``typer.Typer`` with several. ``footfall
--help`` lists them all, so what it prints of each is read from its source: nothing is imported.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

import typer
from typer.core import TyperGroup

from footfall.cli.log_options import with_log_options
from footfall.plumbing import plugins

GROUP = "footfall.commands"


class Commands(TyperGroup):
    """A group whose commands are the entry points of ``GROUP``."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's signature
        """Names of all commands, in the order of the alphabet."""
        return names()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - likewise
        """Load one command, the only step that imports it; None where there is none."""
        if cmd_name not in names():
            return None
        loaded = load(cmd_name)
        if not isinstance(loaded, typer.Typer):
            alone = typer.Typer(
                add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
            )
            alone.command(cmd_name)(loaded)
            loaded = alone
        _add_log_options(loaded)
        return _line_by_line(typer.main.get_command(loaded))

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - likewise
        """Write the list of commands below the help of the group."""
        with formatter.section("Commands"):
            entries = plugins.entries(GROUP).values()
            formatter.write_dl([(entry.name, summary(entry)) for entry in entries])


def _add_log_options(app: typer.Typer) -> None:
    """To every command below; one that has such options already keeps its own."""
    for one in app.registered_commands:
        if one.callback is not None:
            one.callback = with_log_options(one.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _add_log_options(group.typer_instance)


def _line_by_line(command: Any) -> Any:
    """Let the help keep each example on a line of its own; Click would fill them into one."""
    for below in getattr(command, "commands", {}).values():
        _line_by_line(below)
    command.help = (command.help or "").replace("Examples:\n", "\b\nExamples:\n")
    return command


def names() -> list[str]:
    """Names of all commands, in the order of the alphabet."""
    return list(plugins.entries(GROUP))


def load(name: str) -> Any:
    """The function (or group) behind a command; ``UserError`` if its package is broken."""
    return plugins.load(GROUP, name)


def summary(entry: metadata.EntryPoint) -> str:
    """First line of what a command says of itself, read from its source without running it."""
    try:
        body = ast.parse(_source(entry.module)).body
    except (ImportError, SyntaxError, ValueError):  # told when the command is called
        return ""
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == entry.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            names_it = [to for to in node.targets if isinstance(to, ast.Name)]
            if any(to.id == entry.attr for to in names_it):
                return next(_texts(node.value, "help"), "")
    return ""


def _texts(call: ast.Call, keyword: str) -> Iterator[str]:
    for one in call.keywords:
        if one.arg == keyword and isinstance(one.value, ast.Constant):
            yield str(one.value.value)


def _source(module: str) -> str:
    spec = _spec(module)
    source = getattr(None if spec is None else spec.loader, "get_source", None)
    return "" if spec is None or source is None else source(spec.name) or ""


def _spec(module: str) -> ModuleSpec | None:
    """Where a module's source is; unlike ``importlib.util.find_spec``, imports no parent of it."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", spec.submodule_search_locations)
    return spec
