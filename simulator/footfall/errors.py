"""Every error that Footfall raises on purpose.

    FootfallError
    +-- UserError            the user's input is wrong; exit status 2, one line, no traceback
    |   +-- DataError        a data file, a column, a split
    |   +-- ScenarioError    a scenario file or one of its keys
    |   +-- TemplateError    a prompt template
    |   +-- ModelError       a model, an engine or a server that cannot be used as asked
    |       +-- AwayError    a model server that does not answer before the run; may be on its way
    +-- RunError             the run failed; exit status 1
        +-- ServerError      a model server or a recommender stopped answering
        +-- LogError         what a run left behind is damaged
        +-- BudgetError      a budget of tokens, money, time or memory is used up
        +-- InterruptError   somebody asked the run to stop; exit status 130

A message is one line: what is wrong, where, and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FootfallError(Exception):
    """Base of all errors that Footfall raises on purpose."""

    exit_status = 1

    def __str__(self) -> str:
        """One line without signs that move a terminal's cursor: parts of it may be a stranger's."""
        line = " ".join(super().__str__().split())
        return "".join(sign for sign in line if sign.isprintable())


class UserError(FootfallError):
    """The user's input is wrong: one clear line, exit status 2."""

    exit_status = 2


class DataError(UserError):
    """A data file, one of its columns, or a split of it is wrong."""


class ScenarioError(UserError):
    """A scenario file or one of its keys is wrong."""


class TemplateError(UserError):
    """A prompt template cannot be read or rendered."""


class ModelError(UserError):
    """The language model cannot be used as asked."""


class AwayError(ModelError):
    """A model server does not answer before the first question: a wrong address, or too early."""


class RunError(FootfallError):
    """The run failed although its input was right."""


class ServerError(RunError):
    """A model server or a recommender stopped answering."""


class LogError(RunError):
    """What a run left behind is damaged or incomplete."""


class BudgetError(RunError):
    """A budget of tokens, money, time or memory is used up; the run can be resumed."""


class InterruptError(RunError):
    """Somebody asked the run to stop, and it did at the end of an epoch."""

    exit_status = 130


def one_line(error: object, longest: int | None = None) -> str:
    """What an error of others says, as part of a message: on one line, ``longest`` at most."""
    return " ".join(str(error).split())[:longest]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """End a message about an unknown name: the nearest known one, then all of them.

    >>> did_you_mean("sed", ["seed", "arms"])
    'did you mean "seed"? Known: arms, seed'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    return f"{hint}Known: {', '.join(names) or 'none'}"
