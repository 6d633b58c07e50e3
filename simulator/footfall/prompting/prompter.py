"""Personas, visits and items -> text -> token ids: a shared prefix and short suffixes.

A prompt knows a persona's remembered history and this visit, and nothing else, so nothing
held out can reach it. Prefixes are padded with newlines so that they end where the engine's
cache can reuse them (see ``Layout``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import ACTIONS
from footfall.datasets.titles import short
from footfall.llm.protocol import Tokenizer, Tokens
from footfall.plumbing.images import ImageFile
from footfall.prompting.templates import Event, Option, Regular, Template, Trip
from footfall.prompting.untrusted import Cleaner, suspicion
from footfall.users.familiarity import TAKEN, Familiarity, Repeat
from footfall.users.neighbours import EVEN
from footfall.users.population import Persona

_PROFILE_CHARS = 80
_SUMMARY_CHARS = 240
_SUFFIX_RESERVE = 96  # tokens kept free behind the prefix where the whole prompt is limited
_PERSONAL = ("item_repeat", "category_repeat", "affinity", "orders")
_NEVER = Repeat()
_REMEMBERED_SUFFIXES = 1_000_000
"""Wordings kept in memory; beyond it all are made anew."""

_Ask = tuple[int, Repeat, Repeat, int]
"""An item, how often it and its category were taken, affinity: all that a wording depends on."""


@dataclass(frozen=True, slots=True)
class VisitSoFar:
    """Who looks, and what they did earlier in this visit. None: somebody without a past."""

    persona: Persona | None
    clicked: tuple[int, ...] = ()
    bought: tuple[int, ...] = ()
    context: str = ""
    """The moment of the visit in words."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The shared part of a prompt."""

    tokens: Tokens
    dropped_events: int = 0
    """Oldest events left out because of the token budget."""
    familiarity: Familiarity | None = None
    """How well the person knows the items, where the template tells; for ``suffixes``."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a history a prompt may hold."""

    history_events: int = 20
    """Newest events that are shown; leaving out older ones is a choice and not counted."""
    history_tokens: int = 256
    """Tokens of the history; where it is longer the oldest events are dropped, counted."""
    prompt_tokens: int = 1 << 30
    """Tokens of the whole prompt."""
    title_chars: int = 120
    """Characters of a title; longer ones are cut."""
    regulars: int = 0
    """Most often taken kinds of items, by short title, of the whole remembered history."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the seam between prefix and suffix lies.

    Either the item is part of the user's words (``item_in_answer`` False) and the chat is
    closed behind it, or the chat is closed first and the item begins the assistant's words.
    In the second case the suffix's own tokens are weighed, and the engine must compute the
    prefix's last token afresh to weigh the suffix's first: so not the prefix but the prefix
    without its last token fills whole cache blocks.
    """

    item_in_answer: bool
    block_size: int

    @property
    def remainder(self) -> int:
        """Length of a prefix modulo the block size."""
        return 1 % self.block_size if self.item_in_answer else 0


@dataclass(frozen=True, slots=True)
class _Draft:
    """A prefix before padding; ``tail`` closes the chat, or is empty."""

    stable: list[int]
    visit: list[int]
    tail: list[int]


class Prompter:
    """Makes prompts for one template, tokenizer and catalogue.

    Args:
        template: The checked template.
        layout: Where prefix and suffix meet.
        budget: Limits of the history.
        tokenizer: The model's.
        catalogue: Titles, categories and prices of the items.
        persona_prose: Whether templates may tell the profile.
        hide_suspects: Leave out texts that read like words to the model
            (``footfall.prompting.prompter.untrusted``); an item then goes by its category.
        image_mark: Stands before the item's own words where it has an image; "": none are shown.
    """

    def __init__(
        self,
        template: Template,
        layout: Layout,
        budget: Budget,
        tokenizer: Tokenizer,
        catalogue: Catalogue,
        *,
        persona_prose: bool = False,
        hide_suspects: bool = True,
        image_mark: str = "",
    ) -> None:
        self._template = template
        self._layout = layout
        self._budget = budget
        self._tokenizer = tokenizer
        self._catalogue = catalogue
        self._persona_prose = persona_prose
        self._image_mark = image_mark
        self._titles: dict[int, str] = {}
        self._categories: dict[int, str] = {}
        self._suffixes: dict[_Ask, Tokens] = {}
        self.personal = not template.names.isdisjoint(_PERSONAL)
        """Whether the question about an item tells how well this persona knows it."""
        _, categories = np.unique(np.asarray(catalogue.categories, dtype=str), return_inverse=True)
        self._categories_of = categories.astype(np.int64)
        self._cleaner = Cleaner(tokenizer.control_tokens)
        self._hide_suspects = hide_suspects
        # Some tokenizers put a mark of their own before a lone newline: the last id is it.
        self._newline = tokenizer.encode("\n")[-1]
        _, self._closing = tokenizer.chat("", "")
        self._bare = len(self._drafts([VisitSoFar(None)], [None], [0])[0].stable)

    def prefixes(self, visits: Sequence[VisitSoFar]) -> list[Prefix]:
        """One prefix a visit, in order; all are tokenised together."""
        shown = [self._shown(visit) for visit in visits]
        known = [self._familiarity(visit.persona) for visit in visits]
        kept = list(shown)
        drafts = self._drafts(visits, known, kept)
        todo = list(range(len(visits)))
        while todo := [i for i in todo if kept[i] and self._excess(drafts[i]) > 1]:
            for i in todo:
                kept[i] = min(kept[i] - 1, int(kept[i] / self._excess(drafts[i])))
            shorter = self._drafts(
                [visits[i] for i in todo], [known[i] for i in todo], [kept[i] for i in todo]
            )
            for i, draft in zip(todo, shorter, strict=True):
                drafts[i] = draft
        return [
            Prefix(self._padded(draft), full - short, who)
            for draft, full, short, who in zip(drafts, shown, kept, known, strict=True)
        ]

    def suffixes(
        self, items: Sequence[int], known: Sequence[Familiarity | None] | None = None
    ) -> list[Tokens]:
        """The question about each item; each wording is tokenised once, all new ones together.

        Args:
            items: Catalogue codes.
            known: Of each item's ``Prefix``. None: somebody without a past.
        """
        if known is None or not self.personal:
            asks = [self._ask(item, None) for item in items]
        else:
            asks = [self._ask(item, who) for item, who in zip(items, known, strict=True)]
        made = self._suffixes
        new = [ask for ask in dict.fromkeys(asks) if ask not in made]
        if new:
            if len(made) > _REMEMBERED_SUFFIXES:
                made.clear()
                new = list(dict.fromkeys(asks))
            texts = [
                self._mark(ask[0]) + self._closed_text(self._item_variables(*ask)) for ask in new
            ]
            encoded = self._tokenizer.encode_many(texts)
            made.update((ask, Tokens(tuple(ids))) for ask, ids in zip(new, encoded, strict=True))
        return [made[ask] for ask in asks]

    def image(self, item: int) -> ImageFile | None:
        """The image that is shown with the question about an item; None: there is none."""
        if not self._image_mark or not self._catalogue.images:
            return None
        return self._catalogue.images[item]

    def _mark(self, item: int) -> str:
        return "" if self.image(item) is None else self._image_mark + "\n"

    def _ask(self, item: int, known: Familiarity | None) -> _Ask:
        if known is None:
            return item, _NEVER, _NEVER, EVEN
        category = known.categories.get(int(self._categories_of[item]), _NEVER)
        return item, known.items.get(item, _NEVER), category, known.affinity([item])[0]

    def slate_suffix(
        self, items: Sequence[int], letters: Sequence[str], none_letter: str
    ) -> Tokens:
        """The question about a whole slate, in the given order."""
        options = [
            Option(letter, self.title(item), self._category(item), self._price(item))
            for letter, item in zip(letters, items, strict=True)
        ]
        return self.options_suffix(options, none_letter)

    def options_suffix(self, options: Sequence[Option], none_letter: str) -> Tokens:
        """The question about options that need not be items of the catalogue."""
        variables = {"options": list(options), "none_letter": none_letter}
        return self._closed(variables | {"currency": self._catalogue.currency})

    def title(self, item: int) -> str:
        """Title of an item as prompts show it."""
        title = self._titles.get(item)
        if title is None:
            raw = self._catalogue.titles[item]
            title = self._clean(raw, self._budget.title_chars) or self._category(item)
            title = self._titles[item] = title or "(no title)"
        return title

    def _clean(self, text: str, limit: int) -> str:
        """One line without control tokens; nothing of what reads like words to the model."""
        hidden = self._hide_suspects and suspicion(text)
        return "" if hidden else self._cleaner.clean(text, limit)

    def _item_variables(
        self, item: int, taken: Repeat, category: Repeat, affinity: int
    ) -> dict[str, Any]:
        return {
            "affinity": affinity,
            "item_repeat": taken,
            "category_repeat": category,
            "title": self.title(item),
            "category": self._category(item),
            "price": self._price(item),
            "currency": self._catalogue.currency,
        }

    def _category(self, item: int) -> str:
        category = self._categories.get(item)
        if category is None:
            raw = self._catalogue.categories[item]
            category = self._categories[item] = self._clean(raw, self._budget.title_chars)
        return category

    def _price(self, item: int) -> float | None:
        price = float(self._catalogue.prices[item])
        return None if np.isnan(price) else price

    def _familiarity(self, persona: Persona | None) -> Familiarity | None:
        return Familiarity.of(persona, self._categories_of) if self.personal else None

    def _shown(self, visit: VisitSoFar) -> int:
        """Events of this persona that are shown if the token budget allows."""
        known = 0 if visit.persona is None else len(visit.persona.items)
        return min(known, self._budget.history_events)

    def _excess(self, draft: _Draft) -> float:
        """How many times too long a draft is; more than 1 is too long."""
        history = max(1, len(draft.stable) - self._bare)
        others = self._bare + len(draft.visit) + len(draft.tail) + self._layout.block_size
        room = self._budget.prompt_tokens - _SUFFIX_RESERVE - others
        return history / max(1, min(self._budget.history_tokens, room))

    def _drafts(
        self,
        visits: Sequence[VisitSoFar],
        known: Sequence[Familiarity | None],
        kept: Sequence[int],
    ) -> list[_Draft]:
        """Render and tokenise; three short texts a visit, so that no merge crosses a seam."""
        texts: list[str] = []
        for visit, who, events in zip(visits, known, kept, strict=True):
            texts += self._texts(visit, who, events)
        ids = self._tokenizer.encode_many(texts)
        return [_Draft(*ids[i : i + 3]) for i in range(0, len(ids), 3)]

    def _texts(
        self, visit: VisitSoFar, known: Familiarity | None, events: int
    ) -> tuple[str, str, str]:
        orders = 0 if known is None else known.orders
        variables = self._visit_variables(visit, events) | {"orders": orders}
        system = self._template.render("system", variables)
        history = self._template.render("history", variables)
        opening, closing = self._tokenizer.chat(system, history + "\n" if history else "")
        now = visit.clicked or visit.bought or visit.context
        said = self._template.render("visit", variables) if now else ""
        tail = ""
        if self._layout.item_in_answer:
            answer = self._template.render("answer", variables)
            tail = closing + (answer + "\n" if answer else "")
        return opening, said + "\n" if said else "", tail

    def _visit_variables(self, visit: VisitSoFar, events: int) -> dict[str, Any]:
        persona = visit.persona
        profile = {} if persona is None else persona.profile
        clean = {
            self._clean(key, _PROFILE_CHARS): self._clean(value, _PROFILE_CHARS)
            for key, value in profile.items()
        }
        return {
            "profile": clean if self._persona_prose else {},
            "persona_prose": self._persona_prose and bool(clean),
            # The model's own words about this person: they may say "the customer buys ...".
            "summary": ""
            if persona is None
            else self._cleaner.clean(persona.summary, _SUMMARY_CHARS),
            "trips": [] if persona is None or not events else self._trips(persona, events),
            "regulars": [] if persona is None else self._regulars(persona),
            "orders": 0
            if not self.personal
            else Familiarity.of(persona, self._categories_of).orders,
            "context": self._clean(visit.context, _SUMMARY_CHARS),
            "clicked": [self.title(item) for item in visit.clicked],
            "bought": [self.title(item) for item in visit.bought],
            "currency": self._catalogue.currency,
        }

    def _regulars(self, persona: Persona) -> list[Regular]:
        """What was taken most often, most often first; ties by the newest, then by title."""
        if not self._budget.regulars:
            return []
        taken = np.isin(persona.actions, TAKEN)
        counts: Counter[str] = Counter()
        newest: dict[str, int] = {}
        for place, item in enumerate(persona.items[taken].tolist()):
            name = short(self.title(item))
            counts[name] += 1
            newest[name] = place
        order = sorted(counts, key=lambda name: (-counts[name], -newest[name], name))
        return [Regular(name, counts[name]) for name in order[: self._budget.regulars]]

    def _trips(self, persona: Persona, events: int) -> list[Trip]:
        """The newest ``events`` events, oldest first, by order or else by day."""
        seen = zip(
            persona.orders[-events:].tolist(),
            persona.times[-events:],
            map(self._event, *_rows(persona, events)),
            strict=True,
        )
        groups = groupby(seen, key=lambda e: e[0] if e[0] >= 0 else e[1].astype("datetime64[D]"))
        trips = []
        for _, group in groups:
            members = list(group)
            trips.append(Trip(tuple(event for _, _, event in members), members[0][1]))
        return trips

    def _event(self, item: int, action: int, quantity: float, value: float) -> Event:
        known = None if np.isnan(value) else value
        return Event(self.title(item), self._category(item), ACTIONS[action], quantity, known)

    def _closed(self, variables: dict[str, Any]) -> Tokens:
        return Tokens(tuple(self._tokenizer.encode(self._closed_text(variables))))

    def _closed_text(self, variables: dict[str, Any]) -> str:
        """An item block, with the end of the chat where the layout wants it."""
        text = self._template.render("item", variables)
        if not self._layout.item_in_answer:
            answer = self._template.render("answer", variables)
            text += self._closing + (answer + "\n" if answer else "")
        return text

    def _padded(self, draft: _Draft) -> Tokens:
        """Fill with newlines: at the start, and before what happened in this visit.

        The start is filled as if nothing had happened in this visit, so the cached history
        stays where it is, whatever the user does.
        """
        block, remainder = self._layout.block_size, self._layout.remainder
        start = (remainder - len(draft.stable) - len(draft.tail)) % block
        ids = [self._newline] * start + draft.stable
        if draft.visit:
            gap = (remainder - len(ids) - len(draft.visit) - len(draft.tail)) % block
            ids += [self._newline] * gap + draft.visit
        return Tokens(tuple(ids + draft.tail))


def _rows(persona: Persona, events: int) -> tuple[list[Any], ...]:
    """The newest events as columns of plain Python values."""
    columns = (persona.items, persona.actions, persona.quantities, persona.values)
    return tuple(column[-events:].tolist() for column in columns)
