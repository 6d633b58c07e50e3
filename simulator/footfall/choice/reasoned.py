"""Mode ``reasoned``: the model says in JSON how much it wants each option, and why.

    {"reason": "I bake on Sundays", "wanted": [5, 1, 2]}

    utility = wanted - 3, wanted being a whole number from 1 to 5

An engine that writes JSON of a schema cannot answer in another form, but it can be cut off; what
does not parse, or has other numbers than were asked for, is no answer, and counted. Numbers that
are written out are coarser than probabilities, and writing takes a hundred times as long as
reading one token: this mode is for samples (``choice: reasons``) and for looking, not for crowds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np

from footfall.choice.asking import Spent, VisitStates, no_opinion, note, open_prompter
from footfall.choice.protocol import Diagnostics, Page, PageUtilities
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.errors import ModelError
from footfall.llm.protocol import LanguageModel, NoAnswer, Tokens
from footfall.llm.writing import Passage, Writer, Written
from footfall.plumbing.json_files import parse_object
from footfall.prompting.prompter import Prompter

MOST_OPTIONS = len(ascii_uppercase)
"""Longest slate."""

LEAST, MIDDLE, MOST = 1, 3, 5
"""What "wanted" may be; the middle is a utility of 0."""

REASON_CHARS = 120
"""Longest reason."""


@dataclass(frozen=True, slots=True)
class Why:
    """What the model said about a slate."""

    wanted: tuple[int, ...] = ()
    """[k] ``LEAST`` to ``MOST``."""
    reason: str = ""
    missing: str = ""
    """Why there is no answer; "" where there is one."""


def schema(options: int) -> dict[str, Any]:
    """JSON schema of an answer about so many options."""
    mark = {"type": "integer", "minimum": LEAST, "maximum": MOST}
    marks = {"type": "array", "items": mark, "minItems": options, "maxItems": options}
    reason = {"type": "string", "maxLength": REASON_CHARS}
    return {
        "type": "object",
        "properties": {"reason": reason, "wanted": marks},
        "required": ["reason", "wanted"],
        "additionalProperties": False,
    }


def read(reply: Written | NoAnswer, options: int) -> Why:
    """What a reply says; anything but the JSON that was asked for is no answer."""
    if isinstance(reply, NoAnswer):
        return Why(missing=reply.reason)
    try:
        raw = parse_object(reply.text)
        wanted, reason = raw["wanted"], raw["reason"]
    except (ValueError, KeyError, TypeError):
        return Why(missing="not the JSON that was asked for")
    whole = isinstance(wanted, list) and all(type(mark) is int for mark in wanted)
    if not whole or not isinstance(reason, str) or len(wanted) != options:
        return Why(missing="not the JSON that was asked for")
    if not all(LEAST <= mark <= MOST for mark in wanted):
        return Why(missing=f"a mark that is not from {LEAST} to {MOST}")
    return Why(tuple(wanted), " ".join(reason.split())[:REASON_CHARS])


class ReasonedChoice:
    """Utilities from JSON; see ``footfall.choice.protocol.ChoiceModel``."""

    def __init__(self, spec: ChoiceSpec, writer: Writer, prompter: Prompter) -> None:
        self.diagnostics = Diagnostics()
        self._writer = writer
        self._prompter = prompter
        self._states = VisitStates(prompter, spec, self.diagnostics)

    def whys(self, pages: Sequence[Page]) -> list[Why]:
        """What the model says about each page, in order; all are written in one batch."""
        states = self._states.of(pages)
        passages = {
            number: self._passage(page, state.prefix)
            for number, (page, state) in enumerate(zip(pages, states, strict=True))
            if 0 < len(page.items) <= MOST_OPTIONS
        }
        replies = dict(
            zip(passages, self._writer.write(list(passages.values())), strict=True)
            if passages
            else ()
        )
        self.diagnostics.questions += len(passages)
        for number, reply in replies.items():
            if isinstance(reply, Written):
                self.diagnostics.from_store += reply.from_store
                if not reply.from_store:
                    self.diagnostics.prompt_tokens += len(passages[number].prompt)
        too_long = Why(missing=f"a slate of none or more than {MOST_OPTIONS} items")
        return [
            read(replies[number], len(page.items)) if number in replies else too_long
            for number, page in enumerate(pages)
        ]

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order."""
        opinions = []
        for page, why in zip(pages, self.whys(pages), strict=True):
            if why.missing:
                opinions.append(no_opinion(len(page.items), why.missing, Spent()))
            else:
                marks = np.array(why.wanted, dtype=np.float64) - MIDDLE
                opinions.append(PageUtilities(marks))
        note(self.diagnostics, opinions)
        return opinions

    def _passage(self, page: Page, prefix: Tokens) -> Passage:
        k = len(page.items)
        suffix = self._prompter.slate_suffix(page.items, ascii_uppercase[:k], "")
        # Reasons are cut at characters, of which a token has one at the least.
        return Passage(Tokens(prefix.ids + suffix.ids), schema(k), max_tokens=REASON_CHARS + 4 * k)


def open_reasoned(
    spec: ChoiceSpec, model: LanguageModel, catalogue: Catalogue, base: Path
) -> ReasonedChoice:
    """Make the choice model of this mode; see ``footfall.answering.opening.open_choice``.

    Raises:
        ModelError: The model cannot write.
    """
    if not isinstance(model, Writer):
        raise ModelError(f'"{model.name}" cannot write; choose another model or mode')
    own = spec if spec.mode == "reasoned" else spec.model_copy(update={"template": None})
    named = own.model_copy(update={"mode": "reasoned", "memory": None})
    prompter = open_prompter(named, model, catalogue, base, item_in_answer=False)
    return ReasonedChoice(named, model, prompter)
