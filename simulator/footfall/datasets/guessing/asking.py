"""What was told, what was found and why, and questions that the data do not answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from footfall.errors import DataError


@dataclass(frozen=True)
class Told:
    """What the user says of a log; whatever is here is not guessed."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Name of a column in a scenario (user, item, time, value, ...) -> header."""
    actions: Mapping[str, str] = field(default_factory=dict)
    """Word of the log -> action, or "ignore". The word "*" stands for every row."""
    time_format: str | None = None
    time_unit: str | None = None
    timezone: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    currency: str | None = None

    def with_column(self, role: str, name: str) -> Told:
        """The same, and a column for a role that nobody gave one."""
        return replace(self, columns={role: name, **self.columns})


@dataclass(frozen=True)
class Finding:
    """One thing that was found out, and from what."""

    what: str
    """What it is about, as a scenario names it: "user", "timezone", "split"."""
    found: str
    why: str
    assumed: bool = False
    """The data do not tell: this is only the usual answer."""


@dataclass(frozen=True)
class OpenQuestion:
    """Something that the data do not answer."""

    text: str
    choices: Mapping[str, str]
    """Answer -> what it means."""
    usual: str | None
    """The answer that is likeliest; None: none is likely enough to be taken unasked."""
    option: str
    """How the command line is told, with the word ANSWER in the answer's place."""


Ask = Callable[[OpenQuestion], str]
"""Answers a question with one of its choices."""


class UnansweredError(DataError):
    """The data do not answer a question, and nobody was there to be asked."""


def nobody(question: OpenQuestion) -> str:
    """Refuse to answer; the message names the option that would.

    Raises:
        UnansweredError: Always.
    """
    known = ", ".join(question.choices)
    if question.usual is None:
        raise UnansweredError(f"{question.text} Say it with {question.option}, ANSWER: {known}")
    option = question.option.replace("ANSWER", question.usual)
    raise UnansweredError(
        f"{question.text} ({known}) Say it with {option}, or take the usual: --yes"
    )


def usual(question: OpenQuestion) -> str:
    """Answer with what is likeliest.

    Raises:
        UnansweredError: No answer is likely enough.
    """
    return nobody(question) if question.usual is None else question.usual


@dataclass
class Findings:
    """What was found out so far, in order, and who answers questions."""

    ask: Ask
    found: list[Finding] = field(default_factory=list)

    def note(self, what: str, found: str, why: str, *, assumed: bool = False) -> None:
        """Remember what was found out and from what."""
        self.found.append(Finding(what, found, why, assumed))

    def answer(self, what: str, question: OpenQuestion) -> str:
        """Ask, and remember what was answered."""
        answer = self.ask(question)
        self.note(what, answer, "as answered", assumed=self.ask is usual)
        return answer
