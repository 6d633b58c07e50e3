"""A shop of drinks and tools, and customers who buy only one kind: answers obvious to the eye."""

import numpy as np

from footfall.datasets.catalogue import Catalogue
from footfall.llm.fake import FakeModel
from footfall.users.population import Persona

DRINKS = ["Oat milk", "Apple juice", "Green tea", "Lemonade", "Cocoa"]
TOOLS = ["Hammer", "Wrench", "Drill", "Screwdriver", "Pliers"]
TITLES = [*DRINKS, *TOOLS]


def catalogue(titles=TITLES):
    n = len(titles)
    return Catalogue(
        ids=tuple(f"i{code}" for code in range(n)),
        titles=tuple(titles),
        categories=("goods",) * n,
        prices=np.where(np.arange(n) % 2, np.nan, 2.5),
        currency="USD",
    )


def persona(items, user="u", orders=None, profile=None):
    n = len(items)
    return Persona(
        user=user,
        profile=profile or {},
        items=np.array(items, dtype=np.int32),
        times=np.datetime64("2017-03-01") + np.arange(n).astype("timedelta64[h]"),
        actions=np.full(n, 3, dtype=np.int8),
        quantities=np.ones(n),
        values=np.full(n, np.nan),
        orders=np.arange(n) if orders is None else np.array(orders, dtype=np.int64),
    )


DRINKER = persona([0, 1, 2, 3], user="drinker")
BUILDER = persona([5, 6, 7, 8], user="builder")


class Listening(FakeModel):
    """Remembers the questions of the last call."""

    heard = ()

    def ask(self, questions):
        self.heard = questions
        return super().ask(questions)

    def items(self):
        """What was asked about the items, as text."""
        return [self.tokenizer.decode(one.suffix.ids).strip() for one in self.heard]


def taste(prefix, item):
    """People like what is of the kind that they bought; somebody without a past: nothing."""
    kinds = [kind for kind in (DRINKS, TOOLS) if any(title in prefix for title in kind)]
    named = [kind for kind in (DRINKS, TOOLS) if any(title in item for title in kind)]
    if not kinds or not named:
        return 0.0
    return 2.0 if named[0] is kinds[0] else -2.0
