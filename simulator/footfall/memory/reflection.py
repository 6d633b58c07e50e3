"""Looking back: the model sums up in a few words what a user likes.

The words are categories of the catalogue, ranked by how much likelier the user's history makes
them than no history does. So a summary is read from probabilities like every other answer: it
cannot be garbled, it is stored with its questions, and a rerun replays it. A new version is made
every few visits of the run and tells only of what happened before the visit it was made for.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from footfall.choice.likelihood import open_likelihood
from footfall.choice.memory_specs import ReflectionSpec
from footfall.choice.protocol import ChoiceModel, Page
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.llm.protocol import LanguageModel
from footfall.memory.recall import keep, with_lived
from footfall.users.population import Persona

TEMPLATE = "reflection"

_REMEMBERED = 100_000
"""Summaries that are kept in memory."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What somebody likes, in a few words; ``reason`` says why there is none."""

    text: str = ""
    reason: str = ""


class Reflector:
    """Makes summaries, each once a user and version."""

    def __init__(
        self, spec: ReflectionSpec, choice: ChoiceModel, names: Sequence[str], first: int
    ) -> None:
        """Use ``choice`` to weigh ``names``, whose codes begin at ``first``."""
        self._spec = spec
        self._choice = choice
        self._names = names
        self._codes = tuple(range(first, first + len(names)))
        self._known: OrderedDict[tuple[object, ...], Summary] = OrderedDict()

    def version(self, page: Page) -> int:
        """Number of the visit for which the summary that holds now was made."""
        return page.session - page.session % self._spec.every

    def summaries(self, pages: Sequence[Page]) -> list[Summary]:
        """One summary a page, in order; all new ones are asked for in one batch."""
        looked = [with_lived(page, before=self.version(page)) for page in pages]
        backs = [self._newest(persona) for persona in looked]
        keys = [(p.user, p.items.tobytes(), p.times.tobytes()) for p in backs]
        new = {k: p for k, p in zip(keys, backs, strict=True) if k not in self._known}
        found = self._choice.utilities([Page(p, self._codes) for p in new.values() if len(p.items)])
        opinions = iter(found)
        for key, persona in new.items():
            if not len(persona.items):
                self._known[key] = Summary()  # nothing to look back on
                continue
            opinion = next(opinions)
            if opinion.answered:
                self._known[key] = Summary(self._text(opinion.llm))
            else:
                self._known[key] = Summary(reason=f"reflection: {opinion.reason}")
        made = [self._known[key] for key in keys]
        for key in new:
            if self._known[key].reason:
                del self._known[key]  # to be asked again
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return made

    def _newest(self, persona: Persona) -> Persona:
        n = len(persona.items)
        return keep(persona, np.arange(max(0, n - self._spec.events), n))

    def _text(self, weights: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
        order = np.argsort(-weights, kind="stable")[: self._spec.words]
        return ", ".join(self._names[place] for place in order)


def open_reflector(
    spec: ReflectionSpec,
    choice: ChoiceSpec,
    model: LanguageModel,
    catalogue: Catalogue,
    base: Path,
) -> Reflector:
    """Make a reflector over the catalogue's largest categories."""
    sizes = Counter(category for category in catalogue.categories if category)
    names = sorted(sizes, key=lambda name: (-sizes[name], name))[: spec.among]
    asked = choice.model_copy(
        update={
            "mode": "likelihood",
            "template": TEMPLATE,
            "history_events": spec.events,
            "visit_events": False,
            "memory": None,
        }
    )
    weigher = open_likelihood(asked, model, _with_categories(catalogue, names), base)
    return Reflector(spec, weigher, names, len(catalogue))


def _with_categories(catalogue: Catalogue, names: Sequence[str]) -> Catalogue:
    """The catalogue with its categories at the end, so that they can be asked about."""
    return replace(
        catalogue,
        ids=(*catalogue.ids, *names),
        titles=(*catalogue.titles, *names),
        categories=(*catalogue.categories, *("" for _ in names)),
        prices=np.concatenate([catalogue.prices, np.full(len(names), np.nan)]),
        _codes={},
    )
