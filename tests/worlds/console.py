"""The command line inside this process: a second faster than starting another Python."""

import contextlib
import io
import re
import shlex
import signal
import sys
from dataclasses import dataclass
from unittest.mock import patch

import typer

from footfall.cli.main import app, main

GROUP = typer.main.get_command(app)
"""All commands."""


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def footfall(*arguments, cwd):
    """Call ``footfall`` with these arguments in that folder, as a shell would."""
    out, err = io.StringIO(), io.StringIO()
    hears = signal.getsignal(signal.SIGINT)
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        patch.object(sys, "argv", ["footfall", *arguments]),
        patch.dict("os.environ", {"COLUMNS": "80"}),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
        finally:
            signal.signal(signal.SIGINT, hears)  # a command that is over ignores Ctrl-C
    return Done(status, out.getvalue(), err.getvalue())


def read(line):
    """Let the command line read the words of a command, without running it."""
    words = shlex.split(re.sub(r"^(\w+=\S+ )*footfall ?", "", line))
    if not words or words[0].startswith("-"):
        return
    command, name = GROUP, "footfall"
    while words and hasattr(command, "get_command"):
        below = command.get_command(None, words[0])
        assert below is not None, f"{line}: no command {words[0]}"
        command, name, words = below, f"{name} {words[0]}", words[1:]
    context = command.context_class(command, info_name=name)
    try:
        _, more, _ = command.make_parser(context).parse_args(list(words))
    except Exception as error:
        # A sentence may name an option alone: `footfall serve --adapter`.
        if type(error).__name__ == "BadOptionUsage" and words[-1].startswith("-"):
            return
        raise AssertionError(f"{line}: {error}") from error
    assert not more, f"{line}: {name} takes no {more[0]}"
