"""The command line inside this process: a second faster than starting another Python."""

import contextlib
import io
import signal
import sys
from dataclasses import dataclass
from unittest.mock import patch

from footfall.cli.main import main


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
