"""``--log`` and ``--verbose``, which every command has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import pairwise
from typing import Annotated, Any, Literal

import typer

Log = Annotated[
    Literal["text", "json"],
    typer.Option(help="What is said on stderr: lines for people, or JSON objects, one a line."),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Say more on stderr: timings, tries, what libraries log.")
]


def with_log_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with both options in its help; ``asked_for`` has read them before.

    A command that has options of these names is left as it is.
    """
    signature = inspect.signature(command, eval_str=True)
    if not {"log", "verbose"}.isdisjoint(signature.parameters):
        return command

    @wraps(command)
    def called(*arguments: Any, log: str, verbose: bool, **options: Any) -> None:  # noqa: ARG001
        command(*arguments, **options)

    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter("log", keyword, default="text", annotation=Log),
        inspect.Parameter("verbose", keyword, default=False, annotation=Verbose),
    ]
    parameters = [*signature.parameters.values(), *added]
    vars(called)["__signature__"] = signature.replace(parameters=parameters)
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def asked_for(words: Sequence[str]) -> dict[str, bool]:
    """What the words of a command line ask for, read before they are parsed.

    So a mistake in the words themselves is told in the format that they ask for.
    """
    as_json = ("--log", "json") in pairwise(words) or "--log=json" in words
    return {"as_json": as_json, "verbose": "--verbose" in words}
