"""The command line. Answers go to stdout, everything else to stderr.

Exit status: 0 done, 1 the run failed or its budget is used up, 2 the user's input is wrong (one
line, no traceback), 3 done, but an arm or the model is broken and no verdict can rest on it, 130
interrupted, 143 terminated, 129 its terminal went away. The commands themselves are entry points:
see ``footfall.cli.commands``.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import metadata
from typing import Annotated, Any

import typer

from footfall.cli.commands import Commands, names
from footfall.cli.log_options import asked_for
from footfall.errors import FootfallError, did_you_mean
from footfall.plumbing.extras import missing
from footfall.plumbing.signals import Terminated, terminable
from footfall.plumbing.stderr import stderr

app = typer.Typer(
    name="footfall",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Newer Typers carry a Click of their own: its classes are found through what Typer exports.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

_GO_ON = "; go on with the same command and --resume"
_RESUMABLE = frozenset({"run", "finetune"})
"""Commands that have ``--resume``."""


@app.callback(invoke_without_command=True)
def footfall(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Simulated users for recommender systems: rehearse an A/B test."""
    if version:
        typer.echo(f"footfall {metadata.version('footfall')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Entry point of the ``footfall`` command."""
    with stderr.as_asked(**asked_for(sys.argv[1:])):
        try:
            status = _status()
        except KeyboardInterrupt:  # a second one, while the first was being told of
            status = _fail(_stopped("interrupted"), INTERRUPTED)
        except Exception as error:
            if not stderr.tells_crash(error):
                raise
            status = 1
    _hear_no_more()
    sys.exit(status)


def _status() -> int:
    """Run the command of the command line, tell how it failed, and return the exit status."""
    try:
        with terminable():
            group: Any = typer.main.get_command(app)
            status = group.main(standalone_mode=False, prog_name="footfall")
        if status == INTERRUPTED:  # what typer makes of Ctrl-C, without a word
            status = _fail(_stopped("interrupted"), INTERRUPTED)
    except FootfallError as error:
        status = _fail(str(error), error.exit_status)
    except ModuleNotFoundError as error:
        told = missing(error)
        if told is None:
            raise
        status = _fail(told, 2)
    except _UsageError as error:
        status = _fail(_usage(error), 2)
    except Terminated as end:
        status = _fail(_stopped("terminated"), int(str(end.code)))
    except (KeyboardInterrupt, typer.Abort):
        status = _fail(_stopped("interrupted"), INTERRUPTED)
    except MemoryError:
        status = _fail("out of memory; free some, then go on with --resume", 1)
    except BrokenPipeError:
        # The reader of our output went away (``| head``): nothing is left to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    return status if isinstance(status, int) else 0


def _hear_no_more() -> None:
    """All is said: a Ctrl-C that comes now would make Python put words of its own behind it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _stopped(how: str) -> str:
    """How the command ended, and the way to go on where there is one."""
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return how + (_GO_ON if command in _RESUMABLE else "")


def _usage(error: Any) -> str:
    message = str(error.format_message())
    if message.startswith("No such command"):
        wrong = message.split("'")[1]
        return f'no command "{wrong}"; {did_you_mean(wrong, names())}'
    return message


def _fail(message: str, status: int) -> int:
    _hear_no_more()
    line = f"footfall: {' '.join(message.split())}"
    stderr.say(line, event="failed", level="error", status=status)
    return status
